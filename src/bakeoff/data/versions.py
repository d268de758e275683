"""Data sets of one name and different images: what tables call them, which is newer and what changed. No torch."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from bakeoff.data.manifest import changes
from bakeoff.spec.data import data_label


class Version(NamedTuple):
    """What is to be said of a data set in tables."""

    label: str
    said: str
    """How it differs from another version of it; empty if there is none."""


def versions(
    used: Iterable[tuple[str, str]], facts: Callable[[], Mapping[str, Mapping[str, Any]]] = dict
) -> dict[str, Version]:
    """Return what to say of data sets, by content hash.

    Args:
        used: (name, content hash) of the data of each run, the oldest first.
        facts: gives what is known of data sets by content hash; asked only if one name has several.
    """
    by_label: dict[str, list[str]] = {}
    seen: set[str] = set()
    for name, content_hash in used:
        if content_hash not in seen:
            seen.add(content_hash)
            by_label.setdefault(data_label(name), []).append(content_hash)
    several = any(len(hashes) > 1 for hashes in by_label.values())
    known = facts() if several else {}
    found: dict[str, Version] = {}
    for label, hashes in by_label.items():
        labels = [label if len(hashes) == 1 else f"{label} ({content_hash[:6]})" for content_hash in hashes]
        for place, content_hash in enumerate(hashes):
            said = ""
            if place:
                old, new = (known.get(hashes[at], {}) for at in (place - 1, place))
                said = f"newer than {labels[place - 1]}: {_changed(old, new)}"
            elif len(hashes) > 1:
                said = f"older than {labels[1]}"
            found[content_hash] = Version(labels[place], said)
    return found


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Say what became of the images of a data set, as far as it is known."""
    if old.get("manifest") and new.get("manifest"):
        what = changes(old["manifest"], new["manifest"])
        if what.kept + what.relabelled + what.moved:
            return str(what)
        return f"no image in common, from {new.get('source')} instead of {old.get('source')}"
    counts = [
        " and ".join(f"{facts[f'{split}_images']:,} {split}" for split in ("train", "test"))
        for facts in (new, old)
        if "train_images" in facts and "test_images" in facts
    ]
    told = "" if len(counts) < 2 or counts[0] == counts[1] else f" ({counts[0]} images instead of {counts[1]})"
    return f"which images changed is not on record{told}"
