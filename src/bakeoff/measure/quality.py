"""The quality of a run, from its stored predictions: exact counts, each divided once. No torch.

Everything but calibration follows from one confusion matrix. Its counts and the ratios taken from it are those of
scikit-learn (the tests compare them), written as array arithmetic because a report asks for them thousands of times.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Reliability:
    """How often the networks were right, by their confidence: equal-width bins (lower, upper] of confidence.

    The first bin also holds confidence 0. Bins of two runs can be added.
    """

    images: np.ndarray
    """(B,) int64: images whose confidence falls into the bin."""
    correct: np.ndarray
    """(B,) int64: those of them that were classified correctly."""
    confidence: np.ndarray
    """(B,) float64: sum of their confidences."""

    def __add__(self, other: "Reliability") -> "Reliability":
        return Reliability(self.images + other.images, self.correct + other.correct, self.confidence + other.confidence)

    @property
    def error(self) -> float:
        """The expected calibration error (Guo et al. 2017): |accuracy - confidence| weighted by images."""
        return float(np.abs(self.correct - self.confidence).sum() / self.images.sum())


@dataclass(frozen=True)
class Quality:
    """The measures of one run on its test split. Fractions of 1; NaN where a class has no image."""

    confusion: np.ndarray
    """(K, K) int64: images of class [row] that were taken for class [column]."""
    accuracy: float
    balanced_accuracy: float
    """Mean of the accuracies of the classes that have images."""
    macro_f1: float
    """Mean F1 of the classes that have images or were predicted; a class that is never predicted correctly counts as
    0."""
    top5_accuracy: float | None
    """None for five classes or fewer."""
    brier: float
    """Mean over images of Σ (probability - truth)²: 0 is perfect, 2 the worst (Brier 1950)."""
    reliability: Reliability

    @property
    def per_class(self) -> np.ndarray:
        """(K,) float64: accuracy within each true class (its recall)."""
        return class_accuracy(self.confusion)


def quality(labels: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray, *, bins: int = 15) -> Quality:
    """Measure one run.

    Args:
        labels: (N,) whole numbers below K, the truth.
        predicted: (N,) the class each image was given.
        probabilities: (N, K) softmax of the logits, of any float type.
        bins: of confidence, for the calibration.

    Raises:
        ValueError: the lengths of the three differ, or N is 0.
    """
    images, classes = probabilities.shape
    if not images or labels.shape != (images,) or predicted.shape != (images,):
        raise ValueError(
            "expected equally many labels, predictions and rows of probabilities, at least one: "
            f"got {len(labels)}, {len(predicted)} and {images}"
        )
    probabilities = probabilities.astype(np.float32)
    matrix = confusion(labels, predicted, classes)
    return Quality(
        confusion=matrix,
        accuracy=float(np.trace(matrix) / images),
        balanced_accuracy=balanced_accuracy(matrix),
        macro_f1=macro_f1(matrix),
        top5_accuracy=top_accuracy(labels, probabilities, 5) if classes > 5 else None,
        brier=brier(labels, probabilities),
        reliability=reliability(labels, predicted, probabilities, bins),
    )


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return the (K, K) int64 counts of images of class [row] taken for class [column]."""
    pairs = labels.astype(np.int64) * classes + predicted
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def class_accuracy(matrix: np.ndarray) -> np.ndarray:
    """Return (K,) float64, the share of each class's images that was classified correctly; NaN for a class without
    images."""
    images = matrix.sum(axis=1)
    return np.divide(np.diag(matrix), images, out=np.full(len(images), np.nan), where=images > 0)


def balanced_accuracy(matrix: np.ndarray) -> float:
    """Return the mean of the accuracies of the classes that have images."""
    own, known = class_accuracy(matrix), matrix.sum(axis=1) > 0
    return float(np.where(known, own, 0).sum() / np.count_nonzero(known))  # as np.nanmean, which is slow


def macro_f1(matrix: np.ndarray) -> float:
    """Return the mean F1 over the classes that occur among labels or predictions."""
    both = matrix.sum(axis=0) + matrix.sum(axis=1)
    occurs = both > 0
    return float(np.mean(2 * np.diag(matrix)[occurs] / both[occurs]))


def balanced_and_f1(matrix: np.ndarray) -> tuple[float, float]:
    """Return the balanced accuracy and the macro F1 of a confusion matrix (K, K) with at least one image."""
    return balanced_accuracy(matrix), macro_f1(matrix)


def top_accuracy(labels: np.ndarray, probabilities: np.ndarray, k: int) -> float:
    """Return the share of images whose true class is among the `k` most probable.

    Where the true class ties with others for the last places (half-precision probabilities often do, at 0), it
    counts by its chance of getting one of them.
    """
    true = np.take_along_axis(probabilities, labels.astype(np.int64)[:, None], axis=1)
    above = (probabilities > true).sum(axis=1)
    level = (probabilities == true).sum(axis=1)
    return float(np.clip((k - above) / level, 0.0, 1.0).mean())


def brier(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the Brier score summed over classes, 0 to 2."""
    true = np.take_along_axis(probabilities, labels.astype(np.int64)[:, None], axis=1)[:, 0]
    squares = np.einsum("nk,nk->n", probabilities, probabilities)
    return float((squares - 2 * true + 1).mean(dtype=np.float64))


def reliability(labels: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> Reliability:
    """Count images and hits by the probability of the predicted class."""
    confidence = probabilities[np.arange(len(predicted)), predicted].astype(np.float64).clip(0.0, 1.0)
    index = np.maximum(np.ceil(confidence * bins).astype(np.int64) - 1, 0)
    return Reliability(
        images=np.bincount(index, minlength=bins),
        correct=np.bincount(index[predicted == labels], minlength=bins),
        confidence=np.bincount(index, weights=confidence, minlength=bins),
    )


def confused_pairs(matrix: np.ndarray, names: Sequence[str], count: int = 5) -> list[tuple[str, str, int, float]]:
    """Return (true class, taken for, images, share of the true class) of the most common errors, the most common
    first."""
    errors = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-errors, axis=None, kind="stable")[:count]
    rows, columns = np.unravel_index(order, errors.shape)
    images = matrix.sum(axis=1)
    return [
        (names[i], names[j], int(errors[i, j]), float(errors[i, j] / images[i]))
        for i, j in zip(rows, columns, strict=True)
        if errors[i, j]
    ]
