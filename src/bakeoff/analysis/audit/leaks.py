"""Findings about test images seen in training: copies, near copies, and images of the same group. No torch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bakeoff.analysis.audit.finding import Finding, Numbers, Severity, make_finding, percent_of
from bakeoff.analysis.cells import Cell
from bakeoff.analysis.snapshot import Snapshot
from bakeoff.text.formats import counted, percent

MANY = 0.01
"""Share of the test images that were among the training images."""
SOME = 0.001


def duplicates(snapshot: Snapshot) -> Iterator[Finding]:
    """Test images are also training images, or identical images have different labels."""
    advice = "Remove them from the test images, or from the training images, and train again."
    for touched, twice in _recorded(snapshot, "duplicates"):
        if twice["known"]:
            said = "identical to a training image, pixel by pixel"
            yield _leak(snapshot, "duplicates", touched, twice["known"], said, advice)
        if twice["conflicting"]:
            groups = counted(twice["conflicting"], "group of identical images has", "groups of identical images have")
            message = f"On {touched[0].data}, {groups} different labels."
            told = "At most one label of each group is right: `bakeoff data NAME` shows some. Remove or correct them."
            numbers = {"conflicting": twice["conflicting"]}
            yield replace(make_finding("duplicates", "note", message, told, touched, (numbers,)), recipe="")


def near_duplicates(snapshot: Snapshot) -> Iterator[Finding]:
    """Test images are nearly the same as training images, or nearly identical images have different labels."""
    advice = (
        "`bakeoff data NAME` shows the worst pairs. If they show the same thing, keep them together with --groups, or "
        "remove them, and train again."
    )
    for touched, found in _recorded(snapshot, "twins"):
        if found.get("known"):
            said = "nearly identical to a training image"
            yield _leak(snapshot, "near-duplicates", touched, found["known"], said, advice)
        if conflicting := found.get("conflicting"):
            yield _contradiction(touched, conflicting, snapshot.facts[touched[0].finished[0].run.data_hash])


def _contradiction(touched: Sequence[Cell], conflicting: int, facts: Mapping[str, Any]) -> Finding:
    """Return a finding that nearly identical images have different labels."""
    is_folded = bool(touched[0].finished[0].parts)  # all images are test images once
    splits = ("test",) if is_folded else ("train", "validation", "test")
    images = sum(facts.get(f"{split}_images", 0) for split in splits)
    share = conflicting / images if images else 0.0
    of_all = f" ({percent(share, 2)} of all)" if images else ""
    are = counted(conflicting, "image is", "images are")
    message = f"On {touched[0].data}, {are} nearly identical to one with another label{of_all}."
    told = "At most one label of each pair is right: `bakeoff data NAME` shows some. Correct or remove them."
    numbers: Numbers = {"conflicting": conflicting, "images": images, "share": share}
    severity: Severity = "caution" if share >= MANY else "note"
    return replace(make_finding("near-duplicates", severity, message, told, touched, (numbers,)), recipe="")


def groups_shared(snapshot: Snapshot) -> Iterator[Finding]:
    """Test images belong to groups, such as patients or videos, that have training images."""
    advice = "Networks may recognise the group rather than the class. Make a test split of other groups."
    for touched, found in _recorded(snapshot, "groups"):
        if found["known"]:
            said = "in a group that also has training images"
            yield _leak(snapshot, "groups-shared", touched, found["known"], said, advice, least="caution")


def _recorded(snapshot: Snapshot, fact: str) -> Iterator[tuple[list[Cell], Mapping[str, Any]]]:
    """Yield the finished cells of each data set whose record has a fact, with the fact."""
    for data_hash, facts in snapshot.facts.items():
        touched = snapshot.by_data.get(data_hash)
        if touched and facts.get(fact):
            yield touched, facts[fact]


def _leak(
    snapshot: Snapshot,
    kind: str,
    touched: Sequence[Cell],
    positions: Sequence[int],
    said: str,
    advice: str,
    *,
    least: Severity = "note",
) -> Finding:
    """Return a finding about test images that were seen in training, with the accuracy without them."""
    known = np.array(positions)
    runs = [run for cell in touched for run in snapshot.runs(cell)]
    images = len(runs[0].labels)
    share = len(known) / images
    evidence: list[Numbers] = []
    for run in runs:
        right = run.predicted == run.labels
        numbers: dict[str, float | int | str] = {"net": run.result.run.net, "seed": run.result.run.seed}
        numbers |= {"known": len(known), "test_images": images, "share": share, "accuracy": run.accuracy}
        if len(known) < images:
            numbers["accuracy_without"] = float(np.delete(right, known).mean())
        evidence.append(numbers)
    best = max(evidence, key=lambda numbers: numbers["accuracy"])
    told = (
        f": {best['net']} has {percent_of(best, 'accuracy')} with them, {percent_of(best, 'accuracy_without')} without"
        if "accuracy_without" in best
        else ""
    )
    message = (
        f"On {touched[0].data}, {len(known):,} of the {images:,} test images ({percent(share, 2)}) are {said}{told}."
    )
    severity: Severity = "serious" if share >= MANY else "caution" if share >= SOME else least
    return replace(make_finding(kind, severity, message, advice, touched, tuple(evidence)), recipe="")
