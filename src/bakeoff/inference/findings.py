"""The audit's findings about trained models: from their store, or from their own results alone. No torch."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.analysis.audit import Finding, audit
from bakeoff.analysis.flaws import WORDS, find_flaw
from bakeoff.spec.paths import store_beside
from bakeoff.spec.run import Run
from bakeoff.store.store import Store

if TYPE_CHECKING:
    from bakeoff.training.bundles import Bundle

RETRAIN = "Do not use this number: train the network for longer or with another learning rate, and compare again."


def stored_findings(store: Store, ids: Iterable[str]) -> dict[str, tuple[Finding, ...]]:
    """Return the findings about runs of a store by their ids, the most serious first."""
    wanted = list(ids)
    found = audit(store, wanted)
    return {run: tuple(one for one in found if run in one.runs) for run in wanted}


def findings_about(path: Path, bundle: "Bundle") -> tuple[tuple[Finding, ...], int]:
    """Return the findings about a model, and how many seeds of it the store has: 0 without a store beside the file.

    The store of `runs.db.files/ID.safetensors` is `runs.db`. Without one, findings are those that the file took along
    when it was exported, or those of its own results.
    """
    run = bundle.run
    if store := store_beside(path):
        with Store(store) as opened:
            alike = [one for one in opened.results() if one.state == "done" and _settings(one.run) == _settings(run)]
            if run.id in {one.id for one in alike}:
                return stored_findings(opened, [run.id])[run.id], len(alike)
    return own_findings(bundle), 0


def _settings(run: Run) -> tuple[str, ...]:
    return run.net, run.weights, run.data_hash, run.recipe.key


def own_findings(bundle: "Bundle") -> tuple[Finding, ...]:
    """Return the findings in a model's file; without any, those that need no other run: it did not learn its task."""
    run = bundle.run
    about = (bundle.data_name, run.recipe.name, (run.net,), (run.id,), ())
    if bundle.findings is not None:
        return tuple(Finding(one.kind, one.severity, one.message, one.advice, *about) for one in bundle.findings)
    flaw = find_flaw([bundle.confusion_matrix()])
    if not flaw:
        return ()
    return (Finding(flaw, "serious", f"{run.net} {WORDS[flaw][0]}", RETRAIN, *about),)


def summarize_findings(findings: Sequence[Finding]) -> str:
    """Name the most serious finding in a few words, and count the others: "!! collapsed +2"; "–" for none."""
    kinds = {one.kind: one.severity for one in reversed(findings)}
    first = next(iter(reversed(kinds)), None)
    if first is None:
        return "–"
    symbol = {"serious": "!! ", "caution": "! ", "note": ""}[kinds[first]]
    return f"{symbol}{first}" + f" +{len(kinds) - 1}" * (len(kinds) > 1)
