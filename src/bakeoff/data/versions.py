"""Labels data sets with the same name but different images, and describes how they differ. No torch."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from bakeoff.data.manifest import changes
from bakeoff.spec.data import data_label


class Version(NamedTuple):
    """A data set's label in tables."""

    label: str
    difference: str
    """How it differs from another version; empty if there is none."""


def label_versions(
    used: Iterable[tuple[str, str]], facts: Callable[[], Mapping[str, Mapping[str, Any]]] = dict
) -> dict[str, Version]:
    """Return the labels of data sets by content hash.

    Args:
        used: (name, content hash) of the data of each run, the oldest first.
        facts: returns the facts about data sets by content hash; only called if a name has several versions.
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
            difference = ""
            if place:
                old, new = (known.get(hashes[at], {}) for at in (place - 1, place))
                difference = f"newer than {labels[place - 1]}: {_describe_change(old, new)}"
            elif len(hashes) > 1:
                difference = f"older than {labels[1]}"
            found[content_hash] = Version(labels[place], difference)
    return found


def _describe_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Return how the images of a data set changed, as far as known."""
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
    totals = "" if len(counts) < 2 or counts[0] == counts[1] else f" ({counts[0]} images instead of {counts[1]})"
    return f"changed images not recorded{totals}"
