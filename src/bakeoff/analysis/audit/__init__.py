"""The audit: checks for whatever makes a number or a comparison untrustworthy. No torch.

Each check is a function that takes a snapshot of a store and yields findings, each with evidence in numbers and advice.
Checks skip what a store does not record: older stores lack the layers of networks, duplicate images and machine load.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from bakeoff.analysis.audit import comparisons, conditions, leaks, length, predictions, training
from bakeoff.analysis.audit.finding import SEVERITIES, Finding
from bakeoff.analysis.snapshot import Snapshot, read_snapshot
from bakeoff.store.store import Store

__all__ = ["FINDINGS", "SEVERITIES", "Finding", "audit", "audit_snapshot", "describe_counts"]

FINDINGS: Mapping[str, Callable[[Snapshot], Iterator[Finding]]] = {
    "unreadable": conditions.unreadable,
    "diverged": training.diverged,
    "collapsed": predictions.collapsed,
    "dead-classes": predictions.dead_classes,
    "no-better-than-majority": predictions.no_better_than_majority,
    "chosen-on-test": training.chosen_on_test,
    "parameters-depart": conditions.parameters_depart,
    "shapes-depart": conditions.shapes_depart,
    "duplicates": leaks.duplicates,
    "near-duplicates": leaks.near_duplicates,
    "groups-shared": leaks.groups_shared,
    "uneven-folds": conditions.uneven_folds,
    "files-left-out": conditions.files_left_out,
    "lucky-epoch": training.lucky_epoch,
    "lagging-statistics": training.lagging_statistics,
    "under-trained": length.under_trained,
    "over-fitted": training.over_fitted,
    "unequal-budgets": comparisons.unequal_budgets,
    "tuned-unequally": comparisons.tuned_unequally,
    "not-normalised": comparisons.not_normalised,
    "imbalanced": predictions.imbalanced,
    "within-noise": comparisons.within_noise,
    "single-run": comparisons.single_run,
    "test-set-too-small": comparisons.test_set_too_small,
    "versions-differ": comparisons.versions_differ,
    "badly-calibrated": predictions.badly_calibrated,
    "loaded-machine": conditions.loaded_machine,
    "speeds-differ": conditions.speeds_differ,
    "label-suspects": predictions.label_suspects,
}
"""Kind → its check, in the order in which findings of one severity are shown."""


def audit(store: Store, ids: Iterable[str] | None = None) -> list[Finding]:
    """Return all findings in a store, or only those about the runs `ids`, the most serious first.

    Networks are compared with all others of their table in any case: p values must not depend on the selection.
    """
    wanted = None if ids is None else set(ids)
    found = audit_snapshot(read_snapshot(store, wanted))
    return [finding for finding in found if wanted is None or not wanted.isdisjoint(finding.runs)]


def audit_snapshot(snapshot: Snapshot) -> list[Finding]:
    """Return all findings, the most serious first."""
    found = [finding for look in FINDINGS.values() for finding in look(snapshot)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def describe_counts(findings: Iterable[Finding]) -> str:
    """Say how many there are of each severity: "1 serious, 2 cautions, no notes"."""
    severities = [finding.severity for finding in findings]
    names = {"serious": ("serious", "serious"), "caution": ("caution", "cautions"), "note": ("note", "notes")}
    counts = {severity: severities.count(severity) for severity in SEVERITIES}
    return ", ".join(f"{number or 'no'} {names[severity][number != 1]}" for severity, number in counts.items())
