"""What a network's seeds together say of each test image, and the images that are worth showing for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Verdicts:
    """One network's word on every test image. Where seeds disagree the commonest prediction stands."""

    predicted: np.ndarray
    """(N,) uint16: the class most seeds gave; among equals the one they hold more probable."""
    confidence: np.ndarray
    """(N,) float32: probability of that class, mean over seeds."""
    right: np.ndarray
    """(N,) uint16: seeds that got the image right."""
    seeds: int


class Tally:
    """Adds up predictions run by run, so that one run's probabilities are in memory at a time."""

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

    def verdicts(self) -> Verdicts:
        """Return what the runs added so far say together; there must be one at least."""
        mean = self._total / self._seeds
        chosen = np.argmax(self._votes + mean / 2, axis=1)  # half a vote at most: only equals are decided by it
        confidence = np.take_along_axis(mean, chosen[:, None], axis=1)[:, 0]
        return Verdicts(chosen.astype(np.uint16), np.clip(confidence, 0, 1), self._right, self._seeds)


KINDS = ("wrong", "unsure", "sure")


def gallery(verdicts: Verdicts, labels: np.ndarray, most: int) -> dict[str, list[int]]:
    """Return up to `most` test images of each kind in `KINDS`.

    wrong: the surest errors first; unsure: right, the least sure first; sure: right, the surest of every class.
    """
    is_right = verdicts.predicted == labels
    order = np.argsort(-verdicts.confidence, kind="stable")
    right = order[is_right[order]]
    _, first = np.unique(labels[right], return_index=True)
    surest = np.sort(first)[:most]
    return {
        "wrong": order[~is_right[order]][:most].tolist(),
        "unsure": right[::-1][:most].tolist(),
        "sure": sorted(right[surest].tolist(), key=lambda image: int(labels[image])),
    }


@dataclass(frozen=True)
class Shared:
    """Images on which the networks of one table are alike in failing, or differ."""

    wrong: list[int]
    """No network gets them right; the surest errors first."""
    all_wrong: int
    """How many of these there are."""
    disputed: list[int]
    """The networks disagree on them; the most evenly divided first."""
    all_disputed: int


def shared(nets: Sequence[Verdicts], labels: np.ndarray, most: int) -> Shared:
    """Return up to `most` images of either kind; none for fewer than two networks."""
    if len(nets) < 2:
        return Shared([], 0, [], 0)
    predicted = np.stack([net.predicted for net in nets])
    confidence = np.mean([net.confidence for net in nets], axis=0)
    wrong = np.flatnonzero((predicted != labels).all(axis=0))
    disagreement = _entropy(predicted)
    disputed = np.flatnonzero(disagreement > 0)
    return Shared(
        wrong[np.argsort(-confidence[wrong], kind="stable")][:most].tolist(),
        len(wrong),
        disputed[np.lexsort((confidence[disputed], -disagreement[disputed]))][:most].tolist(),
        len(disputed),
    )


def _entropy(predicted: np.ndarray) -> np.ndarray:
    """Return (N,) float64: how evenly the predictions (nets, N) of each image are spread over classes, in nats."""
    nets, images = predicted.shape
    votes = np.zeros((images, int(predicted.max(initial=0)) + 1), np.uint16)
    for own in predicted:
        votes[np.arange(images), own] += 1
    # A vote for a class that gets n of all votes adds -log(n / all) / all, and there are n of them.
    terms = -np.log(np.arange(1, nets + 1) / nets) * np.arange(1, nets + 1) / nets
    return np.concatenate([[0.0], terms])[votes].sum(axis=1).round(9)


def examples(labels: np.ndarray, classes: int, most: int) -> list[list[int]]:
    """Return test images of every class, evenly drawn from its first to its last, `most` in all but one per class."""
    each = max(1, min(10, most // max(classes, 1)))
    found = []
    for label in range(classes):
        own = np.flatnonzero(labels == label)
        found.append(own[np.unique(np.linspace(0, len(own) - 1, each).astype(int))].tolist() if len(own) else [])
    return found
