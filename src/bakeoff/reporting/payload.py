"""The numbers behind the charts, as one JSON value that the page's scripts draw from."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bakeoff.measure.quality import confused_pairs
from bakeoff.reporting.critical_difference import Diagram
from bakeoff.reporting.datasets import Collection
from bakeoff.reporting.model import Facts, Line, Pooled, Table
from bakeoff.reporting.published import PublishedStudy
from bakeoff.spec.records import Epoch, Result
from bakeoff.stats.intervals import Interval
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
"""Measures that accuracy can be held against: medians over seeds."""

WHOLE_MATRIX = 100
"""A confusion matrix of more classes than this is not in the page; its commonest errors are."""


def payload(
    facts: Facts,
    collections: Sequence[Collection] = (),
    over_data: Sequence[Diagram] = (),
    published: Sequence[PublishedStudy] = (),
) -> dict[str, Any]:
    """Return everything the charts need: networks in the order of their colours, tables, runs, data sets."""
    shown = {key: (own.key, table) for own in collections for key, table in own.tables.items()}
    nothing: tuple[str | None, dict[str, Any]] = (None, {"shared": None, "lines": {}})
    return {
        "nets": facts.nets,
        "tables": [_table(table, *shown.get(table.key, nothing)) for table in facts.tables],
        "datasets": [own.payload for own in collections],
        "diagrams": [diagram.payload for diagram in over_data],
        "published": [study.payload for study in published],
    }


def to_script(value: object) -> str:
    """Return `value` as JSON that can stand inside a script element; what is not finite becomes null.

    Texts are as a reader may see them, as the rest of the page has them.
    """
    text = json.dumps(finite(_seen(value)), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _table(table: Table, dataset: str | None, shown: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": table.key,
        "title": table.title,
        "data": table.data,
        "recipe": table.recipe,
        "classes": table.classes,
        "dataset": dataset,
        "shared": shown["shared"],
        "chances": asdict(table.chances) if table.chances else None,
        "lines": [_line(line, table.classes) | {"images": shown["lines"].get(line.label)} for line in table.lines],
        "bands": {line.label: epochs for line in table.lines if (epochs := band_epochs(line)) is not None},
        "runs": [
            run for line in table.lines for result in line.cell.results if (run := _run(result, line.label)) is not None
        ],
    }


def _line(line: Line, classes: Sequence[str]) -> dict[str, Any]:
    trained = line.cell.interval("train_accuracy") or _train_accuracy(line.cell.finished)
    return {
        **asdict(line.row),
        "label": line.label,
        "seedAccuracies": line.seeds,
        "costs": {name: line.cell.median(name) for name in COSTS} | {"trainable_parameters": line.row.parameters},
        "trainAccuracy": trained.mean if trained else None,
        "pooled": _pooled(line.pooled, classes) if line.pooled else None,
    }


def _train_accuracy(finished: Sequence[Result]) -> Interval | None:
    """Return the mean training accuracy at the reported epochs."""
    from bakeoff.stats.intervals import mean_interval

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
        "pairs": confused_pairs(matrix, classes, 8),
        "reliability": {name: array.tolist() for name, array in asdict(pooled.reliability).items()},
        "quality": {name: [i.mean, i.low, i.high] for name, i in pooled.measures.items()},
    }


def _run(result: Result, label: str) -> dict[str, Any] | None:
    """Return the curves of a run, null for one that has none yet."""
    if not result.epochs:
        return None
    curves = {name: [_round(getattr(epoch, name)) for epoch in result.epochs] for name in CURVES}
    return {
        "id": result.id,
        "label": label,
        "seed": result.run.seed,
        "state": result.state,
        "reported": result.measures.get("reported_epoch"),
        "epochs": {name: values for name, values in curves.items() if any(value is not None for value in values)},
        "seconds": [_round(total) for total in _running_total(result.epochs)],
    }


def band_epochs(line: Line) -> int | None:
    """Return up to which epoch the mean over seeds is one over all of them; None before an epoch has finished.

    Seeds that stopped early, failed or are still running have fewer epochs. A mean that goes on without them would
    jump, and tell of the survivors alone, so it ends with the first of them.
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


def _round(value: float | None) -> float | None:
    """Keep five figures: more than a screen shows, a third of the bytes."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.5g}")


def _seen(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {_seen(key): _seen(inner) for key, inner in value.items()}
    return [_seen(inner) for inner in value] if isinstance(value, list | tuple) else value
