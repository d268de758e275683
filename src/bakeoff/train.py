"""One run, from data to outcome: the only training loop and the only evaluator.

A run is a function of its settings: the order of the images, their augmentation, the dropout masks and the first
weights are drawn from seeds derived from (seed, purpose, epoch). So a checkpoint holds the network, the optimiser
and the history, and a run resumed from it ends with the same bits as one that was never interrupted (on the same
machine with the same number of threads).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bakeoff import checkpoints, runtime
from bakeoff.data.batches import Source, eval_batches, train_batches
from bakeoff.data.dataset import Dataset
from bakeoff.data.normalize import Normalizer, fit_normalizer
from bakeoff.data.split import balanced_sample, cut_validation
from bakeoff.errors import BakeoffError
from bakeoff.ledger import Ledger
from bakeoff.measure.cost import activation_bytes, inference_cost
from bakeoff.measure.energy import Meter
from bakeoff.measure.load import Load
from bakeoff.nets import build
from bakeoff.nets.fast import move
from bakeoff.nets.summary import summarize
from bakeoff.optimizers import add_penalty_gradient, build_optimizer, make_loss, penalised_weights, penalty, set_rate
from bakeoff.records import Epoch, Outcome
from bakeoff.runtime import Machine
from bakeoff.schedules import has_ended, learning_rate, selected_epoch
from bakeoff.spec import ImageShape, Recipe, Run, derive_seed


class Diverged(Exception):
    """The loss became NaN or infinite."""

    def __init__(self, epoch: int, step: int) -> None:
        super().__init__(f"the loss became NaN or infinite in epoch {epoch} at step {step}: lower optimizer.lr")
        self.epoch, self.step = epoch, step


@dataclass(frozen=True)
class Parts:
    """The images of one run by what they are for, on the device."""

    train: Source
    train_indices: Tensor
    validation: Source | None
    validation_indices: Tensor | None
    test: Source
    normalizer: Normalizer


OnStep = Callable[[int, int, int], None]
"""Told (epoch, steps done, steps in an epoch) after every step."""


def fit(
    run: Run, data: Dataset, machine: Machine, folder: Path | None = None, on_step: OnStep | None = None
) -> Iterator[Epoch | Outcome]:
    """Train one run: yield an `Epoch` after each epoch and, last, the `Outcome`.

    With a `folder`, a checkpoint is written there before each epoch is yielded, and training goes on from the one
    it finds; the epochs before it are yielded again, so that whoever keeps them misses none.

    Raises:
        Diverged: the loss became NaN or infinite.
        BakeoffError: the images are too small for the network, or the recipe asks for what the data lack.
    """
    ledger = Ledger()
    runtime.prepare(machine)
    runtime.reset_peak_memory(machine.device)
    parts = divide(run, data, machine.device)
    devices = [machine.device] if machine.device.startswith("cuda") else []
    with torch.random.fork_rng(devices):  # dropout draws from the global state: borrow it, give it back
        torch.manual_seed(derive_seed(run.seed, "init"))
        net = move(build(run.net, seen_shape(run, data), len(data.info.classes)), machine.device)
        optimizer = build_optimizer(run.recipe.optimizer, net.parameters())
        state = checkpoints.load(folder, run.id, net, optimizer) if folder else checkpoints.State()
        history, best = state.history, state.best
        environment = runtime.across(state.environment, runtime.environment(machine))
        ledger.carry(state.spent)
        meter = Meter(machine, state.joules if history else 0.0)
        load = Load(state.load if history else None)
        ledger.enter("idle")
        yield from history
        ledger.enter("startup")
        if machine.compile:
            net.compile()
        while not has_ended(run.recipe, history):
            epoch = train_epoch(net, optimizer, run, parts, machine, history, ledger, meter, load, on_step)
            history = [*history, epoch]
            if run.recipe.select != "last" and selected_epoch(run.recipe, history) == len(history):
                best = {name: value.detach().clone() for name, value in net.state_dict().items()}
            if folder:
                state = checkpoints.State(history, best, ledger.spent(), meter.joules, environment, load.measures())
                checkpoints.save(folder, run.id, net, optimizer, state)
            ledger.enter("idle")
            yield epoch
        ledger.enter("saving")
        if best:
            net.load_state_dict(best)
        if folder:
            checkpoints.save_weights(folder, run.id, net)
        outcome = conclude(net, run, parts, data, machine, history, ledger)
        measures = outcome.measures | meter.measures() | load.measures()
        yield replace(outcome, measures=measures, environment=environment)


def seen_shape(run: Run, data: Dataset) -> ImageShape:
    """Return the shape of the images as the network sees them."""
    return run.recipe.image.shape(ImageShape(*data.train.images.shape[1:]))


def divide(run: Run, data: Dataset, device: str) -> Parts:
    """Cut training and validation images as the recipe says; the same for all networks at one seed.

    Raises:
        BakeoffError: the recipe asks for the data set's own validation split and there is none, or for more
            images of a class than there are.
    """
    recipe = run.recipe
    indices = np.arange(len(data.train.labels))
    if recipe.images_per_class is not None:
        indices = balanced_sample(data.train.labels, recipe.images_per_class, derive_seed(run.seed, "sample"))
    train, test = Source.on(data.train, device), Source.on(data.test, device)
    validation: Source | None = None
    validation_indices: Tensor | None = None
    if recipe.validation == "own":
        if data.validation is None:
            raise BakeoffError(f"{run.data} has no validation split of its own: add --set validation=0.1")
        validation = Source.on(data.validation, device)
    elif recipe.validation == "test":
        validation = test
    elif recipe.validation != "none":
        kept, cut = cut_validation(data.train.labels[indices], recipe.validation, derive_seed(run.seed, "split"))
        validation, validation_indices = train, torch.from_numpy(indices[cut])
        indices = indices[kept]
    train_indices = torch.from_numpy(indices)
    normalizer = fit_normalizer(train.images, train_indices, recipe.image, recipe.normalize)
    return Parts(train, train_indices, validation, validation_indices, test, normalizer.to(device))


def train_epoch(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    run: Run,
    parts: Parts,
    machine: Machine,
    history: list[Epoch],
    ledger: Ledger,
    meter: Meter,
    load: Load,
    on_step: OnStep | None = None,
) -> Epoch:
    """Train one epoch and evaluate on the validation images, off the training clock.

    Raises:
        Diverged: the loss became NaN or infinite, with the step.
    """
    ledger.enter("startup")
    recipe, epoch = run.recipe, len(history) + 1
    torch.manual_seed(derive_seed(run.seed, "dropout", epoch))
    steps = math.ceil(len(parts.train_indices) / recipe.batch_size)
    loss_of, weights = make_loss(recipe), penalised_weights(net, recipe.l2)
    losses = torch.zeros(steps, device=machine.device)
    hits = torch.zeros((), dtype=torch.int64, device=machine.device)
    penalties = torch.zeros((), device=machine.device)
    images_seen, rate = 0, 0.0
    net.train()
    runtime.synchronize(machine.device)
    meter.start()
    load.start()
    clock = ledger.enter("step")
    batches = train_batches(parts.train, parts.train_indices, recipe, parts.normalizer, run.seed, epoch)
    for step, (images, labels) in enumerate(ledger.inputs(batches)):
        rate = learning_rate(recipe, history, len(history) + step / steps)
        set_rate(optimizer, recipe.optimizer, rate, len(history) * steps + step + 1)
        optimizer.zero_grad(set_to_none=True)
        with runtime.autocast(machine):
            outputs = net(images)
            logits, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
            loss = loss_of(logits.float(), labels)
            for extra in auxiliary:
                loss = loss + recipe.auxiliary_weight * loss_of(extra.float(), labels)
        loss.backward()
        if recipe.l2 is not None:
            penalties += penalty(weights, recipe.l2) * len(labels)
            add_penalty_gradient(weights, recipe.l2)
        optimizer.step()
        losses[step] = loss.detach() * len(labels)
        hits += (logits.detach().argmax(1) == labels).sum()
        images_seen += len(labels)
        if step % 64 == 63 or step == steps - 1:
            check_finite(losses, epoch)
        if on_step:
            on_step(epoch, step + 1, steps)
    runtime.synchronize(machine.device)
    trained = ledger.enter("evaluation")
    meter.stop()
    load.stop()
    validation_loss, validation_accuracy = validate(net, recipe, parts, machine, weights)
    evaluated = ledger.enter("saving")
    return Epoch(
        epoch=epoch,
        train_loss=(float(losses.cpu().double().sum()) + float(penalties)) / images_seen,
        train_accuracy=int(hits) / images_seen,
        validation_loss=validation_loss,
        validation_accuracy=validation_accuracy,
        learning_rate=rate,
        train_seconds=trained - clock,
        evaluation_seconds=evaluated - trained,
        images_per_second=images_seen / (trained - clock),
        peak_memory_bytes=runtime.peak_memory_bytes(machine.device),
    )


def check_finite(losses: Tensor, epoch: int) -> None:
    """Stop a run whose loss is no number; looked at every 64 steps, so that a GPU need not wait at each."""
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        raise Diverged(epoch, int(bad[0]) + 1)


def validate(
    net: nn.Module, recipe: Recipe, parts: Parts, machine: Machine, weights: list[Tensor]
) -> tuple[float | None, float | None]:
    """Return the recipe's loss, penalty included, and the accuracy on the validation images, if there are any."""
    if parts.validation is None:
        return None, None
    logits, labels = predict(net, parts.validation, parts.validation_indices, recipe, parts.normalizer, machine)
    loss = float(make_loss(recipe)(logits.double(), labels)) + float(penalty(weights, recipe.l2))
    return loss, int((logits.argmax(1) == labels).sum()) / len(labels)


def predict(
    net: nn.Module, source: Source, indices: Tensor | None, recipe: Recipe, normalizer: Normalizer, machine: Machine
) -> tuple[Tensor, Tensor]:
    """Return the logits (N, K) float32 and the labels (N,), both on the CPU, of all the images in their order."""
    net.eval()
    logits, labels = [], []
    with torch.inference_mode(), runtime.autocast(machine):
        for images, truth in eval_batches(source, indices, recipe, normalizer):
            logits.append(net(images).float())
            labels.append(truth)
    return torch.cat(logits).cpu(), torch.cat(labels).cpu()


def conclude(
    net: nn.Module, run: Run, parts: Parts, data: Dataset, machine: Machine, history: list[Epoch], ledger: Ledger
) -> Outcome:
    """Read the test split, once, and put together all that is known of the finished run.

    Raises:
        Diverged: the network's outputs on the test images are not numbers.
    """
    ledger.enter("evaluation")
    logits, labels = predict(net, parts.test, None, run.recipe, parts.normalizer, machine)
    ledger.enter("measuring")
    if not bool(logits.isfinite().all()):
        raise Diverged(len(history), math.ceil(len(parts.train_indices) / run.recipe.batch_size))
    predicted = logits.argmax(1)
    weights = penalised_weights(net, run.recipe.l2)
    objective = float(make_loss(run.recipe)(logits.double(), labels)) + float(penalty(weights, run.recipe.l2))
    train_seconds = math.fsum(epoch.train_seconds for epoch in history)
    shape, classes = seen_shape(run, data), len(data.info.classes)
    summary = summarize(run.net, shape, classes)
    measures = {
        "test_accuracy": int((predicted == labels).sum()) / len(labels),
        "test_loss": float(nn.functional.cross_entropy(logits.double(), labels)),
        "test_objective": objective,
        "reported_epoch": selected_epoch(run.recipe, history),
        "epochs": len(history),
        "train_images": len(parts.train_indices),
        "test_images": len(labels),
        "parameters": summary.total,
        "trainable_parameters": summary.trainable,
        "flops": summary.flops,
        "train_seconds": train_seconds,
        "images_per_second": len(parts.train_indices) * len(history) / train_seconds,
        "peak_memory_bytes": max(epoch.peak_memory_bytes for epoch in history),
        "activation_bytes_per_image": activation_bytes(run.net, shape, classes),
    }
    if classes > 5:
        among = (logits.topk(5).indices == labels[:, None]).any(1)
        measures["test_top5_accuracy"] = int(among.sum()) / len(labels)
    measures |= inference_cost(net, shape, machine, train_seconds)
    measures |= ledger.measures()
    return Outcome(
        reported_epoch=int(measures["reported_epoch"]),
        predicted=predicted.numpy().astype(np.uint16),
        probabilities=logits.softmax(1).numpy().astype(np.float16),
        measures=measures,
        layers=tuple(asdict(layer) for layer in summary.layers),
    )
