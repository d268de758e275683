"""Measured beside published, in words: one table per kind of number, and a summary that claims no more than it may."""

from collections.abc import Sequence
from itertools import groupby

from bakeoff.analysis.published import EXACT, OUTCOMES, TIMES, Comparison
from bakeoff.reporting.text_table import Footnotes, TextTable
from bakeoff.text.formats import signed_points

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
    *(("printed", True), ("here", True), ("± SD", True), ("n", True), ("off by", True), ("SDs", True)),
    ("verdict", False),
)
TIME_COLUMNS = (("printed", True), ("here", True), ("n", True), ("times as fast", True), ("", False))
EXACT_COLUMNS = (("printed", True), ("counted", True), ("verdict", False))


def comparison_tables(lines: Sequence[Comparison], everything: bool = False) -> list[TextTable]:
    """Return a table for each kind of number that was printed.

    Classes one by one, cells that were not run and parameters that are equal are shown only with `everything`.
    """
    tables = []
    for measure, title in TITLES.items():
        of_measure = [line for line in lines if line.measure == measure and (everything or line.verdict != "not run")]
        if measure in EXACT and not everything and all(line.verdict == "agrees" for line in of_measure):
            continue  # the summary says so
        if measure == "class_accuracy" and of_measure and not everything:
            tables.append(_classes_together(of_measure, title))
        elif of_measure:
            tables.append(_table(of_measure, title))
    return tables


def summary(lines: Sequence[Comparison]) -> list[str]:
    """Say how many published numbers agree, and what kept others from being judged."""
    judged = [line for line in lines if line.measure in OUTCOMES or line.measure == "class_accuracy"]
    as_published = [line for line in judged if not line.departures]
    changed = [line for line in judged if line.departures]
    said = [*_agreeing("as the study has it", as_published), *_agreeing("under changed conditions", changed)]
    for verdict, words in (
        ("one seed: cannot tell", "not judged: one seed tells nothing about the spread"),
        ("two seeds: cannot tell", "not judged: two seeds tell too little about the spread"),
        ("not reproducible", "not reproducible"),
        ("not run", "not run (--all shows them)"),
    ):
        count = sum(line.verdict == verdict for line in judged)
        if count:
            said.append(f"{count} of {len(judged)} {words}.")
    counted = [line for line in lines if line.measure in EXACT and line.verdict != "not run"]
    if counted:
        equal = sum(line.verdict == "agrees" for line in counted)
        said.append(f"Parameters: {equal} of {len(counted)} published counts are met exactly.")
    return said


def _agreeing(how: str, lines: Sequence[Comparison]) -> list[str]:
    agree = sum(line.verdict == "agrees" for line in lines)
    told = agree + sum(line.verdict == "differs" for line in lines)
    if not told:
        return []
    chance = f"; of that many, {told / 20:.0f} would differ by chance alone" if told >= 20 else ""
    return [f"{agree} of {told} published accuracies and losses agree, {how}{chance}."]


def _table(lines: Sequence[Comparison], title: str) -> TextTable:
    notes = Footnotes()
    measure = lines[0].measure
    columns = TIME_COLUMNS if measure in TIMES else EXACT_COLUMNS if measure in EXACT else OUTCOME_COLUMNS
    names = (*NAMES, CLASS) if measure == "class_accuracy" else NAMES
    rows = tuple((*_place(line), *_values(line), f"{_verdict(line)}{_marks(line, notes)}".strip()) for line in lines)
    return TextTable(title, (*names, *columns), rows, notes.lines())


def _place(line: Comparison) -> tuple[str, ...]:
    data = line.data if line.data_used in ("", line.data) else f"{line.data}\n({line.data_used})"
    return (data, _network(line), line.of_class) if line.of_class else (data, _network(line))


def _values(line: Comparison) -> tuple[str, ...]:
    measure, printed, measured = (
        line.measure,
        _number(line.published, line.measure),
        _number(line.measured, line.measure),
    )
    if measure in TIMES:
        return printed, measured, str(line.seeds), "–" if line.ratio is None else f"{line.ratio:.3g}"
    if measure in EXACT:
        return printed, measured
    deviations = "–" if line.deviations is None else f"{line.deviations:+.1f}"
    return printed, measured, _number(line.sd, measure), str(line.seeds), _difference(line), deviations


def _verdict(line: Comparison) -> str:
    return "" if line.verdict == "for information" else line.verdict.removesuffix(": cannot tell")


def _marks(line: Comparison, notes: Footnotes) -> str:
    note = "" if line.measure in TIMES else line.note
    texts = () if line.measure in EXACT else (line.reason, *line.departures, note)
    return notes.marks([text for text in texts if text])


def _classes_together(lines: Sequence[Comparison], title: str) -> TextTable:
    """One row per cell: how many of its classes agree, and which is furthest off."""
    notes = Footnotes()
    rows = []
    for _, members in groupby(lines, key=lambda line: (line.data, line.net, line.variant)):
        cell = list(members)
        first = cell[0]
        agree = sum(line.verdict == "agrees" for line in cell)
        told = agree + sum(line.verdict == "differs" for line in cell)
        verdict = f"{agree} of {told} agree" if told else _verdict(first)
        measured = [line for line in cell if line.difference is not None]
        furthest = max(measured, key=lambda line: abs(line.difference or 0.0), default=None)
        off = "–" if furthest is None else f"{furthest.of_class}: {_difference(furthest)}"
        rows.append((*_place(first)[:2], str(len(cell)), off, f"{verdict}{_marks(first, notes)}"))
    columns = (*NAMES, ("classes", True), ("furthest off", False), ("verdict", False))
    return TextTable(title, columns, tuple(rows), notes.lines())


def _network(line: Comparison) -> str:
    return f"{line.net}\n({line.variant})" if line.variant else line.net


def _number(value: float | None, measure: str) -> str:
    if value is None:
        return "–"
    if measure in EXACT or (measure in TIMES and value >= 100):
        return f"{value:,.0f}"
    if measure in TIMES:
        return f"{value:.3g}"
    return f"{100 * value:.2f}" if measure.endswith("accuracy") else f"{value:.4f}"


def _difference(line: Comparison) -> str:
    if line.difference is None:
        return "–"
    return signed_points(line.difference) if line.measure.endswith("accuracy") else f"{line.difference:+.4f}"
