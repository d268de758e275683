"""The numbers behind the charts: one JSON value that the scripts of the page read."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np

from bakeoff.measure.quality import confused_pairs
from bakeoff.reporting.critical_difference import Diagram
from bakeoff.reporting.datasets import DatasetSection
from bakeoff.reporting.markup import shorten_paths
from bakeoff.reporting.model import Line, Pooled, ReportModel, Table
from bakeoff.reporting.pairs import list_pairs, pack_right
from bakeoff.reporting.published import PublishedStudy
from bakeoff.spec.records import Epoch, Result
from bakeoff.stats.intervals import Interval, mean_interval
from bakeoff.text.safe import finite, visible

COSTS = (
    "train_seconds",
    "trainable_parameters",
    "flops",
    "latency_ms_median",
    "inference_images_per_second",
    "activation_bytes_per_image",
    "peak_memory_bytes",
    "images_per_second",
    "gpu_energy_joules",
    "processor_energy_joules",
)
"""Measures that can be the cost axis: medians over seeds."""

OF_ROW = (
    *("test_accuracy", "test_accuracy_low", "test_accuracy_high", "test_loss", "test_images"),
    *("seeds", "flaw", "parameters_are"),
)
"""What the charts show of a row of the ranking."""
MOST_CONFUSED = 20
"""With more classes than this, the page shows those with the most errors at first."""
WHOLE_MATRIX = 100
"""With more classes than this, the page has the most frequent errors instead of the confusion matrix."""


def build_payload(
    model: ReportModel,
    datasets: Sequence[DatasetSection] = (),
    over_data: Sequence[Diagram] = (),
    published: Sequence[PublishedStudy] = (),
) -> dict[str, Any]:
    """Return the input of all charts: networks in the order of their colours, tables, runs, data sets."""
    shown = {key: (own.key, table) for own in datasets for key, table in own.tables.items()}
    nothing: tuple[str | None, dict[str, Any]] = (None, {"shared": None, "lines": {}})
    return {
        "nets": model.nets,
        "tables": [_table(table, *shown.get(table.key, nothing)) for table in model.tables],
        "datasets": [own.payload for own in datasets],
        "diagrams": [diagram.payload for diagram in over_data],
        "published": [study.payload for study in published],
    }


def to_script(value: object, *, full_paths: bool = True) -> str:
    """Return `value` as JSON for a script element. Values that are not finite become null.

    Numbers have seven significant digits. Invisible characters in text are escaped, as in the rest of the page, and
    absolute paths lose their folders unless `full_paths`.
    """
    clean = visible if full_paths else lambda text: visible(shorten_paths(text))
    text = json.dumps(finite(_prepare(value, clean)), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _table(table: Table, dataset: str | None, shown: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": table.key,
        "title": table.title,
        "data": table.data,
        "recipe": table.recipe,
        "classes": table.classes,
        "dataset": dataset,
        "digits": table.digits,
        "majority": table.majority,
        "validatedOn": table.validated_on,
        "timeCaution": table.time_caution,
        "shared": shown["shared"],
        "chances": asdict(table.chances) if table.chances else None,
        "lines": [
            _line(line, table.classes)
            | {"images": shown["lines"].get(line.label)}
            | {"right": pack_right(line, table.record.test_labels) if table.record else None}
            for line in table.lines
        ],
        "bands": {line.label: epochs for line in table.lines if (epochs := band_epochs(line)) is not None},
        "pairs": list_pairs(table),
        "everyRun": _every_run(table),
        "runs": _runs(table),
    }


def _line(line: Line, classes: Sequence[str]) -> dict[str, Any]:
    trained = line.cell.interval("train_accuracy") or _train_accuracy(line.cell.finished)
    return {
        **{name: getattr(line.row, name) for name in OF_ROW},
        "label": line.label,
        "seedAccuracies": line.seeds,
        "costs": {name: line.cell.median(name) for name in COSTS} | {"trainable_parameters": line.row.parameters},
        "trainAccuracy": trained.mean if trained else None,
        "pooled": _pooled(line.pooled, classes) if line.pooled else None,
    }


def _train_accuracy(finished: Sequence[Result]) -> Interval | None:
    """Return the mean training accuracy at the reported epochs."""
    values = []
    for result in finished:
        reported = result.measures.get("reported_epoch", len(result.epochs))
        values += [epoch.train_accuracy for epoch in result.epochs if epoch.epoch == reported]
    return mean_interval(values) if values else None


def _pooled(pooled: Pooled, classes: Sequence[str]) -> dict[str, Any]:
    matrix = pooled.confusion
    return {
        "images": matrix.sum(axis=1).tolist(),
        "correct": matrix.diagonal().tolist(),
        "confusion": matrix.ravel().tolist() if len(matrix) <= WHOLE_MATRIX else None,
        "pairs": confused_pairs(matrix, classes, 8 if len(matrix) <= MOST_CONFUSED else 40),
        "worst": _most_confused(matrix) if len(matrix) > MOST_CONFUSED else None,
        "reliability": {name: array.tolist() for name, array in asdict(pooled.reliability).items()},
        "quality": {name: found.mean for name, found in pooled.measures.items()},
    }


def _most_confused(matrix: np.ndarray) -> dict[str, Any]:
    """Return the classes with the most errors, in their order, and the part of a (K, K) confusion matrix about them."""
    errors = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    worst = np.sort(np.argsort(-errors, kind="stable")[:MOST_CONFUSED])
    return {"classes": worst.tolist(), "confusion": matrix[np.ix_(worst, worst)].ravel().tolist()}


def _runs(table: Table) -> list[dict[str, Any]]:
    """Return the curves of all runs that have finished an epoch."""
    first = min((began for result in table.results if (began := _at(result.started)) is not None), default=0.0)
    return [_run(result, line.label, first) for line in table.lines for result in line.cell.results if result.epochs]


def _at(moment: str | None) -> float | None:
    return None if moment is None else datetime.fromisoformat(moment).timestamp()


def _run(result: Result, label: str, first: float) -> dict[str, Any]:
    """Return the curves of a run, and the seconds from `first`, when the first run of its table began."""
    ends = (_at(result.started), _at(result.finished))
    curves = {name: [_round(getattr(epoch, name), 4) for epoch in result.epochs] for name in CURVES}
    return {
        "id": result.id,
        "label": label,
        "seed": result.run.seed,
        "state": result.state,
        "reported": result.measures.get("reported_epoch"),
        "epochs": {name: values for name, values in curves.items() if any(value is not None for value in values)},
        "seconds": [_round(total) for total in _running_total(result.epochs)],
        "clock": [None if end is None else _round(end - first) for end in ends],
    }


def band_epochs(line: Line) -> int | None:
    """Return the last epoch that all seeds have finished; None before the first one.

    Seeds that stopped early, failed or are still running have fewer epochs. A mean that continued without them would
    jump and be biased towards the survivors, so it ends with the shortest seed.
    """
    lengths = [len(result.epochs) for result in line.cell.results if result.epochs]
    return min(lengths) if lengths else None


CURVES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


def _running_total(epochs: Sequence[Epoch]) -> list[float]:
    total, totals = 0.0, []
    for epoch in epochs:
        total += epoch.train_seconds
        totals.append(total)
    return totals


def _every_run(table: Table) -> dict[str, list[Any]]:
    """Return all runs of a table, finished or not, column by column."""
    runs = [(line, result) for line in table.lines for result in line.cell.results]
    place = [" · ".join(filter(None, (str(r.environment.get(key) or "") for key in MACHINE))) for _, r in runs]
    return {
        "network": [line.label for line, _ in runs],
        "of": [result.run.seed for _, result in runs],
        "state": [result.state for _, result in runs],
        "accuracy": [_round(result.measures.get("test_accuracy")) for _, result in runs],
        "seconds": [_round(result.measures.get("train_seconds")) for _, result in runs],
        "epochs": [len(result.epochs) for _, result in runs],
        "machine": place,
        "finished": [(result.finished or "")[:16].replace("T", " ") for _, result in runs],
        "failure": [result.failure.message if result.failure else "" for _, result in runs],
        "id": [result.id for _, result in runs],
    }


MACHINE = ("gpu", "processor", "device", "precision")
"""Fields of a run's environment that say where it was trained."""


def _round(value: float | None, digits: int = 5) -> float | None:
    """Round to this many significant digits: more than a screen shows, but a third of the bytes."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.{digits}g}")


def _prepare(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {_prepare(key, clean): _prepare(inner, clean) for key, inner in value.items()}
    return [_prepare(inner, clean) for inner in value] if isinstance(value, list | tuple) else value
