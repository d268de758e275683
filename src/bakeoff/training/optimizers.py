"""Optimizer, weight penalty and loss of a recipe, as torch objects and functions."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bakeoff.spec.recipe import L2, SGD, Adadelta, Adam, AdamW, Optimizer, Recipe


def build_optimizer(
    settings: Optimizer, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]
) -> torch.optim.Optimizer:
    """Return the torch optimizer for parameters or groups of parameters, fused if torch has a fused version."""
    match settings:
        case SGD(lr, momentum, nesterov, weight_decay):
            return torch.optim.SGD(
                parameters, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, fused=True
            )
        case Adam(lr, beta1, beta2, eps, weight_decay):
            betas = (beta1, beta2)
            return torch.optim.Adam(parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)
        case AdamW(lr, beta1, beta2, eps, weight_decay):
            betas = (beta1, beta2)
            return torch.optim.AdamW(parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)
        case Adadelta(lr, rho, eps, weight_decay):
            return torch.optim.Adadelta(parameters, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, foreach=True)


def set_rate(
    optimizer: torch.optim.Optimizer, settings: Optimizer, rate: float, step: int, head_rate: float | None = None
) -> None:
    """Prepare the optimizer for step `step` (counted from 1) at this learning rate.

    Groups may have a `factor` on this rate; those of the `head` may have another rate.

    Keras adds Adam's eps before the bias correction (the "epsilon hat" of Kingma & Ba 2015, section 2), torch
    after it. Dividing eps by sqrt(1 - beta2^step) makes torch's formula the Keras one, exactly.
    """
    for group in optimizer.param_groups:
        own = rate if head_rate is None or not group.get("head") else head_rate
        group["lr"] = own * group.get("factor", 1.0)
        if isinstance(settings, Adam) and settings.eps_before_correction:
            group["eps"] = settings.eps / math.sqrt(1 - settings.beta2**step)


def penalised_weights(net: nn.Module, l2: L2 | None) -> list[Tensor]:
    """Return the weights (never biases) that the penalty applies to."""
    if l2 is None:
        return []
    kinds = {"convolutions": nn.Conv2d, "weights": nn.Conv2d | nn.Linear}.get(l2.on, nn.Linear)
    weights = [layer.weight for layer in net.modules() if isinstance(layer, kinds)]
    return weights[:-1] if l2.on == "hidden-dense" else weights


def penalty(weights: list[Tensor], l2: L2 | None) -> Tensor:
    """Return strength·Σw², the term that Keras adds to the loss: a scalar on the weights' device."""
    if l2 is None or not weights:
        return torch.zeros(())
    with torch.no_grad():
        return l2.strength * torch.stack(torch._foreach_norm(weights)).square().sum()


def add_penalty_gradient(weights: list[Tensor], l2: L2 | None) -> None:
    """Add the penalty's gradient, 2·strength·w: the same as adding the penalty to the loss, but cheaper."""
    pairs = [(gradient, weight) for weight in weights if (gradient := weight.grad) is not None]
    if l2 is not None and pairs:
        gradients, values = [gradient for gradient, _ in pairs], [weight for _, weight in pairs]
        with torch.no_grad():
            torch._foreach_add_(gradients, values, alpha=2 * l2.strength)


def make_loss(recipe: Recipe) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the recipe's loss: (logits (N, K), labels (N,) or probabilities of the classes (N, K)) → mean.

    "keras-cross-entropy" clips the probabilities to [1e-7, 1 - 1e-7] before the logarithm, as Keras 2 does: the
    loss of one image cannot exceed 16.1, and an image beyond that has no gradient.
    """
    if recipe.loss == "cross-entropy":
        return lambda logits, labels: F.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)

    def keras_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
        logs = logits.softmax(1).clamp(1e-7, 1 - 1e-7).log()
        smoothing = recipe.label_smoothing
        truth = -(logs.gather(1, labels[:, None]).mean() if labels.dim() == 1 else (labels * logs).sum(1).mean())
        return truth if smoothing == 0 else (1 - smoothing) * truth - smoothing * logs.mean()

    return keras_cross_entropy
