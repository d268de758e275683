"""Evaluation: on the validation images after every epoch, on the test images once, and the cost of inference.

Always in fp32, whatever the training precision, so that results depend only on the weights.
"""

import math
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor, nn

from bakeoff.data.batches import ImageSource, eval_batches
from bakeoff.machine.hardware import Machine
from bakeoff.measure.cost import activation_bytes, inference_cost
from bakeoff.measure.optional import measure_or_note
from bakeoff.nets.outputs import logits_of
from bakeoff.nets.summary import non_trainable, summarize, trainable
from bakeoff.spec.data import ImageShape
from bakeoff.spec.records import Epoch, Outcome
from bakeoff.spec.run import Run, steps_in_epoch
from bakeoff.training.ledger import Ledger
from bakeoff.training.optimizers import make_loss, penalised_weights, penalty
from bakeoff.training.partition import Partition
from bakeoff.training.schedules import selected_epoch


class Diverged(Exception):
    """The loss became NaN or infinite."""

    def __init__(self, epoch: int, step: int) -> None:
        super().__init__(f"the loss became NaN or infinite in epoch {epoch} at step {step}: lower optimizer.lr")
        self.epoch, self.step = epoch, step


def validate(net: nn.Module, run: Run, parts: Partition, weights: list[Tensor]) -> tuple[float | None, float | None]:
    """Return loss (including the penalty) and accuracy on the validation images; (None, None) if there are none."""
    if parts.validation is None:
        return None, None
    logits, labels = compute_logits(net, run, parts, parts.validation, parts.validation_indices)
    loss = float(make_loss(run.recipe)(logits.double(), labels)) + float(penalty(weights, run.recipe.l2))
    return loss, int((logits.argmax(1) == labels).sum()) / len(labels)


def compute_logits(
    net: nn.Module, run: Run, parts: Partition, source: ImageSource, indices: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the logits (N, K) float32 and the labels (N,) of all images in order, both on the CPU.

    Raises:
        BakeoffError: the network returns something other than logits.
    """
    net.eval()
    logits, labels = [], []
    with torch.inference_mode():
        for images, truth in eval_batches(source, indices, run.recipe, parts.normalizer):
            (outputs,) = logits_of(net(images), len(truth), parts.classes, run.net, training=False)
            logits.append(outputs.float())
            labels.append(truth)
    return torch.cat(logits).cpu(), torch.cat(labels).cpu()


def evaluate_test(
    net: nn.Module,
    run: Run,
    parts: Partition,
    shape: ImageShape,
    machine: Machine,
    history: list[Epoch],
    ledger: Ledger,
    predict_test: Callable[[], tuple[Tensor, Tensor]] | None = None,
) -> Outcome:
    """Evaluate on the test split and collect all measures of the finished run except the seconds of its phases.

    `predict_test` replaces `predict` and must return the same logits and labels of the test images.
    A cost measure that fails is left out; the outcome's `blanks` say why.

    Raises:
        Diverged: the network's outputs on the test images are not finite.
        BakeoffError: the network returns something other than logits.
    """
    ledger.enter("evaluation")
    logits, labels = predict_test() if predict_test else compute_logits(net, run, parts, parts.test)
    ledger.enter("measuring")
    if not bool(logits.isfinite().all()):
        raise Diverged(len(history), steps_in_epoch(len(parts.train_indices), run.recipe.batch_size))
    predicted = logits.argmax(1)
    weights = penalised_weights(net, run.recipe.l2)
    objective = float(make_loss(run.recipe)(logits.double(), labels)) + float(penalty(weights, run.recipe.l2))
    train_seconds = math.fsum(epoch.train_seconds for epoch in history)
    measures: dict[str, float | None] = {
        "test_accuracy": int((predicted == labels).sum()) / len(labels),
        "test_loss": float(nn.functional.cross_entropy(logits.double(), labels)),
        "test_objective": objective,
        "reported_epoch": selected_epoch(run.recipe, history),
        "epochs": len(history),
        "train_images": len(parts.train_indices),
        "test_images": len(labels),
        "parameters": trainable(net) + non_trainable(net),
        "trainable_parameters": trainable(net),
        "train_seconds": train_seconds,
        "images_per_second": len(parts.train_indices) * len(history) / train_seconds,
        "peak_memory_bytes": max(epoch.peak_memory_bytes for epoch in history),
    }
    if parts.classes > 5:
        in_top5 = (logits.topk(5).indices == labels[:, None]).any(1)
        measures["test_top5_accuracy"] = int(in_top5.sum()) / len(labels)
    blanks: dict[str, str] = {}
    of_net = run.net, shape, parts.classes
    summary = measure_or_note("layers", lambda: summarize(*of_net), blanks)
    if summary:
        blanks |= summary.blanks
        measures["flops"] = summary.flops
    measures["activation_bytes_per_image"] = measure_or_note(
        "activation memory", lambda: activation_bytes(*of_net), blanks
    )
    measures |= measure_or_note("latency", lambda: inference_cost(net, shape, machine, train_seconds), blanks) or {}
    return Outcome(
        reported_epoch=selected_epoch(run.recipe, history),
        predicted=predicted.numpy().astype(np.uint16),
        probabilities=logits.softmax(1).numpy().astype(np.float16),
        measures={name: value for name, value in measures.items() if value is not None},
        layers=tuple(asdict(layer) for layer in summary.layers) if summary else (),
        blanks=blanks,
    )
