"""One run, from data to outcome: the only training loop.

A run is a function of its settings: the order of the images, their augmentation, the dropout masks and the initial
weights are drawn from seeds derived from (seed, purpose, epoch). A checkpoint therefore needs only the network, the
optimizer and the history, and a resumed run ends with the same bits as an uninterrupted one, on the same machine with
the same number of threads. On a GPU this holds for the operations that torch can make deterministic; the others are
recorded with the run.
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
from bakeoff.machine.hardware import Machine
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
from bakeoff.training.meters import Meters
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
"""Called with (epoch, steps done, steps in the epoch) after every step."""


def fit(
    run: Run,
    data: Dataset,
    machine: Machine,
    folder: Path | None = None,
    on_step: OnStep | None = None,
    draft: str = "",
) -> Iterator[Epoch | Outcome]:
    """Train one run: yield an `Epoch` after each epoch and, last, the `Outcome`.

    With a `folder`, a checkpoint is written there before each epoch is yielded, and training resumes from the one it
    finds; earlier epochs are yielded again, so that the caller can store them all. With a `draft`, files are written
    under draft names (see `spec.paths`), and the caller moves them into place when it accepts the epoch or outcome.

    Raises:
        Diverged: the loss became NaN or infinite.
        BakeoffError: the images are too small for the network, the recipe needs something the data set lacks, or
            the network returns something other than logits.
    """
    ledger = Ledger()
    hardware.prepare(machine)
    hardware.reset_peak_memory(machine.device)
    parts, shape = divide(run, data, machine.device), seen_shape(run, data)
    blanks: dict[str, str] = {}
    devices = [machine.device] if machine.device.startswith("cuda") else []
    with torch.random.fork_rng(devices):  # dropout draws from the global state: put it back afterwards
        torch.manual_seed(derive_seed(run.seed, "init"))
        net = move(build(run.net, shape, parts.classes), machine.device)
        optimizer = build_optimizer(run.recipe.optimizer, net.parameters())
        state = checkpoints.load(folder, run.id, net, optimizer) if folder else checkpoints.State()
        history, best = state.history, state.best
        facts = hardware.environment(machine)
        if devices and (varying := attempt("determinism", lambda: varying_operations(net, shape, machine), blanks)):
            facts["nondeterministic"] = varying
        environment = hardware.merge_environments(state.environment, facts)
        meters = Meters.resume(ledger, machine, state)
        ledger.enter("idle")
        yield from history
        ledger.enter("startup")
        if machine.compile:
            net.compile()
        while not has_ended(run.recipe, history):
            with explained_small_batches(run):
                epoch = train_epoch(net, optimizer, run, parts, machine, history, meters, on_step)
            history = [*history, epoch]
            if run.recipe.select != "last" and selected_epoch(run.recipe, history) == len(history):
                best = deepcopy(net.state_dict())
            if folder:
                spent, joules, load = ledger.spent(), meters.energy.joules, meters.load.measures()
                state = checkpoints.State(history, best, spent, joules, environment, load)
                checkpoints.save(folder, run.id, net, optimizer, state, draft)
            ledger.enter("idle")
            yield epoch
        ledger.enter("saving")
        if best:
            net.load_state_dict(best)
        if folder:
            keep_weights(folder, run.id, net, blanks, draft)
        outcome = conclude(net, run, parts, shape, machine, history, ledger)
        measures = outcome.measures | meters.measures()
        if blanks := blanks | outcome.blanks:
            environment = environment | {"not_measured": blanks}
        yield replace(outcome, measures=measures, environment=environment, blanks=blanks)


@contextmanager
def explained_small_batches(run: Run) -> Iterator[None]:
    """Explain what to change when batch normalization gets a single value.

    Raises:
        BakeoffError: it did.
    """
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise BakeoffError(
            f"{run.net} normalizes over the batch, so a batch needs at least 2 images: expected a batch_size of "
            f"at least 2 and as many training images, got a batch_size of {run.recipe.batch_size}"
        ) from error


def keep_weights(folder: Path, run_id: str, net: nn.Module, blanks: dict[str, str], draft: str = "") -> None:
    """Write the weights, or note in `blanks` why the format cannot hold them.

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
    meters: Meters,
    on_step: OnStep | None = None,
) -> Epoch:
    """Train one epoch and evaluate on the validation images, off the training clock.

    Raises:
        Diverged: the loss became NaN or infinite, with the step.
        BakeoffError: the network returns something other than logits, or normalizes over a batch of one value.
    """
    meters.ledger.enter("startup")
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
    started = meters.start()
    batches = train_batches(parts.train, parts.train_indices, recipe, parts.normalizer, run.seed, epoch)
    with hardware.tf32_if_chosen(machine):
        for step, (images, labels) in enumerate(meters.ledger.inputs(batches)):
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
    trained = meters.stop()
    validation_loss, validation_accuracy = validate(net, run, parts, weights)
    evaluated = meters.ledger.enter("saving")
    return Epoch(
        epoch=epoch,
        train_loss=(float(losses.cpu().double().sum()) + float(penalties)) / images_seen,
        train_accuracy=int(hits) / images_seen,
        validation_loss=validation_loss,
        validation_accuracy=validation_accuracy,
        learning_rate=rate,
        train_seconds=trained - started,
        evaluation_seconds=evaluated - trained,
        images_per_second=images_seen / (trained - started),
        peak_memory_bytes=hardware.peak_memory_bytes(machine.device),
    )


def check_finite(losses: Tensor, epoch: int) -> None:
    """Stop a run whose loss is not finite; checked every 64 steps, so that a GPU does not wait at each."""
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        raise Diverged(epoch, int(bad[0]) + 1)
