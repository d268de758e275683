"""Measured against published numbers: tables, a summary, and what the page shows of each study."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from bakeoff import studies
from bakeoff.analysis.published import EXACT, OUTCOMES, TIMES, PublishedComparison, compare_with_published
from bakeoff.errors import BakeoffError
from bakeoff.reporting.text_table import Footnotes, TextTable
from bakeoff.spec.records import Result
from bakeoff.store.store import Store
from bakeoff.studies.study import Study
from bakeoff.studies.toml import parse_study
from bakeoff.text.formats import hundredfold, minus, signed_points

TITLES = {
    "test_accuracy": "test accuracy, %",
    "class_accuracy": "test accuracy by class, %",
    "test_loss": "test loss, penalties included",
    "train_accuracy": "training accuracy, last epoch, %",
    "train_loss": "training loss, last epoch",
    "validation_accuracy": "validation accuracy, last epoch, %",
    "validation_loss": "validation loss, last epoch",
    "parameters": "parameters",
    "trainable_parameters": "trainable parameters",
    "seconds": "seconds of training and validation, all epochs",
    "epoch_seconds": "seconds of one epoch",
}
NAMES = (("data", False), ("network", False))
CLASS = ("class", False)
OUTCOME_COLUMNS = (
    *(("published", True), ("measured", True), ("± SD", True), ("n", True), ("difference", True), ("in SDs", True)),
    ("verdict", False),
)
TIME_COLUMNS = (("published", True), ("measured", True), ("n", True), ("times as fast", True), ("", False))
EXACT_COLUMNS = (("published", True), ("counted", True), ("verdict", False))
DRAWN = (*OUTCOMES, "seconds", "epoch_seconds")
"""Measures with a chart; parameters either match or do not, and classes are too many."""


@dataclass(frozen=True)
class PublishedStudy:
    """One study's published numbers and the measured ones."""

    study: Study
    lines: tuple[PublishedComparison, ...]
    """The measured numbers, in the study's order."""
    summary: tuple[str, ...]
    """In sentences."""
    tables: tuple[TextTable, ...]
    """One for each measure, test accuracy first."""

    @property
    def payload(self) -> dict[str, Any]:
        """Input of the chart."""
        drawn = [line for line in self.lines if line.measure in DRAWN]
        titles = {line.measure: TITLES[line.measure] for line in drawn}
        return {"name": self.study.name, "measures": titles, "lines": [_to_chart(line) for line in drawn]}


def compare_published(store: Store, results: Sequence[Result]) -> list[PublishedStudy]:
    """Return the studies, built in or recorded in the store, with at least one published number among its `results`.

    The list is empty if the store records a study that this version cannot parse: the page is built without it.
    """
    done = {(r.run.net, r.run.recipe.name.partition(" (")[0]) for r in results if r.state == "done"}
    try:
        found = [
            _compare_study(study, compare_with_published(study, store))
            for study in _studies(store)
            if done & _published_pairs(study)
        ]
    except BakeoffError:
        return []
    return [one for one in found if any(line.measure not in EXACT for line in one.lines)]


def _published_pairs(study: Study) -> set[tuple[str, str]]:
    """Return the (network, recipe) pairs a study publishes numbers for."""
    return {(printed.net, study.treatment(printed.net, printed.data)[0]) for printed in study.published}


def _compare_study(study: Study, lines: Sequence[PublishedComparison]) -> PublishedStudy:
    measured = tuple(line for line in lines if line.measured is not None)
    sentences = summarize_agreement(measured)
    if len(measured) < len(lines):
        sentences.append(f"{len(lines) - len(measured):,} of {len(lines):,} published numbers were not measured here.")
    return PublishedStudy(study, measured, tuple(sentences), tuple(tabulate_published(measured)))


def _studies(store: Store) -> list[Study]:
    """Return the built-in studies and the recorded ones that have published numbers; the latest of each name."""
    recorded = [parse_study(text, f"a study in {store.path}") for _, _, text in store.studies()]
    given = {study.name: study for study in recorded}
    built_in = {name: studies.load_study(name) for name in studies.study_names()}
    return [study for study in (given | built_in).values() if study.published]


def _to_chart(line: PublishedComparison) -> dict[str, Any]:
    names = ("data", "net", "variant", "measure", "published", "measured", "difference", "sd", "deviations")
    more = ("low", "high", "seeds", "verdict", "reason", "note", "ratio")
    whole = asdict(line)
    return {name: whole[name] for name in (*names, *more)} | {"departures": "; ".join(line.departures)}


def tabulate_published(lines: Sequence[PublishedComparison], everything: bool = False) -> list[TextTable]:
    """Return a table for each published measure.

    `everything` adds single classes, cells that were not run and parameter counts that match.
    """
    tables = []
    for measure, title in TITLES.items():
        of_measure = [line for line in lines if line.measure == measure and (everything or line.verdict != "not run")]
        if measure in EXACT and not everything and all(line.verdict == "agrees" for line in of_measure):
            continue  # the summary says so
        if measure == "class_accuracy" and of_measure and not everything:
            tables.append(_summarize_classes(of_measure, title))
        elif of_measure:
            tables.append(_table(of_measure, title))
    return tables


def summarize_agreement(lines: Sequence[PublishedComparison]) -> list[str]:
    """Say how many published numbers agree, and why others were not judged."""
    judged = [line for line in lines if line.measure in OUTCOMES or line.measure == "class_accuracy"]
    as_published = [line for line in judged if not line.departures]
    changed = [line for line in judged if line.departures]
    sentences = [
        *_count_agreeing("under the published conditions", as_published),
        *_count_agreeing("under changed conditions", changed),
    ]
    for verdict, words in (
        ("one seed: cannot tell", "not judged: one seed gives no spread"),
        ("two seeds: cannot tell", "not judged: two seeds estimate the spread too poorly"),
        ("not reproducible", "not reproducible"),
        ("not run", "not run (--all shows them)"),
    ):
        count = sum(line.verdict == verdict for line in judged)
        if count:
            sentences.append(f"{count} of {len(judged)} {words}.")
    counted = [line for line in lines if line.measure in EXACT and line.verdict != "not run"]
    if counted:
        equal = sum(line.verdict == "agrees" for line in counted)
        sentences.append(f"Parameters: {equal} of {len(counted)} published counts are matched exactly.")
    return sentences


def _count_agreeing(how: str, lines: Sequence[PublishedComparison]) -> list[str]:
    agree = sum(line.verdict == "agrees" for line in lines)
    judged = agree + sum(line.verdict == "differs" for line in lines)
    if not judged:
        return []
    chance = f"; of these, {judged / 20:.0f} are expected to differ by chance" if judged >= 20 else ""
    return [f"{agree} of {judged} published accuracies and losses agree, {how}{chance}."]


def _table(lines: Sequence[PublishedComparison], title: str) -> TextTable:
    notes = Footnotes()
    measure = lines[0].measure
    columns = TIME_COLUMNS if measure in TIMES else EXACT_COLUMNS if measure in EXACT else OUTCOME_COLUMNS
    names = (*NAMES, CLASS) if measure == "class_accuracy" else NAMES
    rows = tuple(
        (*_names(line), *_format_values(line), f"{_format_verdict(line)}{_footnote(line, notes)}".strip())
        for line in lines
    )
    return TextTable(title, (*names, *columns), tuple(rows), notes.lines())


def _names(line: PublishedComparison) -> tuple[str, ...]:
    data = line.data if line.data_used in ("", line.data) else f"{line.data}\n({line.data_used})"
    return (data, _name_network(line), line.of_class) if line.of_class else (data, _name_network(line))


def _format_values(line: PublishedComparison) -> tuple[str, ...]:
    measure = line.measure
    printed, measured = _format_number(line.published, line.measure), _format_number(line.measured, line.measure)
    if measure in TIMES:
        return printed, measured, str(line.seeds), "–" if line.ratio is None else f"{line.ratio:.3g}"
    if measure in EXACT:
        return printed, measured
    deviations = "–" if line.deviations is None else minus(f"{line.deviations:+.1f}")
    return printed, measured, _format_number(line.sd, measure), str(line.seeds), _format_difference(line), deviations


def _format_verdict(line: PublishedComparison) -> str:
    return "" if line.verdict == "for information" else line.verdict.removesuffix(": cannot tell")


def _footnote(line: PublishedComparison, notes: Footnotes) -> str:
    note = "" if line.measure in TIMES else line.note
    texts = () if line.measure in EXACT else (line.reason, *line.departures, note)
    return notes.refer([text for text in texts if text])


def _summarize_classes(lines: Sequence[PublishedComparison], title: str) -> TextTable:
    """Return one row per cell: how many of its classes agree, and which is furthest off."""
    notes = Footnotes()
    rows = []
    for _, members in groupby(lines, key=lambda line: (line.data, line.net, line.variant)):
        cell = list(members)
        first = cell[0]
        agree = sum(line.verdict == "agrees" for line in cell)
        judged = agree + sum(line.verdict == "differs" for line in cell)
        verdict = f"{agree} of {judged} agree" if judged else _format_verdict(first)
        measured = [line for line in cell if line.difference is not None]
        furthest = max(measured, key=lambda line: abs(line.difference or 0.0), default=None)
        off = "–" if furthest is None else f"{furthest.of_class}: {_format_difference(furthest)}"
        rows.append((*_names(first)[:2], str(len(cell)), off, f"{verdict}{_footnote(first, notes)}"))
    columns = (*NAMES, ("classes", True), ("furthest off", False), ("verdict", False))
    return TextTable(title, columns, tuple(rows), notes.lines())


def _name_network(line: PublishedComparison) -> str:
    return f"{line.net}\n({line.variant})" if line.variant else line.net


def _format_number(value: float | None, measure: str) -> str:
    if value is None:
        return "–"
    if measure in EXACT or (measure in TIMES and value >= 100):
        return f"{value:,.0f}"
    if measure in TIMES:
        return f"{value:.3g}"
    return hundredfold(value, 2) if measure.endswith("accuracy") else f"{value:.4f}"


def _format_difference(line: PublishedComparison) -> str:
    if line.difference is None:
        return "–"
    return signed_points(line.difference) if line.measure.endswith("accuracy") else f"{line.difference:+.4f}"
