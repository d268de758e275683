"""Measured beside published for the page: every study with printed numbers that the runs of a store can be held to."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bakeoff import studies
from bakeoff.analysis.published import EXACT, OUTCOMES, Comparison, compare
from bakeoff.errors import BakeoffError
from bakeoff.reporting.comparison import TITLES, comparison_tables, summary
from bakeoff.reporting.text_table import TextTable
from bakeoff.spec.records import Result
from bakeoff.store.store import Store
from bakeoff.studies.study import Study
from bakeoff.studies.toml import parse_study

DRAWN = (*OUTCOMES, "seconds", "epoch_seconds")
"""Measures that a chart shows; parameters are equal or not, and classes are too many."""


@dataclass(frozen=True)
class Beside:
    """One study's printed numbers and what was measured of them."""

    study: Study
    lines: tuple[Comparison, ...]
    """Those that were measured, in the study's order."""
    said: tuple[str, ...]
    """The summary, in sentences."""
    tables: tuple[TextTable, ...]
    """One for each kind of number, test accuracy first."""

    @property
    def payload(self) -> dict[str, Any]:
        """What the chart draws from."""
        drawn = [line for line in self.lines if line.measure in DRAWN]
        titles = {line.measure: TITLES[line.measure] for line in drawn}
        return {"name": self.study.name, "measures": titles, "lines": [_told(line) for line in drawn]}


def beside(store: Store, results: Sequence[Result]) -> list[Beside]:
    """Return the studies, built in or run into the store, of which something printed was measured by its `results`.

    None where the store was filled for a study that this version does not understand: that stops no page.
    """
    done = {(r.run.net, r.run.recipe.name.partition(" (")[0]) for r in results if r.state == "done"}
    try:
        found = [_beside(study, compare(study, store)) for study in _studies(store) if done & _printed(study)]
    except BakeoffError:
        return []
    return [one for one in found if any(line.measure not in EXACT for line in one.lines)]


def _printed(study: Study) -> set[tuple[str, str]]:
    """Return (network, recipe) of what a study printed."""
    return {(printed.net, study.treatment(printed.net, printed.data)[0]) for printed in study.published}


def _beside(study: Study, lines: Sequence[Comparison]) -> Beside:
    measured = tuple(line for line in lines if line.measured is not None)
    told = summary(measured)
    if len(measured) < len(lines):
        told.append(f"{len(lines) - len(measured):,} of {len(lines):,} published numbers were not measured here.")
    return Beside(study, measured, tuple(told), tuple(comparison_tables(measured)))


def _studies(store: Store) -> list[Study]:
    """Return the built-in studies and those with printed numbers that were run into the store, the latest as it was."""
    recorded = [parse_study(text, f"a study in {store.path}") for _, _, text in store.studies()]
    given = {study.name: study for study in recorded}
    built_in = {name: studies.load(name) for name in studies.names()}
    return [study for study in (given | built_in).values() if study.published]


def _told(line: Comparison) -> dict[str, Any]:
    names = ("data", "net", "variant", "measure", "published", "measured", "difference", "sd", "deviations")
    more = ("low", "high", "seeds", "verdict", "reason", "note", "ratio")
    whole = asdict(line)
    return {name: whole[name] for name in (*names, *more)} | {"departures": "; ".join(line.departures)}
