"""Runs made up for the audit: each with the predictions, the curve and the settings that a finding looks at."""

from collections.abc import Sequence
from zlib import crc32

import msgspec
import numpy as np

from bakeoff.analysis.audit import FINDINGS, Finding
from bakeoff.analysis.cells import group_cells
from bakeoff.analysis.snapshot import EvaluatedRun, Snapshot
from bakeoff.measure.quality import reliability
from bakeoff.spec.recipe import SGD, Recipe
from bakeoff.spec.records import Epoch, Failure, Result, Unreadable
from bakeoff.spec.run import Run

RECIPE = Recipe(
    name="plain", epochs=8, batch_size=64, validation=0.1, select="last", normalize="unit", optimizer=SGD(lr=0.1)
)
CLASSES = tuple("0123456789")
LABELS = np.arange(1000) % 10
CALM = [0.5, 0.7, 0.8, 0.85, 0.898, 0.9, 0.899, 0.9]
"""An inconspicuous curve of validation accuracies."""
ENVIRONMENT = {"bakeoff": "0.1.0", "torch": "2", "processor": "one", "device": "cpu", "threads": 1}


def predictions(accuracy: float, seed: int = 0, labels: np.ndarray = LABELS, classes: int = 10) -> np.ndarray:
    """Right for that share of the images, drawn by the seed; otherwise wrong in random ways."""
    random = np.random.default_rng(seed)
    wrong = random.permutation(len(labels))[: round((1 - accuracy) * len(labels))]
    predicted = labels.copy()
    predicted[wrong] = (labels[wrong] + random.integers(1, classes, len(wrong))) % classes
    return predicted


def curve(
    accuracies: Sequence[float], train: Sequence[float] | None = None, loss: Sequence[float] | None = None,
    train_loss: Sequence[float] | None = None, speed: Sequence[float] | None = None,
) -> tuple[Epoch, ...]:  # fmt: skip
    """Epochs with these validation accuracies; the rest follows from them unless it is given."""
    return tuple(
        Epoch(
            epoch=i + 1,
            train_loss=train_loss[i] if train_loss else 2 - accuracy,
            train_accuracy=train[i] if train else accuracy,
            validation_loss=loss[i] if loss else 1 - accuracy,
            validation_accuracy=accuracy,
            learning_rate=0.1,
            train_seconds=1.0,
            evaluation_seconds=0.1,
            images_per_second=speed[i] if speed else 1000.0,
            peak_memory_bytes=10**6,
        )
        for i, accuracy in enumerate(accuracies)
    )


def run(
    net: str = "a", seed: int = 0, *, predicted: np.ndarray | None = None, labels: np.ndarray = LABELS,
    classes: Sequence[str] = CLASSES, sure: float | None = None, history: Sequence[Epoch] | None = None,
    environment: dict | None = None, measures: dict[str, float] | None = None, layers: Sequence[dict] = (),
    data: str = "mnist", **changes: object,
) -> EvaluatedRun:  # fmt: skip
    """One finished run. It is as sure as it is right unless `sure` says how sure."""
    predicted = (
        predictions(0.9, crc32(f"{net}{seed}".encode()), labels, len(classes)) if predicted is None else predicted
    )
    accuracy = float((predicted == labels).mean())
    sure = min(max(accuracy, 0.02), 0.98) if sure is None else sure
    probabilities = np.full((len(labels), len(classes)), (1 - sure) / (len(classes) - 1), np.float32)
    probabilities[np.arange(len(labels)), predicted] = sure
    epochs = tuple(curve(CALM) if history is None else history)
    own = {"test_accuracy": accuracy, "reported_epoch": len(epochs), "train_images": 9000, "parameters": 1000}
    result = Result(
        id=f"{net}-{data}-{seed}-{len(changes)}",
        run=Run(net, data, data, msgspec.structs.replace(RECIPE, **changes), seed),
        state="done",
        epochs=epochs,
        measures=own | (measures or {}),
        environment=environment or ENVIRONMENT,
        layers=tuple(layers),
    )
    return EvaluatedRun(result, tuple(classes), labels, predicted, reliability(labels, predicted, probabilities))


def failed(net: str, kind: str) -> Result:
    """A run without a result."""
    failure = Failure(kind, "the loss became NaN in epoch 2 at step 57", "", 2, 57)
    return Result(id=f"{net}-failed", run=Run(net, "mnist", "mnist", RECIPE, 9), state="failed", failure=failure)


def look(
    kind: str,
    *runs: EvaluatedRun | Result,
    references: dict | None = None,
    facts: dict | None = None,
    unreadable: tuple[Unreadable, ...] = (),
) -> list[Finding]:
    """What one finding says of these runs, checked for being well formed."""
    tested = {one.result.id: one for one in runs if isinstance(one, EvaluatedRun)}
    results = [one.result if isinstance(one, EvaluatedRun) else one for one in runs]
    assert len({result.id for result in results}) == len(results), "runs of one id"
    found = list(
        FINDINGS[kind](Snapshot(tuple(group_cells(results)), tested, references or {}, facts or {}, unreadable))
    )
    for finding in found:
        assert finding.kind == kind
        assert finding.message.endswith((".", "…")) and finding.advice.endswith(".")
        assert finding.evidence and finding.nets and set(finding.runs) <= {one.id for one in (*results, *unreadable)}
    return found
