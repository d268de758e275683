"""What makes the number of a network unusable, whatever it is: it did not learn the task. No torch.

The audit reports it, and a network with such a flaw in any of its finished seeds gets no rank: not on the page, nor in
tables, nor in the answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bakeoff.text.formats import counted, listing

COLLAPSED = 0.99
"""Share of all test images that were given one class."""
HARDLY_EVER = 0.01
"""A class predicted for fewer images than this share of its own counts as never predicted."""
FEWEST_IMAGES = 10
"""Classes with fewer test images are not judged."""

WORDS: Mapping[str, tuple[str, str]] = {
    "collapsed": ("predicts a single class", "predict a single class"),
    "dead-classes": ("never predicts some classes", "never predict some classes"),
    "no-better-than-majority": (
        "is no better than always naming the most common class",
        "are no better than always naming the most common class",
    ),
}
"""Flaw, also the kind of the audit's finding → what one network does, and what several do; the worst first."""


@dataclass(frozen=True)
class Collapse:
    """Nearly all test images were given one class."""

    place: int
    """Name of the class."""
    predicted: float
    """Share of the test images that were given it."""
    true: float
    """Share of the test images that belong to it."""


def find_collapse(confusion: np.ndarray) -> Collapse | None:
    """Return whether all or nearly all images got the same class, although the labels differ.

    `confusion` is (K, K): images of class [row] predicted as class [column].
    """
    if not _counts(confusion[None]).collapsed[0]:
        return None
    images, counts = int(confusion.sum()), confusion.sum(axis=0)
    one = int(counts.argmax())
    return Collapse(one, float(counts[one] / images), float(confusion[one].sum() / images))


def find_dead_classes(confusion: np.ndarray) -> np.ndarray:
    """Return the indices of classes that were never, or hardly ever, predicted; none where there is a collapse."""
    return np.flatnonzero(_are_dead(_counts(confusion[None]))[0])


def is_majority(confusion: np.ndarray) -> bool:
    """Return whether the accuracy is no higher than that of always naming the most common class, without a collapse.

    One-sided binomial test, 5 %.
    """
    return bool(_are_majority(_counts(confusion[None]))[0])


def find_flaw(confusions: Iterable[np.ndarray]) -> str:
    """Return the worst flaw among the seeds of a network, a key of WORDS; empty if the number is usable."""
    known = [confusion for confusion in confusions if confusion.any()]
    if not known:
        return ""
    every = _counts(np.stack(known))  # all seeds at once: there may be thousands
    found = {
        "collapsed": every.collapsed,
        "dead-classes": _are_dead(every),
        "no-better-than-majority": _are_majority(every),
    }
    return next((name for name in WORDS if found[name].any()), "")


class _Counts(NamedTuple):
    """Of the test images of S seeds."""

    images: np.ndarray
    """(S, K) int64: images of each class."""
    predicted: np.ndarray
    """(S, K) int64: images that were given each class."""
    right: np.ndarray
    """(S,) int64: images that were given their own class."""
    total: np.ndarray
    """(S,) int64"""
    collapsed: np.ndarray
    """(S,) bool: nearly all images got one class, and fewer belong to it."""


def _counts(every: np.ndarray) -> _Counts:
    """Return what flaws are found by, for (S, K, K) confusions."""
    images, predicted, seeds = every.sum(axis=2), every.sum(axis=1), np.arange(len(every))
    total, one = images.sum(axis=1), predicted.argmax(axis=1)
    found = (predicted[seeds, one] / total >= COLLAPSED) & (images[seeds, one] / total < 0.95 * COLLAPSED)
    return _Counts(images, predicted, np.trace(every, axis1=1, axis2=2), total, found)


def _are_dead(every: _Counts) -> np.ndarray:
    """Return (S, K) bool: the class was hardly ever predicted, without a collapse."""
    dead: np.ndarray = (every.images >= FEWEST_IMAGES) & (every.predicted <= HARDLY_EVER * every.images)
    return dead & ~every.collapsed[:, None]


def _are_majority(every: _Counts) -> np.ndarray:
    """Return (S,) bool: the accuracy is not above that of the most common class, without a collapse."""
    majority = every.images.max(axis=1) / every.total
    limit = majority + 1.645 * np.sqrt(majority * (1 - majority) / every.total)
    found: np.ndarray = every.right / every.total <= limit
    return found & ~every.collapsed


def describe_flaws(flaws: Mapping[str, str]) -> str:
    """Say which networks have which flaw: "nin predicts a single class; conv and drop never predict some classes".

    `flaws` is network → flaw.
    """
    groups: dict[str, list[str]] = {}
    for net, flaw in flaws.items():
        groups.setdefault(flaw, []).append(net)
    return "; ".join(
        f"{listing(groups[flaw], 4)} {WORDS[flaw][len(groups[flaw]) > 1]}" for flaw in WORDS if flaw in groups
    )


def describe_no_answer(flaws: Mapping[str, str]) -> str:
    """Say why there is no answer if every network has a flaw: "No usable answer: both networks never predict …"."""
    kinds = set(flaws.values())
    if len(kinds) > 1 or len(flaws) == 1:
        return f"No usable answer: {describe_flaws(flaws)}."
    who = "both networks" if len(flaws) == 2 else f"all {counted(len(flaws), 'network')}"
    return f"No usable answer: {who} {WORDS[kinds.pop()][1]}."
