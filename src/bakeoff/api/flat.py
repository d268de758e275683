"""Runs as rows of a table: plain values by the name of their column."""

from collections.abc import Sequence
from typing import Any

from bakeoff.analysis.labels import label_key, label_recipes
from bakeoff.spec.records import Failure, Result, Unreadable
from bakeoff.spec.run import starts_from

NAMES = ["id", "net", "data", "recipe", "seed"]
"""Columns that identify a run."""


def flat_results(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return each run with its state, all its measures and, if it failed, why and where."""
    labels = label_recipes(result.run for result in results)
    return [_flat(result, labels[label_key(result.run)]) for result in results]


def flat_unreadable(run: Unreadable) -> dict[str, Any]:
    """Return what is known of a run that cannot be read."""
    record = {name: getattr(run, name) for name in (*NAMES, "state")}
    return record | {"failure": run.reason}


def _flat(result: Result, recipe: str) -> dict[str, Any]:
    run = result.run
    return {
        "id": result.id,
        "net": run.net,
        "data": run.data,
        "recipe": recipe,
        "seed": run.seed,
        "state": result.state,
        "selection": result.selection,
        **({"starts_from": starts_from(run), "weights": run.weights} if run.weights else {}),
        **_why(result.failure),
    } | result.measures


def _why(failure: Failure | None) -> dict[str, Any]:
    """Return why a run failed, in columns that only tables with failed runs have."""
    if failure is None:
        return {}
    place = {"failed_file": failure.file or None, "failed_line": failure.line}
    return {"failure": failure.message, "failure_kind": failure.kind} | place
