"""A compact list of the images in a folder, to describe later how the folder changed."""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

BYTES = 6
"""Bytes kept of each file's SHA-256. Among a million images, the probability of a collision is 1 in 500."""
Manifest: TypeAlias = dict[str, dict[str, str]]
"""Split → class → the sorted, truncated SHA-256 of its files, concatenated, in base64."""


class Changes(NamedTuple):
    """How the images of a folder changed."""

    added: int
    gone: int
    relabelled: int
    """Moved to another class."""
    moved: int
    """Moved to another split, same class."""
    kept: int

    def __str__(self) -> str:
        counts = [(self.added, "added"), (self.gone, "gone"), (self.relabelled, "relabelled")]
        counts += [(self.moved, "moved to another split")]
        some = [f"{count:,} {what}" for count, what in counts if count]
        if not some:
            return "same images, other class names"
        first, *others = some
        count, _, what = first.partition(" ")
        return ", ".join([f"{count} image{'' if count == '1' else 's'} {what}", *others])


def manifest_of(images: Iterable[tuple[str, str, str]]) -> Manifest:
    """Return the manifest of images given as (split, class, hexadecimal SHA-256)."""
    found: dict[str, dict[str, list[bytes]]] = {}
    for split, label, sha256 in images:
        found.setdefault(split, {}).setdefault(label, []).append(bytes.fromhex(sha256)[:BYTES])
    return {
        split: {label: base64.b64encode(b"".join(sorted(own))).decode() for label, own in sorted(labels.items())}
        for split, labels in sorted(found.items())
    }


def changes(old: Manifest, new: Manifest) -> Changes:
    """Return how the images changed from one manifest to another.

    Images are identified by their content: a file with new content counts as one removed and one added. As many copies
    as possible count as kept in place.
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
    """Return the (split, class) of each image, with counts."""
    found: dict[bytes, Counter[tuple[str, str]]] = {}
    for split, labels in manifest.items():
        for label, text in labels.items():
            whole = base64.b64decode(text)
            for start in range(0, len(whole), BYTES):
                found.setdefault(whole[start : start + BYTES], Counter())[split, label] += 1
    return found
