"""One run, from data to outcome: the only training loop.

A run is a function of its settings: the order of the images, their augmentation, the dropout masks and the first
weights are drawn from seeds derived from (seed, purpose, epoch). So a checkpoint holds the network, the optimiser
and the history, and a run resumed from it ends with the same bits as one that was never interrupted (on the same
machine with the same number of threads; on a GPU as far as torch has an operation that gives the same bits twice, and
the others are on record).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from bakeoff.data.batches import train_batches
from bakeoff.data.dataset import Dataset
from bakeoff.errors import BakeoffError
from bakeoff.machine import hardware
from bakeoff.machine.energy import Meter
from bakeoff.machine.hardware import Machine
from bakeoff.machine.load import Load
from bakeoff.measure.beside import attempt
from bakeoff.measure.determinism import varying_operations
from bakeoff.nets import build
from bakeoff.nets.fast import move
from bakeoff.nets.guard import seed_others
from bakeoff.nets.outputs import logits_of
from bakeoff.spec.records import Epoch, Outcome
from bakeoff.spec.run import Run, derive_seed, steps_in_epoch
from bakeoff.training import checkpoints
from bakeoff.training.evaluate import Diverged, conclude, validate
from bakeoff.training.ledger import Ledger
from bakeoff.training.optimizers import (
    add_penalty_gradient,
    build_optimizer,
    make_loss,
    penalised_weights,
    penalty,
    set_rate,
)
from bakeoff.training.partition import Parts, divide, seen_shape
from bakeoff.training.schedules import has_ended, learning_rate, selected_epoch

OnStep = Callable[[int, int, int], None]
"""Told (epoch, steps done, steps in an epoch) after every step."""


def fit(
    run: Run,
    data: Dataset,
    machine: Machine,
    folder: Path | None = None,
    on_step: OnStep | None = None,
    draft: str = "",
) -> Iterator[Epoch | Outcome]:
    """Train one run: yield an `Epoch` after each epoch and, last, the `Outcome`.

    With a `folder`, a checkpoint is written there before each epoch is yielded, and training goes on from the one
    it finds; the epochs before it are yielded again, so that whoever keeps them misses none. With a `draft`, what is
    written there is one (see `spec.paths`), and whoever keeps an epoch or the outcome moves it to its place.

    Raises:
        Diverged: the loss became NaN or infinite.
        BakeoffError: the images are too small for the network, the recipe asks for what the data lack, or the
            network gives something else than logits.
    """
    ledger = Ledger()
    hardware.prepare(machine)
    hardware.reset_peak_memory(machine.device)
    parts, shape = divide(run, data, machine.device), seen_shape(run, data)
    blanks: dict[str, str] = {}
    devices = [machine.device] if machine.device.startswith("cuda") else []
    with torch.random.fork_rng(devices):  # dropout draws from the global state: borrow it, give it back
        torch.manual_seed(derive_seed(run.seed, "init"))
        net = move(build(run.net, shape, parts.classes), machine.device)
        optimizer = build_optimizer(run.recipe.optimizer, net.parameters())
        state = checkpoints.load(folder, run.id, net, optimizer) if folder else checkpoints.State()
        history, best = state.history, state.best
        facts = hardware.environment(machine)
        if devices and (varying := attempt("determinism", lambda: varying_operations(net, shape, machine), blanks)):
            facts["nondeterministic"] = varying
        environment = hardware.across(state.environment, facts)
        ledger.carry(state.spent)
        meter = Meter(machine, state.joules if history else 0.0)
        load = Load(state.load if history else None)
        ledger.enter("idle")
        yield from history
        ledger.enter("startup")
        if machine.compile:
            net.compile()
        while not has_ended(run.recipe, history):
            with small_batches_told(run):
                epoch = train_epoch(net, optimizer, run, parts, machine, history, ledger, meter, load, on_step)
            history = [*history, epoch]
            if run.recipe.select != "last" and selected_epoch(run.recipe, history) == len(history):
                best = deepcopy(net.state_dict())
            if folder:
                state = checkpoints.State(history, best, ledger.spent(), meter.joules, environment, load.measures())
                checkpoints.save(folder, run.id, net, optimizer, state, draft)
            ledger.enter("idle")
            yield epoch
        ledger.enter("saving")
        if best:
            net.load_state_dict(best)
        if folder:
            keep_weights(folder, run.id, net, blanks, draft)
        outcome = conclude(net, run, parts, shape, machine, history, ledger)
        measures = outcome.measures | meter.measures() | load.measures()
        if blanks := blanks | outcome.blanks:
            environment = environment | {"not_measured": blanks}
        yield replace(outcome, measures=measures, environment=environment, blanks=blanks)


@contextmanager
def small_batches_told(run: Run) -> Iterator[None]:
    """Say what to do where batch normalisation is given one value.

    Raises:
        BakeoffError: it was.
    """
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise BakeoffError(
            f"{run.net} normalises over the batch, and a batch of one image leaves it a single value: expected a "
            f"batch_size of at least 2 and as many training images, found a batch_size of {run.recipe.batch_size}"
        ) from error


def keep_weights(folder: Path, run_id: str, net: nn.Module, blanks: dict[str, str], draft: str = "") -> None:
    """Write the weights; those of a kind that their format does not know are a blank.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    try:
        checkpoints.save_weights(folder, run_id, net, draft)
    except OSError:
        raise
    except Exception as error:
        blanks["weights"] = f"{type(error).__name__}: {error}"


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
        BakeoffError: the network gives something else than logits, or normalises over a batch of a single value.
    """
    ledger.enter("startup")
    recipe, epoch = run.recipe, len(history) + 1
    torch.manual_seed(derive_seed(run.seed, "dropout", epoch))
    seed_others(derive_seed(run.seed, "dropout", epoch))
    steps = steps_in_epoch(len(parts.train_indices), recipe.batch_size)
    loss_of, weights = make_loss(recipe), penalised_weights(net, recipe.l2)
    losses = torch.zeros(steps, device=machine.device)
    hits = torch.zeros((), dtype=torch.int64, device=machine.device)
    penalties = torch.zeros((), device=machine.device)
    images_seen, rate = 0, 0.0
    net.train()
    hardware.synchronize(machine.device)
    meter.start()
    load.start()
    clock = ledger.enter("step")
    batches = train_batches(parts.train, parts.train_indices, recipe, parts.normalizer, run.seed, epoch)
    with hardware.products(machine):
        for step, (images, labels) in enumerate(ledger.inputs(batches)):
            rate = learning_rate(recipe, history, len(history) + step / steps)
            set_rate(optimizer, recipe.optimizer, rate, len(history) * steps + step + 1)
            optimizer.zero_grad(set_to_none=True)
            with hardware.autocast(machine):
                logits, *auxiliary = logits_of(net(images), len(labels), parts.classes, run.net, training=True)
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
    hardware.synchronize(machine.device)
    trained = ledger.enter("evaluation")
    meter.stop()
    load.stop()
    validation_loss, validation_accuracy = validate(net, run, parts, weights)
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
        peak_memory_bytes=hardware.peak_memory_bytes(machine.device),
    )


def check_finite(losses: Tensor, epoch: int) -> None:
    """Stop a run whose loss is no number; looked at every 64 steps, so that a GPU need not wait at each."""
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        raise Diverged(epoch, int(bad[0]) + 1)
