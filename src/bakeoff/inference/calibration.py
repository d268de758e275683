"""Temperature scaling (Guo et al. 2017, "On calibration of modern neural networks", section 4.2)."""

from dataclasses import replace
from pathlib import Path

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional as F

from bakeoff.data.batches import eval_batches
from bakeoff.errors import BakeoffError
from bakeoff.inference.model import Model
from bakeoff.inference.trained_on import load_training_data
from bakeoff.training.bundles import Loaded
from bakeoff.training.partition import partition_data

RANGE = (0.05, 20.0)
"""Least and largest temperature."""


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Return the temperature that minimises the cross-entropy of (N, K) logits divided by it."""

    def loss(log_temperature: float) -> float:
        return float(F.cross_entropy(logits.double() / torch.tensor(log_temperature).exp(), labels))

    bounds = tuple(float(torch.tensor(bound).log()) for bound in RANGE)
    return float(torch.tensor(minimize_scalar(loss, bounds=bounds, method="bounded").x).exp())


def calibrated(model: Model) -> Model:
    """Return the model with a temperature fitted on the validation images of its first member's training.

    Raises:
        BakeoffError: the images of the training are not here, have changed, or none were held out for validation.
    """
    logits, labels = validation_logits(model.members[0], model.paths[0])
    return replace(model, temperature=fit_temperature(logits, labels))


def is_at_limit(temperature: float) -> bool:
    """Return whether a fitted temperature is the least or largest of `RANGE`, so that a better one may lie beyond."""
    return not RANGE[0] * 1.01 < temperature < RANGE[1] / 1.01


def validation_logits(member: Loaded, path: Path) -> tuple[Tensor, Tensor]:
    """Return the logits (N, K) and labels (N,) of the validation images of a model's training; `path` is of its file.

    Raises:
        BakeoffError: as `calibrated`.
    """
    run = member.bundle.run
    if run.recipe.validation in ("none", "test"):
        raise BakeoffError(f"{run.net} was trained without validation images of its own: nothing to calibrate with")
    try:
        images = load_training_data(path, member.bundle)
    except BakeoffError as error:
        raise BakeoffError(f"nothing to calibrate with: {error}") from error
    parts = partition_data(run, images, "cpu")
    assert parts.validation is not None
    found, truth = [], []
    with torch.inference_mode():
        for batch, labels in eval_batches(parts.validation, parts.validation_indices, run.recipe, parts.normalizer):
            found.append(member.net(batch).float())
            truth.append(labels)
    return torch.cat(found), torch.cat(truth)
