"""Measures a model on other labelled images, and compares the result with that on its test split."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.measure.quality import Quality, balanced_and_f1, quality
from bakeoff.stats.proportions import Z, newcombe, wilson
from bakeoff.text.formats import counted, listing

if TYPE_CHECKING:
    from bakeoff.inference.model import Model
    from bakeoff.store.store import Store

Split: TypeAlias = Literal["all", "train", "validation", "test"]
Range: TypeAlias = tuple[float, float]
DRAWS = 1000
"""Draws of the bootstrap, for measures that are not proportions."""


@dataclass(frozen=True)
class ClassChange:
    """One class on the new images and on the test split. The field names are the keys of the JSON: they stay."""

    label: str
    images: int
    accuracy: float | None
    """Share of its images that were classified correctly; None without images."""
    interval: Range | None
    test_images: int | None = None
    test_accuracy: float | None = None
    change: float | None = None
    """`accuracy` minus `test_accuracy`."""
    change_interval: Range | None = None

    @property
    def is_significant(self) -> bool:
        """Whether the 95 % interval of the change excludes zero."""
        return self.change_interval is not None and not self.change_interval[0] <= 0 <= self.change_interval[1]


@dataclass(frozen=True)
class Evaluation:
    """The performance of a model on other labelled images. The field names are the keys of the JSON: they stay."""

    data: str
    split: Split
    images: int
    measures: dict[str, float]
    """accuracy, balanced_accuracy, macro_f1, top5_accuracy (for more than five classes), brier, calibration_error."""
    intervals: dict[str, Range]
    """95 %, over images."""
    classes: tuple[ClassChange, ...]
    """Of the model, in its order."""
    confusion: list[list[int]]
    """Images of class [row] predicted as class [column]."""
    test_measures: dict[str, float] = field(default_factory=dict)
    """Measures on the test split of the training; empty if the store does not have them."""
    change: float | None = None
    """Accuracy minus that on the test split."""
    change_interval: Range | None = None
    change_by_mix: float | None = None
    """The part of the change due to other class frequencies alone; the rest is within classes."""
    notes: tuple[str, ...] = ()
    """What to know about the images: classes that were left out, images that were trained on."""


def evaluate(model: "Model", data: str, *, split: Split | None = None, store: "Store | None" = None) -> Evaluation:
    """Measure a model on other labelled images, decoded as in training; classes are matched by name.

    Args:
        model: one network or an ensemble.
        data: name of a data set.
        split: by default "test", or "all" where the data set has no test images of its own.
        store: where the predictions on the test split are, to compare with.

    Raises:
        BakeoffError: there is no such data set or split, no class in common, or images cannot be read.
    """
    from bakeoff.inference.labelled import read_labelled

    images = read_labelled(model, data, split)
    probabilities = model.probabilities(images.pixels)
    result = measure(images.labels, probabilities)
    here = result.confusion
    before = None if store is None else stored_quality(model, store)
    classes = tuple(
        _class_change(label, here[k], k, None if before is None else before.confusion[k])
        for k, label in enumerate(model.classes)
    )
    found = Evaluation(
        data=data,
        split=images.split,
        images=len(images.labels),
        measures=measures_of(result),
        intervals=intervals_of(result, images.labels, probabilities),
        classes=classes,
        confusion=here.tolist(),
        notes=tuple(images.notes),
    )
    return found if before is None else _compared(found, result, before)


def measure(labels: np.ndarray, probabilities: np.ndarray) -> Quality:
    """Return the measures of probabilities (N, K) for images with these labels (N,)."""
    return quality(labels, probabilities.argmax(1), probabilities)


def measures_of(result: Quality) -> dict[str, float]:
    """Return the measures by name."""
    found = {
        "accuracy": result.accuracy,
        "balanced_accuracy": result.balanced_accuracy,
        "macro_f1": result.macro_f1,
        "top5_accuracy": result.top5_accuracy,
        "brier": result.brier,
        "calibration_error": result.reliability.error,
    }
    return {name: value for name, value in found.items() if value is not None}


def intervals_of(result: Quality, labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Range]:
    """Return 95 % intervals over images: Wilson's for proportions, normal for the Brier score, otherwise from a
    bootstrap."""
    n = len(labels)
    found = intervals_of_counts(result.confusion)
    if result.top5_accuracy is not None:
        found["top5_accuracy"] = wilson(result.top5_accuracy * n, n)
    truth = np.eye(probabilities.shape[1], dtype=np.float32)[labels]
    squares = ((probabilities - truth) ** 2).sum(1, dtype=np.float64)
    half = Z * float(squares.std(ddof=1)) / n**0.5 if n > 1 else 2.0
    found["brier"] = (max(0.0, result.brier - half), min(2.0, result.brier + half))
    return found


def intervals_of_counts(confusion: np.ndarray) -> dict[str, Range]:
    """Return the 95 % intervals that follow from a confusion matrix (K, K), as `intervals_of` does."""
    n = int(confusion.sum())
    found = {"accuracy": wilson(np.trace(confusion), n)}
    cells = confusion.ravel() / n
    drawn = np.random.default_rng(0).multinomial(n, cells, DRAWS).reshape(DRAWS, *confusion.shape)
    both = np.array([balanced_and_f1(matrix) for matrix in drawn])
    for name, values in zip(("balanced_accuracy", "macro_f1"), both.T, strict=True):
        low, high = np.quantile(values, [0.025, 0.975])
        found[name] = (float(low), float(high))
    return found


def stored_quality(model: "Model", store: "Store") -> Quality | None:
    """Return the quality of a model on the test split of its training, from the store; None if it is missing."""
    runs = [member.bundle.run for member in model.members]
    done = {result.id for result in store.results([run.id for run in runs]) if result.state == "done"}
    record = store.datasets().get(runs[0].data_hash)
    if model.temperature != 1.0 or record is None or done != {run.id for run in runs}:
        return None
    stored = [store.predictions(run.id) for run in runs]
    if len(stored) == 1:
        return quality(record.test_labels, *stored[0])
    return measure(record.test_labels, np.mean([shares.astype(np.float32) for _, shares in stored], axis=0))


def _class_change(label: str, row: np.ndarray, k: int, before: np.ndarray | None) -> ClassChange:
    """Compare one row of the confusion matrix with that of the test split."""
    n, right = int(row.sum()), int(row[k])
    own = ClassChange(label, n, right / n if n else None, wilson(right, n) if n else None)
    if before is None:
        return own
    m, other = int(before.sum()), int(before[k])
    both = bool(n and m)
    return ClassChange(
        label,
        n,
        own.accuracy,
        own.interval,
        test_images=m,
        test_accuracy=other / m if m else None,
        change=right / n - other / m if both else None,
        change_interval=newcombe(right, n, other, m) if both else None,
    )


def _compared(found: Evaluation, result: Quality, before: Quality) -> Evaluation:
    from dataclasses import replace

    n, m = found.images, int(before.confusion.sum())
    shares = result.confusion.sum(1) / n
    known = (shares == 0) | ~np.isnan(before.per_class)
    by_mix = float(np.nansum(shares * before.per_class)) - before.accuracy if known.all() else None
    return replace(
        found,
        test_measures=measures_of(before),
        change=result.accuracy - before.accuracy,
        change_interval=newcombe(np.trace(result.confusion), n, np.trace(before.confusion), m),
        change_by_mix=by_mix,
    )


def match_classes(model: Sequence[str], data: Sequence[str]) -> dict[int, int]:
    """Return the number of a class in the data → its number in the model: by name, else by name without case.

    Raises:
        BakeoffError: they have no class in common.
    """
    exact = {name: number for number, name in enumerate(model)}
    folded: dict[str, list[int]] = {}
    for number, name in enumerate(model):
        folded.setdefault(name.strip().casefold(), []).append(number)
    found = {}
    for number, name in enumerate(data):
        alike = folded.get(name.strip().casefold(), [])
        if name in exact:
            found[number] = exact[name]
        elif len(alike) == 1 and alike[0] not in found.values():
            found[number] = alike[0]
    if not found:
        raise BakeoffError(
            f"the data and the model have no class in common: the data have {listing(data)}, the model {listing(model)}"
        )
    return found


def left_out(data: Sequence[str], unknown: Sequence[int], images: int) -> str:
    """Say which classes of the data the model does not know, and how many images were left out."""
    names = listing([data[number] for number in unknown])
    return f"{counted(images, 'image')} of classes that the model does not know were left out: {names}"
