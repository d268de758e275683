"""Chooses the test images on a page, and collects the predictions of each network for them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

import numpy as np

from bakeoff.reporting.model import Table
from bakeoff.reporting.vote import KINDS, SharedImages, Vote, find_shared, select_examples, select_gallery

EACH = 32
"""Images in a gallery, space permitting."""
LISTED = 1500
"""Images in all galleries of a data set: with many networks, each gets fewer."""
EXAMPLES = 200
"""Example images of a data set, divided among its classes."""
MAPPED = 600
"""Test images on the map."""
PREDICTIONS = 80_000
"""Predictions of single images on a page, space permitting: with many networks, it holds fewer images."""
HELD = 1000
"""Images of all data sets of a page by default; each data set has `FEWEST` at least."""
FEWEST = 120
"""Minimum images of a data set, for any number of networks and data sets."""
COUNTED = 400
"""Confusions whose images are counted for each network, the most frequent first; fewer with many networks."""


@dataclass(frozen=True)
class Embedded:
    """The images of one data set that a page holds."""

    images: list[int]
    """Most important first: if space runs out, the last ones get no picture."""
    examples: list[list[int]]
    """Of each class; empty for classes that are left out."""
    mapped: list[int]
    """Those on the map."""
    tables: dict[str, dict[str, Any]]
    """Table key → what the scripts show of its networks."""


def embed_images(
    tables: Sequence[Table], labels: np.ndarray, classes: int, space: int, most: int | None = None, sets: int = 1
) -> Embedded:
    """Choose the images of one data set, and collect the predictions of the networks of its tables.

    Args:
        tables: all of the data set.
        labels: (N,) its test labels.
        classes: how many there are.
        space: pictures that fit; 0 if the images are not available.
        most: images to hold; by default as many as there is space for.
        sets: data sets that share the page.
    """
    lines = sum(len(table.lines) for table in tables)
    limit = most or (max(FEWEST, min(HELD, PREDICTIONS // lines) // sets) if space else FEWEST)
    each = max(3, min(EACH, LISTED // (len(KINDS) * lines)))
    mapped = _pick_evenly(len(labels), min(MAPPED, limit // 2)) if space else []
    examples = select_examples(labels, classes, min(EXAMPLES, max(space, FEWEST) // 3))
    votes = {table.key: {line.label: line.pooled.vote for line in table.lines if line.pooled} for table in tables}
    confused = {(key, net): list_confused(vote, labels) for key, own in votes.items() for net, vote in own.items()}
    shared = {key: find_shared(list(own.values()), labels, 2 * EACH) for key, own in votes.items()}
    galleries = {
        (key, net): select_gallery(vote, labels, each) for key, own in votes.items() for net, vote in own.items()
    }
    wanted = chain(
        chain.from_iterable(examples),
        *(interleave([found.wrong, found.disputed]) for found in shared.values()),
        interleave([own[kind] for own in galleries.values() for kind in KINDS]),
        interleave([unlike for own in votes.values() for unlike in _list_unlike(list(own.values()), labels)]),
        interleave([confusion for own in confused.values() for confusion in own]),
    )
    images = _take(wanted, min(limit, space) if space else limit, mapped)
    held = set(images)
    payload = {
        table.key: {
            "shared": _shared_payload(shared[table.key], held),
            "lines": {
                line.label: _line_payload(
                    line.pooled.vote,
                    labels,
                    classes,
                    images,
                    galleries[table.key, line.label],
                    confused[table.key, line.label][: max(20, COUNTED // max(1, lines // 4))],
                )
                for line in table.lines
                if line.pooled
            },
        }
        for table in tables
    }
    return Embedded(images, [[i for i in own if i in held] for own in examples], mapped, payload)


def list_confused(vote: Vote, labels: np.ndarray) -> list[list[int]]:
    """Return the images of every confusion of a network, the most frequent confusion and its surest images first."""
    wrong = np.flatnonzero(vote.predicted != labels)
    cells: dict[tuple[int, int], list[int]] = {}
    for image in wrong[np.argsort(-vote.confidence[wrong], kind="stable")].tolist():
        cells.setdefault((int(labels[image]), int(vote.predicted[image])), []).append(image)
    return sorted(cells.values(), key=lambda cell: -len(cell))


def _list_unlike(votes: Sequence[Vote], labels: np.ndarray) -> Iterator[list[int]]:
    """Yield, for each network but the first, the images that only it or only the first gets right."""
    for other in votes[1:]:
        first_is_right = votes[0].predicted == labels
        unlike = np.flatnonzero(first_is_right != (other.predicted == labels))
        surest = np.maximum(votes[0].confidence[unlike], other.confidence[unlike])
        yield unlike[np.argsort(-surest, kind="stable")][:EACH].tolist()


def interleave(lists: Sequence[Sequence[int]]) -> Iterator[int]:
    """Yield the first of each list, then the second of each, and so on."""
    return (value for row in zip_longest(*lists) for value in row if value is not None)


def _take(images: Iterable[int], most: int, last: Sequence[int]) -> list[int]:
    """Return `most` different images: the first of `images`, then those of `last`, which are always included."""
    found: dict[int, None] = {}
    waiting = set(last)
    for image in images:
        if len(found) + len(waiting) >= most:
            break
        found[image] = None
        waiting.discard(image)
    return list(dict.fromkeys([*found, *last]))


def _shared_payload(shared: SharedImages, held: set[int]) -> dict[str, Any]:
    return {
        "wrong": [image for image in shared.wrong if image in held],
        "allWrong": shared.all_wrong,
        "disputed": [image for image in shared.disputed if image in held],
        "allDisputed": shared.all_disputed,
    }


def _line_payload(
    vote: Vote,
    labels: np.ndarray,
    classes: int,
    images: Sequence[int],
    gallery: dict[str, list[int]],
    confused: Sequence[Sequence[int]],
) -> dict[str, Any]:
    """Return the predictions of a network for `images`, in their order, and how many images each confusion has."""
    held, is_right = set(images), vote.predicted == labels
    return {
        "seeds": vote.seeds,
        "right": int(is_right.sum()),
        "rightOf": np.bincount(labels[is_right], minlength=classes).tolist(),
        "cells": [(int(labels[own[0]]), int(vote.predicted[own[0]]), len(own)) for own in confused],
        **{kind: [image for image in own if image in held] for kind, own in gallery.items()},
        "taken": vote.predicted[images].tolist(),
        "confidence": np.rint(1000 * vote.confidence[images]).astype(int).tolist(),
        "agreed": vote.right[images].tolist() if vote.seeds > 1 else None,
    }


def _pick_evenly(images: int, most: int) -> list[int]:
    return np.unique(np.linspace(0, images - 1, min(images, most)).astype(int)).tolist() if images else []
