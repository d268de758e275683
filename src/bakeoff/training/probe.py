"""Probes: a frozen network whose classifier is fitted to its features; see `spec.recipe.Probe`.

The fitted head, with the standardisation folded in, becomes the network's own classifier. Evaluation, weights and
everything after are then those of any other run.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from bakeoff.data.batches import ImageSource, batches
from bakeoff.data.resize import resize
from bakeoff.machine import hardware
from bakeoff.machine.hardware import Machine
from bakeoff.nets.classifier import check_linear, find_classifier
from bakeoff.spec.data import ImageShape
from bakeoff.spec.records import Epoch
from bakeoff.spec.run import Run
from bakeoff.training.evaluate import compute_logits
from bakeoff.training.feature_files import Features
from bakeoff.training.features import Frozen, open_features
from bakeoff.training.logistic import Rows, Standard, loss_and_accuracy, minimise
from bakeoff.training.meters import Meters
from bakeoff.training.partition import Partition

PATIENCE = 2
"""Weaker penalties are not tried once this many in a row have had a higher validation loss than the best."""


@dataclass
class Progress:
    """Tells the caller how many images have features, and how many heads are fitted: each counts as one step."""

    on_step: Callable[[int, int, int], None] | None
    steps: int
    done: int = 0

    def show(self, more: int = 0) -> None:
        """Report the steps that are done, plus `more` that are not counted yet."""
        if self.on_step:
            self.on_step(1, self.done + more, self.steps)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A head for raw features, with its losses and accuracies."""

    head: Tensor
    """(K, D + 1) float64: weights and, in the last column, biases."""
    strength: float
    train: tuple[float, float]
    """Mean cross-entropy and accuracy on the training images."""
    validation: tuple[float, float] | None


def fit_probe(
    net: nn.Module,
    run: Run,
    parts: Partition,
    shape: ImageShape,
    machine: Machine,
    meters: Meters,
    on_step: Callable[[int, int, int], None] | None = None,
) -> tuple[Epoch, dict[str, float]]:
    """Fit the classifier of a network to its features; return this as an epoch, and the measures of a probe.

    The epoch's `train_seconds` are those of computing the features, whichever run did, and of fitting the head:
    what this run takes by itself.

    Raises:
        BakeoffError: the classifier cannot be replaced by a fitted one, or the features cannot be computed or stored.
    """
    assert run.recipe.probe is not None
    meters.ledger.enter("startup")
    frozen = Frozen(net, run.net, find_classifier(run.net, shape, parts.classes), parts.normalizer)
    first = resize(parts.train.gather(slice(0, 2)), run.recipe.image)
    check_linear(net, frozen.classifier.path, parts.normalizer(first), run.net)
    own = parts.validation if parts.validation is not parts.train else None
    sources = [parts.train, *([own] if own else [])]
    progress = Progress(on_step, sum(map(len, sources)) + len(run.recipe.probe.strengths))
    meters.start()
    features = [get_features(run, frozen, source, meters, progress) for source in sources]
    started = meters.ledger.enter("step")
    fitted = fit_heads(run, parts, features, progress, machine.device)
    write_head(net.get_submodule(frozen.classifier.path), fitted.head)
    fit_seconds = meters.stop() - started
    seconds = sum(one.seconds for one in features)
    meters.ledger.enter("saving")
    loss, accuracy = fitted.validation or (None, None)
    epoch = Epoch(
        epoch=1,
        train_loss=fitted.train[0],
        train_accuracy=fitted.train[1],
        validation_loss=loss,
        validation_accuracy=accuracy,
        learning_rate=0.0,
        train_seconds=seconds + fit_seconds,
        evaluation_seconds=0.0,
        images_per_second=len(parts.train_indices) / (seconds + fit_seconds),
        peak_memory_bytes=hardware.peak_memory_bytes(machine.device),
    )
    shared = all(one.shared for one in features)
    return epoch, {"probe_strength": fitted.strength, "features_seconds": seconds, "features_shared": float(shared)}


def get_features(run: Run, frozen: Frozen, source: ImageSource, meters: Meters, progress: Progress) -> Features:
    """Return the features of a split; what another process computes meanwhile counts as idle time."""
    meters.ledger.enter("input")
    features = open_features(run, frozen, source, progress.show)
    progress.done += len(source)
    progress.show()
    return features


def fit_heads(run: Run, parts: Partition, features: list[Features], progress: Progress, device: str) -> Fitted:
    """Fit a head with each strength of the penalty, and return the one with the lowest validation loss.

    Strengths are tried in order until the loss has been higher than the lowest one `PATIENCE` times in a row.
    """
    assert run.recipe.probe is not None
    train = rows_of(features[0], parts.train, parts.train_indices, device)
    validation = parts.validation and rows_of(features[-1], parts.validation, parts.validation_indices, device)
    standard = Standard.of(train)
    head = torch.zeros(parts.classes, features[0].values.shape[1] + 1, dtype=torch.float64)
    best: Fitted | None = None
    worse = 0
    for strength in run.recipe.probe.strengths:
        head = minimise(train, standard, strength, head)
        found = loss_and_accuracy(head, validation, standard) if validation else None
        progress.done += 1
        progress.show()
        if best is None or (found and best.validation and found[0] < best.validation[0]):
            best, worse = Fitted(head, strength, (0.0, 0.0), found), 0
        else:
            worse += 1
        if worse == PATIENCE:
            break
    assert best is not None
    return replace(best, head=standard.fold(best.head), train=loss_and_accuracy(best.head, train, standard))


def rows_of(features: Features, source: ImageSource, indices: Tensor | None, device: str) -> Rows:
    """Return the features and labels of the images at `indices` of a split, of all if None."""
    chosen = np.arange(len(source)) if indices is None else indices.cpu().numpy()
    return Rows(features.values, features.scale, source.labels.cpu().numpy()[chosen], chosen, device)


def predict_probe(net: nn.Module, run: Run, parts: Partition, shape: ImageShape) -> tuple[Tensor, Tensor]:
    """Return what `compute_logits` returns for the test images, from features computed once for all runs.

    The classifier gets the same numbers in the same batches as in the whole network, so its logits are the same to the
    bit. This is checked on the first and the last batch; if it fails, as with features computed with another number of
    threads, or if the classifier is a convolution, all images go through the network.
    """
    classifier = find_classifier(run.net, shape, parts.classes)
    layer = net.get_submodule(classifier.path)
    if not isinstance(layer, nn.Linear):
        return compute_logits(net, run, parts, parts.test)
    frozen = Frozen(net, run.net, classifier, parts.normalizer)
    features = open_features(run, frozen, parts.test, lambda _: None, exact=True)
    rows = list(batches(len(parts.test), run.recipe.batch_size))
    with torch.inference_mode():
        found = [layer(torch.from_numpy(features.values[part]).to(parts.test.device)).float().cpu() for part in rows]
    logits, order = torch.cat(found), torch.arange(len(parts.test))
    for part in (rows[0], rows[-1]):
        if not torch.equal(compute_logits(net, run, parts, parts.test, order[part])[0], logits[part]):
            return compute_logits(net, run, parts, parts.test)
    return logits, parts.test.labels.cpu()


def write_head(layer: nn.Module, head: Tensor) -> None:
    """Copy a head into the weights and biases of a dense layer or a 1×1 convolution."""
    weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
    with torch.no_grad():
        weight.copy_(head[:, :-1].reshape(weight.shape))
        bias.copy_(head[:, -1])
