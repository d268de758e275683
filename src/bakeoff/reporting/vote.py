"""Majority vote of a network's seeds on each test image, and the selection of images to show."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Vote:
    """One network's prediction for every test image: the most common one among its seeds."""

    predicted: np.ndarray
    """(N,) uint16: the class most seeds predict; ties go to the higher mean probability."""
    confidence: np.ndarray
    """(N,) float32: probability of that class, mean over seeds."""
    right: np.ndarray
    """(N,) uint16: number of seeds that are correct."""
    seeds: int


class Tally:
    """Sums predictions run by run, so that the probabilities of only one run are in memory."""

    def __init__(self, labels: np.ndarray, classes: int) -> None:
        """`labels` are the N true classes, below `classes`."""
        self._labels = labels
        self._votes = np.zeros((len(labels), classes), np.float32)
        self._total = np.zeros((len(labels), classes), np.float32)
        self._right = np.zeros(len(labels), np.uint16)
        self._seeds = 0

    def add(self, predicted: np.ndarray, probabilities: np.ndarray) -> None:
        """Count one run: classes (N,) and probabilities (N, K)."""
        self._votes[np.arange(len(predicted)), predicted] += 1
        self._total += probabilities
        self._right += predicted == self._labels
        self._seeds += 1

    def result(self) -> Vote:
        """Return the vote of the runs added so far; there must be at least one."""
        mean = self._total / self._seeds
        chosen = np.argmax(self._votes + mean / 2, axis=1)  # at most half a vote: breaks ties only
        confidence = np.take_along_axis(mean, chosen[:, None], axis=1)[:, 0]
        return Vote(chosen.astype(np.uint16), np.clip(confidence, 0, 1), self._right, self._seeds)


KINDS = ("wrong", "unsure", "sure")


def select_gallery(vote: Vote, labels: np.ndarray, most: int) -> dict[str, list[int]]:
    """Return up to `most` test images of each kind in `KINDS`.

    wrong: errors, most confident first; unsure: correct, least confident first; sure: correct, the most confident of
    each class.
    """
    is_right = vote.predicted == labels
    order = np.argsort(-vote.confidence, kind="stable")
    right = order[is_right[order]]
    _, first = np.unique(labels[right], return_index=True)
    surest = np.sort(first)[:most]
    return {
        "wrong": order[~is_right[order]][:most].tolist(),
        "unsure": right[::-1][:most].tolist(),
        "sure": sorted(right[surest].tolist(), key=lambda image: int(labels[image])),
    }


@dataclass(frozen=True)
class SharedImages:
    """Images that all networks of a table get wrong, and images they disagree on."""

    wrong: list[int]
    """Wrong for all networks; most confident errors first."""
    all_wrong: int
    """Total number of these."""
    disputed: list[int]
    """The networks disagree; most evenly divided first."""
    all_disputed: int


def find_shared(nets: Sequence[Vote], labels: np.ndarray, most: int) -> SharedImages:
    """Return up to `most` images of either kind; none for fewer than two networks."""
    if len(nets) < 2:
        return SharedImages([], 0, [], 0)
    predicted = np.stack([net.predicted for net in nets])
    confidence = np.mean([net.confidence for net in nets], axis=0)
    wrong = np.flatnonzero((predicted != labels).all(axis=0))
    disagreement = _entropy(predicted)
    disputed = np.flatnonzero(disagreement > 0)
    return SharedImages(
        wrong[np.argsort(-confidence[wrong], kind="stable")][:most].tolist(),
        len(wrong),
        disputed[np.lexsort((confidence[disputed], -disagreement[disputed]))][:most].tolist(),
        len(disputed),
    )


def _entropy(predicted: np.ndarray) -> np.ndarray:
    """Return (N,) float64: entropy in nats of the predictions (nets, N) of each image."""
    nets, images = predicted.shape
    votes = np.zeros((images, int(predicted.max(initial=0)) + 1), np.uint16)
    for own in predicted:
        votes[np.arange(images), own] += 1
    # A vote for a class that gets n of all votes adds -log(n / all) / all, and there are n of them.
    terms = -np.log(np.arange(1, nets + 1) / nets) * np.arange(1, nets + 1) / nets
    return np.concatenate([[0.0], terms])[votes].sum(axis=1).round(9)


def select_examples(labels: np.ndarray, classes: int, most: int) -> list[list[int]]:
    """Return evenly spaced test images of each class: about `most` in total, of some classes if there are more."""
    each = max(1, min(10, most // max(classes, 1)))
    shown = set(np.linspace(0, classes - 1, min(classes, max(most, 1))).astype(int).tolist()) if classes else set()
    found: list[list[int]] = []
    for label in range(classes):
        if label not in shown:
            found.append([])
            continue
        own = np.flatnonzero(labels == label)
        found.append(own[np.unique(np.linspace(0, len(own) - 1, each).astype(int))].tolist() if len(own) else [])
    return found
