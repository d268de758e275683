"""Multinomial logistic regression by L-BFGS, on features that are read from a file in chunks.

The minimum is that of scikit-learn's LogisticRegression with C = 1 / (strength · images), which is twice as fast but
holds several float32 copies of all features in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK = 4096
"""Images whose features are in memory at once."""
STOP = {"maxiter": 1000, "ftol": 1e-8, "gtol": 1e-5}
"""When L-BFGS ends: after so many iterations, when the objective falls by less, or its gradient is smaller."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The features and labels of some images."""

    features: np.ndarray
    """(N, D) float16, memory-mapped: the features times `scale`."""
    scale: float
    labels: np.ndarray
    """(n,) int64, of the chosen images."""
    chosen: np.ndarray
    """(n,) int64, their rows in `features`."""
    device: str = "cpu"

    def __len__(self) -> int:
        return len(self.chosen)

    def chunks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (m, D) float32 features and (m,) labels, on the device; the next chunk overwrites this one.

        Buffers are reused, or else the memory of a worker would grow with every chunk: see `keep_freed_memory`.
        """
        values, labels = torch.from_numpy(self.features), torch.from_numpy(self.labels)
        half = torch.empty(min(CHUNK, len(self)), values.shape[1], dtype=values.dtype)
        single = torch.empty(half.shape, device=self.device)
        for rows, own in zip(torch.from_numpy(self.chosen).split(CHUNK), labels.split(CHUNK), strict=True):
            torch.index_select(values, 0, rows, out=half[: len(rows)])
            yield single[: len(rows)].copy_(half[: len(rows)]).div_(self.scale), own.to(self.device)


@dataclass(frozen=True, eq=False)
class Standard:
    """Standardisation of features: (x - mean) / deviation."""

    mean: Tensor
    """(D,) float64, on the device of the features."""
    deviation: Tensor
    """Likewise; 1 for features that do not vary."""

    @classmethod
    def of(cls, rows: Rows) -> "Standard":
        """Fit it to some images, with the population standard deviation."""
        total = sum((part.sum(0, dtype=torch.float64) for part, _ in rows.chunks()), torch.zeros(()))
        mean = total / len(rows)
        apart = (part.sub_(mean.float()).square_() for part, _ in rows.chunks())
        squares = sum((part.sum(0, dtype=torch.float64) for part in apart), torch.zeros(()))
        deviation = (squares / len(rows)).sqrt()
        return cls(mean, torch.where(deviation > 0, deviation, 1.0))

    def __call__(self, part: Tensor) -> Tensor:
        """Standardise (m, D) float32 features in place."""
        return part.sub_(self.mean.float()).div_(self.deviation.float())

    def fold(self, head: Tensor) -> Tensor:
        """Return the head that gives the same logits for raw features as `head` does for standardised ones."""
        weight = head[:, :-1] / self.deviation.cpu()
        return torch.cat([weight, (head[:, -1] - weight @ self.mean.cpu())[:, None]], 1)


def minimise(rows: Rows, standard: Standard, strength: float, start: Tensor) -> Tensor:
    """Return the head with the least mean cross-entropy + strength/2·Σw² on standardised features.

    Heads are (K, D + 1) float64 on the CPU: the weights w of each class, and its bias in the last column.
    """
    from scipy.optimize import minimize  # slow to import, and only probes need it
    from threadpoolctl import threadpool_limits

    def value_and_gradient(values: np.ndarray) -> tuple[float, np.ndarray]:
        head = torch.from_numpy(values).view(start.shape)
        loss, gradient = cross_entropy(head, rows, standard)
        weights = head[:, :-1]
        gradient[:, :-1] += strength * weights
        return loss + strength / 2 * float(weights.square().sum()), gradient.flatten().numpy()

    # SciPy's own steps are on vectors; BLAS threads that wait for each other make them ten times slower on a busy CPU.
    with threadpool_limits(1, user_api="blas"):
        found = minimize(value_and_gradient, start.flatten().numpy(), jac=True, method="L-BFGS-B", options=STOP)
    return torch.from_numpy(found.x).view(start.shape)


def cross_entropy(head: Tensor, rows: Rows, standard: Standard) -> tuple[float, Tensor]:
    """Return the mean cross-entropy and its gradient; products are in float32, sums over chunks in float64."""
    loss, gradient = 0.0, torch.zeros_like(head)
    weight, bias = head[:, :-1].float().to(rows.device), head[:, -1].float().to(rows.device)
    for part, labels in rows.chunks():
        inputs = standard(part)
        logs = F.log_softmax(torch.addmm(bias, inputs, weight.T), 1)
        loss -= float(logs.gather(1, labels[:, None]).double().sum())
        errors = logs.exp() - F.one_hot(labels, len(head))
        gradient[:, :-1] += (errors.T @ inputs).double().cpu()
        gradient[:, -1] += errors.double().sum(0).cpu()
    return loss / len(rows), gradient / len(rows)


def loss_and_accuracy(head: Tensor, rows: Rows, standard: Standard) -> tuple[float, float]:
    """Return mean cross-entropy and accuracy."""
    loss, hits = 0.0, 0
    weight, bias = head[:, :-1].float().to(rows.device), head[:, -1].float().to(rows.device)
    for part, labels in rows.chunks():
        logits = torch.addmm(bias, standard(part), weight.T)
        loss += float(F.cross_entropy(logits.double(), labels, reduction="sum"))
        hits += int((logits.argmax(1) == labels).sum())
    return loss / len(rows), hits / len(rows)
