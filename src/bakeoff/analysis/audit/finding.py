"""What a finding is, and how findings are made. No torch."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from bakeoff.analysis.cells import Cell
from bakeoff.analysis.snapshot import EvaluatedRun, Snapshot
from bakeoff.spec.records import Result
from bakeoff.store.folds import split_ids
from bakeoff.text.formats import percent

Severity = Literal["serious", "caution", "note"]
"""serious: do not use the number; caution: read it with this in mind; note: good to know."""

SEVERITIES: tuple[Severity, ...] = ("serious", "caution", "note")

Numbers = Mapping[str, float | int | str]
"""The evidence: what was measured, by name. Accuracies and shares are fractions of 1."""


@dataclass(frozen=True)
class Finding:
    """Something that makes numbers untrustworthy. The field names are the keys of the JSON: they stay."""

    kind: str
    """A key of `FINDINGS`."""
    severity: Severity
    message: str
    advice: str
    data: str
    recipe: str
    """Empty where it is about a data set."""
    nets: tuple[str, ...]
    """The networks whose numbers it affects; with `data` and `recipe`, they identify the cells."""
    runs: tuple[str, ...]
    """Ids of the runs it affects."""
    evidence: tuple[Numbers, ...]
    """One entry per run, or a single one for them all."""

    @property
    def cells(self) -> list[tuple[str, str, str]]:
        """The (data set, recipe, network) that it affects."""
        return [(self.data, self.recipe, net) for net in self.nets]


def find_per_cell(
    snapshot: Snapshot,
    look: Callable[[EvaluatedRun], Numbers | None],
    kind: str,
    severity: Severity,
    say: Callable[[Numbers], str],
    advice: str | Callable[[EvaluatedRun], str],
) -> Iterator[Finding]:
    """Yield a finding for each cell with a finished run in which `look` finds something; `say` describes the first.

    Advice that depends on the run is also about the first.
    """
    twice = Counter((cell.data, cell.net) for cell in snapshot.cells)
    for cell in snapshot.cells:
        seen = [(run, numbers) for run in snapshot.runs(cell) if (numbers := look(run)) is not None]
        if seen:
            results = [run.result for run, _ in seen]
            name = about(cell, results, with_recipe=twice[cell.data, cell.net] > 1)
            message = f"{name} {say(seen[0][1])}"
            evidence = tuple({"seed": run.result.run.seed, **numbers} for run, numbers in seen)
            text = advice if isinstance(advice, str) else advice(seen[0][0])
            yield make_finding(kind, severity, message, text, [cell], evidence, results)


def make_finding(
    kind: str,
    severity: Severity,
    message: str,
    advice: str,
    touched: Sequence[Cell],
    evidence: tuple[Numbers, ...],
    results: Sequence[Result] | None = None,
) -> Finding:
    """Return a finding about cells of one table. It affects all their finished runs, or those in `results`."""
    touched_runs = [r for cell in touched for r in cell.finished] if results is None else results
    return Finding(
        kind=kind,
        severity=severity,
        message=message,
        advice=advice,
        data=touched[0].data,
        recipe=touched[0].recipe if len({cell.recipe for cell in touched}) == 1 else touched[0].table,
        nets=tuple(dict.fromkeys(cell.net for cell in touched)),
        runs=tuple(chain.from_iterable(split_ids(result.id) for result in touched_runs)),
        evidence=evidence,
    )


def about(cell: Cell, results: Sequence[Result], *, with_recipe: bool = False) -> str:
    """Name a cell and how many of its runs are meant: "lenet5 on mnist, 2 of 3 seeds (here seed 0):"."""
    many, seed = len(cell.finished), results[0].run.seed
    which = f"seed {seed}" if len(results) == 1 else f"{len(results)} of {many} seeds (here seed {seed})"
    recipe = f", recipe {cell.short_recipe}" if with_recipe else ""
    return f"{cell.net} on {cell.data}{recipe}, {which}:"


def percent_of(numbers: Numbers, name: str) -> str:
    """Return a fraction of the evidence in percent, one decimal: "98.3 %"."""
    return percent(float(numbers[name]), 1)
