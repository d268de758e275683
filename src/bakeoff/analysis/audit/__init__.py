"""The audit: findings about runs and comparisons that make a number untrustworthy. No torch.

Each finding is a function from what a store knows to the places where it holds, each with its evidence in numbers and
what to do. What the store does not know is not looked for: older stores lack the layers of the networks, the images
that are there twice and the load of the machine.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from bakeoff.analysis.audit import comparisons, conditions, length, predictions, training
from bakeoff.analysis.audit.finding import SEVERITIES, Finding, Material, gather
from bakeoff.store.store import Store

__all__ = ["FINDINGS", "SEVERITIES", "Finding", "Material", "audit", "gather", "look_through", "tell_counts"]

FINDINGS: Mapping[str, Callable[[Material], Iterator[Finding]]] = {
    "unreadable": conditions.unreadable,
    "diverged": training.diverged,
    "collapsed": predictions.collapsed,
    "dead-classes": predictions.dead_classes,
    "no-better-than-majority": predictions.no_better_than_majority,
    "chosen-on-test": training.chosen_on_test,
    "parameters-depart": conditions.parameters_depart,
    "shapes-depart": conditions.shapes_depart,
    "duplicates": conditions.duplicates,
    "files-left-out": conditions.files_left_out,
    "lucky-epoch": training.lucky_epoch,
    "lagging-statistics": training.lagging_statistics,
    "under-trained": length.under_trained,
    "over-fitted": training.over_fitted,
    "unequal-budgets": comparisons.unequal_budgets,
    "not-normalised": comparisons.not_normalised,
    "imbalanced": predictions.imbalanced,
    "within-noise": comparisons.within_noise,
    "single-run": comparisons.single_run,
    "test-set-too-small": comparisons.test_set_too_small,
    "versions-differ": comparisons.versions_differ,
    "badly-calibrated": predictions.badly_calibrated,
    "loaded-machine": conditions.loaded_machine,
    "label-suspects": predictions.label_suspects,
}
"""Kind → what looks for it, in the order they are told within one severity."""


def audit(store: Store, ids: Iterable[str] | None = None) -> list[Finding]:
    """Return everything that is found in a store, the most serious first; of some runs only what is about them.

    Networks are compared with all others of their table even so: a p value must not depend on which of them were asked
    for.
    """
    wanted = None if ids is None else set(ids)
    found = look_through(gather(store, wanted))
    return [finding for finding in found if wanted is None or not wanted.isdisjoint(finding.runs)]


def look_through(material: Material) -> list[Finding]:
    """Return everything that is found, the most serious first."""
    found = [finding for look in FINDINGS.values() for finding in look(material)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def tell_counts(findings: Iterable[Finding]) -> str:
    """Say how many there are of each severity: "1 serious, 2 cautions, no notes"."""
    severities = [finding.severity for finding in findings]
    names = {"serious": ("serious", "serious"), "caution": ("caution", "cautions"), "note": ("note", "notes")}
    counts = {severity: severities.count(severity) for severity in SEVERITIES}
    return ", ".join(f"{number or 'no'} {names[severity][number != 1]}" for severity, number in counts.items())
