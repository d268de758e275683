"""The training loop: one run, from data to outcome.

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
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from bakeoff.data.batches import train_batches
from bakeoff.data.dataset import Dataset
from bakeoff.data.mixing import Mixed
from bakeoff.errors import BakeoffError
from bakeoff.machine import hardware
from bakeoff.machine.hardware import Machine
from bakeoff.measure.determinism import varying_operations
from bakeoff.measure.optional import measure_or_note
from bakeoff.nets import build
from bakeoff.nets.fast import to_device
from bakeoff.nets.guard import seed_others
from bakeoff.nets.outputs import logits_of
from bakeoff.spec.paths import draft_after
from bakeoff.spec.records import Epoch, Outcome
from bakeoff.spec.run import Run, derive_seed, steps_in_epoch
from bakeoff.training import checkpoints
from bakeoff.training.average import averaged
from bakeoff.training.bundles import Bundle, make_bundle, to_metadata, with_results
from bakeoff.training.devices import ALONE, Devices
from bakeoff.training.evaluate import Diverged, evaluate_test, validate
from bakeoff.training.groups import heads_of
from bakeoff.training.learner import Learner
from bakeoff.training.ledger import Ledger
from bakeoff.training.meters import Meters, speed_of
from bakeoff.training.optimizers import make_loss, penalty
from bakeoff.training.partition import Partition, input_shape, partition_data
from bakeoff.training.probe import fit_probe, predict_probe
from bakeoff.training.schedules import has_ended, head_learning_rate, learning_rate, selected_epoch

OnStep = Callable[[int, int, int], None]
"""Called with (epoch, steps done, steps in the epoch) after every step."""


def fit(
    run: Run,
    data: Dataset,
    machine: Machine,
    folder: Path | None = None,
    on_step: OnStep | None = None,
    draft: str = "",
    devices: Devices = ALONE,
) -> Iterator[Epoch | Outcome]:
    """Train one run: yield an `Epoch` after each epoch and, last, the `Outcome`.

    With a `folder`, a checkpoint is written there before each epoch is yielded, and training resumes from the one it
    finds; earlier epochs are yielded again, so that the caller can store them all. With a `draft`, files are written
    under draft names (see `spec.paths`), and the caller moves them into place when it accepts the epoch or outcome.
    With several `devices`, each calls this; those that do not lead write nothing and have no outcome.

    Raises:
        Diverged: the loss became NaN or infinite.
        BakeoffError: the images are too small for the network, the recipe needs something the data set lacks, or
            the network returns something other than logits.
    """
    ledger = Ledger()
    hardware.prepare_process(machine)
    ledger.enter("measuring")
    speed = speed_of(machine, or_recent=True)
    ledger.enter("startup")
    hardware.reset_peak_memory(machine.device)
    parts, shape = partition_data(run, data, machine.device), input_shape(run, data)
    blanks: dict[str, str] = {}
    gpus = [machine.device] if machine.device.startswith("cuda") else []
    with torch.random.fork_rng(gpus):  # dropout uses the global generator: restore it afterwards
        torch.manual_seed(derive_seed(run.seed, "init"))
        net = to_device(build(run.net, shape, parts.classes), machine.device)
        learner = Learner.of(net, run.net, run.recipe, heads_of(run.net, shape, parts.classes, run.recipe))
        if run.recipe.sync_batch_norm:
            devices.synchronize_norms(net)
        average = learner.average
        state = checkpoints.load_checkpoint(folder, run.id, net, learner.optimizer) if folder else checkpoints.State()
        if average and state.average:
            average.restore(state.average)
        history, best = state.history, state.best
        facts = hardware.environment(machine)
        if gpus and (
            varying := measure_or_note("determinism", lambda: varying_operations(net, shape, machine), blanks)
        ):
            facts["nondeterministic"] = varying
        environment = hardware.merge_environments(state.environment, facts)
        meters = Meters.resume(ledger, machine, state, speed)
        ledger.enter("idle")
        yield from history
        ledger.enter("startup")
        if machine.compile and not run.recipe.probe:
            net.compile()
        measured = state.probe
        while not has_ended(run.recipe, history):
            if run.recipe.probe:
                epoch, measured = fit_probe(net, run, parts, shape, machine, meters, on_step)
            else:
                with explain_small_batches(run):
                    epoch = train_epoch(learner, run, parts, machine, history, meters, on_step, devices)
            history = [*history, epoch]
            if not devices.leads:
                continue
            if run.recipe.select != "last" and selected_epoch(run.recipe, history) == len(history):
                with averaged(average):
                    best = deepcopy(net.state_dict())
            if folder:
                spent, joules, load = ledger.spent(), meters.energy.joules, meters.load.measures()
                values = average.values if average else None
                state = checkpoints.State(history, best, spent, joules, environment, load, measured, values)
                checkpoints.save_checkpoint(
                    folder, run.id, net, learner.optimizer, state, draft_after(draft, len(history))
                )
            ledger.enter("idle")
            yield epoch
        if not devices.leads:
            return
        ledger.enter("saving")
        learner.finish()
        if best:
            net.load_state_dict(best)
        predict_test = partial(predict_probe, net, run, parts, shape) if run.recipe.probe else None
        outcome = evaluate_test(net, run, parts, shape, machine, history, ledger, predict_test)
        measures = outcome.measures | meters.measures() | measured
        if folder:
            ledger.enter("saving")
            bundle = make_bundle(run, data, parts.normalizer)
            results = data.test.labels, outcome.predicted, outcome.probabilities
            save_bundle_if_possible(folder, with_results(bundle, measures, *results), net, blanks, draft)
        measures |= ledger.measures()
        if blanks := blanks | outcome.blanks:
            environment = environment | {"not_measured": blanks}
        yield replace(outcome, measures=measures, environment=environment, blanks=blanks)


@contextmanager
def explain_small_batches(run: Run) -> Iterator[None]:
    """Raise a helpful error if batch normalisation gets a single value per channel.

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


def save_bundle_if_possible(
    folder: Path, bundle: Bundle, net: nn.Module, blanks: dict[str, str], draft: str = ""
) -> None:
    """Write the weights with what is needed to use them, or note in `blanks` why safetensors cannot hold them.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    try:
        checkpoints.save_weights(folder, bundle.run.id, net, draft, to_metadata(bundle))
    except OSError:
        raise
    except Exception as error:
        blanks["weights"] = f"{type(error).__name__}: {error}"


def train_epoch(
    learner: Learner,
    run: Run,
    parts: Partition,
    machine: Machine,
    history: list[Epoch],
    meters: Meters,
    on_step: OnStep | None = None,
    devices: Devices = ALONE,
) -> Epoch:
    """Train one epoch and evaluate on the validation images, off the training clock; the leader alone evaluates.

    Raises:
        Diverged: the loss became NaN or infinite, with the step.
        BakeoffError: the network returns something other than logits, or normalizes over a batch of one value.
    """
    meters.ledger.enter("startup")
    net, recipe, epoch = learner.net, run.recipe, len(history) + 1
    purpose = ("dropout", epoch) if devices.leads else ("dropout", epoch, devices.rank)
    torch.manual_seed(derive_seed(run.seed, *purpose))
    seed_others(derive_seed(run.seed, *purpose))
    steps = steps_in_epoch(len(parts.train_indices), recipe.batch_size)
    loss_of, weights = make_loss(recipe), learner.penalised
    losses = torch.zeros(steps, device=machine.device)
    hits = torch.zeros((), dtype=torch.float64, device=machine.device)
    penalties = torch.zeros((), device=machine.device)
    images_seen, rate = 0, 0.0
    learner.begin_epoch(len(history))
    forward = devices.wrap(net)
    hardware.synchronize(machine.device)
    started = meters.start()
    batches = train_batches(parts.train, parts.train_indices, recipe, parts.normalizer, run.seed, epoch)
    with hardware.tf32_if_chosen(machine):
        for step, (images, labels) in enumerate(meters.ledger.inputs(batches)):
            done = len(history) + step / steps
            rate, head_rate = learning_rate(recipe, history, done), head_learning_rate(recipe, history, done)
            targets = labels.probabilities(parts.classes) if isinstance(labels, Mixed) else labels
            count, (rows, weight) = len(images), devices.part_of(len(images))
            images, targets = images[rows], targets[rows]
            learner.optimizer.zero_grad(set_to_none=True)
            with hardware.autocast(machine):
                logits, *auxiliary = logits_of(forward(images), len(images), parts.classes, run.net, training=True)
                loss = loss_of(logits.float(), targets)
                for extra in auxiliary:
                    loss = loss + recipe.auxiliary_weight * loss_of(extra.float(), targets)
            (loss if weight == 1 else loss * weight).backward()
            if recipe.l2 is not None:
                penalties += penalty(weights, recipe.l2) * count
            learner.update(rate, head_rate, len(history) * steps + step + 1)
            losses[step] = loss.detach() * (weight * count / devices.size)
            hits += count_hits(logits.detach(), targets) if weight else 0
            images_seen += count
            if step % 64 == 63 or step == steps - 1:
                devices.add(losses[step // 64 * 64 : step + 1])
                check_finite(losses, epoch)
            if on_step:
                on_step(epoch, step + 1, steps)
    devices.add(hits)
    hardware.synchronize(machine.device)
    trained = meters.stop()
    if not devices.leads:
        return devices.agree(None)
    with averaged(learner.average):
        validation_loss, validation_accuracy = validate(net, run, parts, weights)
    evaluated = meters.ledger.enter("saving")
    finished = Epoch(
        epoch=epoch,
        train_loss=(float(losses.cpu().double().sum()) + float(penalties)) / images_seen,
        train_accuracy=float(hits) / images_seen,
        validation_loss=validation_loss,
        validation_accuracy=validation_accuracy,
        learning_rate=rate,
        train_seconds=trained - started,
        evaluation_seconds=evaluated - trained,
        images_per_second=images_seen / (trained - started),
        peak_memory_bytes=hardware.peak_memory_bytes(machine.device),
    )
    return devices.agree(finished)


def count_hits(logits: Tensor, targets: Tensor) -> Tensor:
    """Return how many images are classified correctly; a mixed image counts as the share of the predicted class."""
    found = logits.argmax(1)
    return (found == targets).sum() if targets.dim() == 1 else targets.gather(1, found[:, None]).sum()


def check_finite(losses: Tensor, epoch: int) -> None:
    """Raise `Diverged` at the first loss that is not finite.

    Called every 64 steps, since each call waits for the GPU.
    """
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        raise Diverged(epoch, int(bad[0]) + 1)
