"""Which images a folder has, in few bytes, so that it can be said later what became of them."""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

BYTES = 6
"""Kept of each file's SHA-256: among a million images two share them with a probability of one in five hundred."""
Manifest: TypeAlias = dict[str, dict[str, str]]
"""Split → class → the sorted beginnings of its files' SHA-256, one after the other, in base64."""


class Changes(NamedTuple):
    """What became of a folder's images."""

    added: int
    gone: int
    relabelled: int
    """They have another class."""
    moved: int
    """They have the same class in another split."""
    kept: int

    def __str__(self) -> str:
        told = [(self.added, "added"), (self.gone, "gone"), (self.relabelled, "relabelled")]
        told += [(self.moved, "moved to another split")]
        some = [f"{count:,} {what}" for count, what in told if count]
        if not some:
            return "the same images under other names of classes"
        first, *others = some
        count, _, what = first.partition(" ")
        return ", ".join([f"{count} image{'' if count == '1' else 's'} {what}", *others])


def manifest_of(images: Iterable[tuple[str, str, str]]) -> Manifest:
    """Return the manifest of images given as (split, class, SHA-256 in hexadecimal)."""
    found: dict[str, dict[str, list[bytes]]] = {}
    for split, label, sha256 in images:
        found.setdefault(split, {}).setdefault(label, []).append(bytes.fromhex(sha256)[:BYTES])
    return {
        split: {label: base64.b64encode(b"".join(sorted(own))).decode() for label, own in sorted(labels.items())}
        for split, labels in sorted(found.items())
    }


def changes(old: Manifest, new: Manifest) -> Changes:
    """Return what happened to the images of one manifest on the way to another.

    An image is known by its content: a file that was written anew is gone, and another was added. Of copies in
    several places as many as possible stay where they are.
    """
    before, after = _places(old), _places(new)
    added = gone = relabelled = moved = kept = 0
    nowhere = Counter[tuple[str, str]]()
    for image in before.keys() | after.keys():
        here, there = before.get(image, nowhere), after.get(image, nowhere)
        left, came = here - there, there - here
        placed = min(left.total(), came.total())
        alike = (_labels(left) & _labels(came)).total()
        kept += (here & there).total()
        moved += alike
        relabelled += placed - alike
        gone += left.total() - placed
        added += came.total() - placed
    return Changes(added, gone, relabelled, moved, kept)


def _labels(places: Mapping[tuple[str, str], int]) -> Counter[str]:
    found = Counter[str]()
    for (_, label), count in places.items():
        found[label] += count
    return found


def _places(manifest: Manifest) -> dict[bytes, Counter[tuple[str, str]]]:
    """Return where each image lies, and how often."""
    found: dict[bytes, Counter[tuple[str, str]]] = {}
    for split, labels in manifest.items():
        for label, text in labels.items():
            whole = base64.b64decode(text)
            for start in range(0, len(whole), BYTES):
                found.setdefault(whole[start : start + BYTES], Counter())[split, label] += 1
    return found
