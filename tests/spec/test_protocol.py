"""The training protocol: golden numbers of each mechanism that decides a result.

What is drawn and chosen is compared to the bit, what is computed within what processors differ by. If a test here
fails, the same settings give another number than they did, and old results would be ranked beside new ones: undo the
change, or raise `PROTOCOL` in spec.py, say in CHANGELOG.md what changed, and write the golden numbers anew:

    python tests/spec/test_protocol.py
"""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from msgspec.structs import fields, replace
from torch import nn

import tiny
from bakeoff.data.augment import augment, cutout, draw
from bakeoff.data.batches import Source, train_batches
from bakeoff.data.normalize import fit_normalizer
from bakeoff.data.resize import resize
from bakeoff.data.split import balanced_sample, cut_test, cut_validation
from bakeoff.nets import NETS, Net, build
from bakeoff.nets.fast import Dropout, PairwiseMaxima
from bakeoff.spec.data import ImageShape
from bakeoff.spec.recipe import (
    L2,
    SGD,
    Adadelta,
    Adam,
    AdamW,
    Augment,
    Constant,
    Cosine,
    Image,
    OneCycle,
    Optimizer,
    Plateau,
    Recipe,
    Schedule,
    Steps,
    Stop,
)
from bakeoff.spec.records import Epoch
from bakeoff.spec.run import PROTOCOL, Run, derive_seed
from bakeoff.spec.values import digest
from bakeoff.training.loop import fit
from bakeoff.training.optimizers import build_optimizer, make_loss, set_rate
from bakeoff.training.partition import divide
from bakeoff.training.schedules import learning_rate

GOLDEN = Path(__file__).with_name("protocol.json")
WHAT_TO_DO = (
    "the same settings give another number: undo the change, or raise PROTOCOL, say so in CHANGELOG.md and run "
    "`python tests/spec/test_protocol.py`"
)
TOLERANCE = 5e-4
"""Relative; processors differ by 1e-6 in these runs, another mask or order makes a hundredth."""


class Auxiliary(nn.Module):
    """Dropout, and two heads in training."""

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self.drop, self.main, self.other = nn.Dropout(0.3), nn.Linear(64, classes), nn.Linear(64, classes)

    def forward(self, images):
        flat = self.drop(images.flatten(1))
        return (self.main(flat), self.other(flat)) if self.training else self.main(flat)


MOVES = Augment(
    shift=0.1, crop=1, flip=True, rotation=10, shear=5, zoom=(0.9, 1.1), brightness=0.2, contrast=0.2, saturation=0.2,
    cutout=2, fill="zero",
)  # fmt: skip
ADAM = Adam(lr=0.01)

RUNS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sgd": {"optimizer": SGD(lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-2)},
    "adam": {"optimizer": Adam(lr=0.01, beta1=0.8, beta2=0.99, eps=1e-3, weight_decay=1e-2)},
    "adam as keras has it": {"optimizer": Adam(lr=0.01, eps=1e-3, eps_before_correction=True)},
    "adamw": {"optimizer": AdamW(lr=0.01, beta1=0.8, beta2=0.99, eps=1e-3, weight_decay=0.1)},
    "adadelta": {"optimizer": Adadelta(lr=1.0, rho=0.95, eps=1e-4, weight_decay=1e-2)},
    "steps": {"schedule": Steps(epochs=(1, 2), factor=0.3)},
    "plateau": {"schedule": Plateau("validation_loss", 0.5, 1, threshold=10, floor=0.02)},
    "cosine": {"schedule": Cosine(warmup_epochs=1, final=0.1)},
    "one-cycle": {"schedule": OneCycle(), "optimizer": ADAM},
    "triangle": {"schedule": OneCycle(peak_at=0.5, start_divisor=5, end_divisor=10, shape="linear")},
    "early stop": {"epochs": 6, "stop": Stop("train_loss", patience=1, threshold=10)},
    "best epoch": {"select": "best-validation-loss", "optimizer": SGD(lr=0.5)},
    "augmentation": {"augment": MOVES},
    "raw": {"normalize": "raw", "optimizer": SGD(lr=1e-4)},
    "per channel": {"normalize": "channel"},
    "per pixel": {"normalize": "pixel"},
    "mean of channels": {"normalize": "channel-mean"},
    "mean of pixels": {"normalize": "pixel-mean"},
    "clipped loss": {"loss": "keras-cross-entropy"},
    "label smoothing": {"label_smoothing": 0.2},
    "clipped loss with smoothing": {"loss": "keras-cross-entropy", "label_smoothing": 0.2},
    "l2 of convolutions": {"l2": L2(0.05, "convolutions")},
    "l2 of dense layers": {"l2": L2(0.05, "dense")},
    "l2 of hidden dense layers": {"l2": L2(0.05, "hidden-dense")},
    "l2 of weights": {"l2": L2(0.05, "weights")},
    "auxiliary classifiers and dropout": {"net": "auxiliary", "auxiliary_weight": 0.5},
    "batch normalisation": {"net": "resnet20", "epochs": 1},
    "last batch of one": {"batch_size": 22},
    "last batch of several": {"batch_size": 20},
    "sample": {"images_per_class": 9},
    "own validation": {"validation": "own"},
    "validation on the test split": {"validation": "test"},
    "no validation": {"validation": "none"},
    "cropped": {"image": Image(size=(12, 9), fit="crop")},
    "padded": {"image": Image(size=(12, 9), fit="pad")},
    "stretched and enlarged": {"image": Image(size=(6, 9), scale=2)},
}
DATA = tiny.dataset(validation=9)


TWINS = tiny.dataset()
"""Each image is there twice."""
TWINS.train.images[1::2], TWINS.train.labels[1::2] = TWINS.train.images[::2], TWINS.train.labels[::2]
TWINS = dataclasses.replace(TWINS, info=replace(TWINS.info, content_hash="twins"))


def run_of(name: str) -> Run:
    return tiny.run(RUNS[name].get("net", "lenet-afif"), **{k: v for k, v in RUNS[name].items() if k != "net"})


def numbers_of(name: str) -> list[float]:
    """The losses of a tiny run, epoch by epoch, and of its test images."""
    *epochs, outcome = fit(run_of(name), DATA, tiny.MACHINE)
    losses = [loss for e in epochs for loss in (e.train_loss, e.validation_loss) if loss is not None]
    return [*losses, outcome.measures["test_objective"]]


def pictures(count: int = 6, channels: int = 3) -> torch.Tensor:
    """Images of (channels, 10, 12) bytes, no two rows or columns alike."""
    values = torch.arange(count * channels * 120).reshape(count, channels, 10, 12)
    return (values * 7919 % 251).to(torch.uint8)


def summary_of(values: torch.Tensor) -> list[float]:
    """Three numbers that hardly any change of the values leaves as they are."""
    flat = values.double().flatten()
    weights = torch.cos(torch.arange(len(flat), dtype=torch.float64))
    return [float(flat.mean()), float(flat.std()), float((flat * weights).mean())]


def hash_of(values: Any) -> str:
    return digest(np.asarray(values).tolist())[:16]


def order() -> list[list[int]]:
    """The labels of each batch of an epoch, which are the places of the images."""
    split = tiny.Images(np.zeros((45, 1, 2, 2), np.uint8), np.arange(45))
    indices = torch.arange(45)
    recipe = replace(tiny.RECIPE, batch_size=11)
    normalizer = fit_normalizer(split.images, indices, recipe.image, "raw")
    return [labels.tolist() for _, labels in train_batches(Source.on(split, "cpu"), indices, recipe, normalizer, 3, 2)]


def dropped() -> torch.Tensor:
    torch.manual_seed(derive_seed(0, "dropout", 1))
    return Dropout(0.3).train()(torch.ones(7, 11, 3)) > 0


def pooled() -> torch.Tensor:
    """Gradients of the max-pooling of few channels, ties among them."""
    x = (torch.arange(2 * 3 * 7 * 5).reshape(2, 3, 7, 5) % 4).float().requires_grad_()
    y = PairwiseMaxima.apply(x)
    (y * torch.arange(y.numel()).reshape(y.shape)).sum().backward()
    return x.grad.int()


def weights(name: str) -> torch.Tensor:
    torch.manual_seed(derive_seed(0, "init"))
    return torch.cat([p.detach().flatten() for p in build(name, ImageShape(1, 28, 28), 10).parameters()])


LABELS = np.arange(60) * 7 % 5
COPIES = np.arange(60) // 3
EXACT: dict[str, Callable[[], Any]] = {
    "seeds": lambda: [derive_seed(5, "order", 3), derive_seed(0, "init")],
    "identity of a run": lambda: [int(tiny.run().id, 16)],
    "order": lambda: [place for batch in order() for place in (len(batch), *batch)],
    "validation cut": lambda: cut_validation(LABELS, 0.2, 7)[1],
    "validation cut with copies": lambda: cut_validation(LABELS, 0.2, 7, COPIES)[1],
    "sample": lambda: balanced_sample(LABELS, 4, 7),
    "parts of a run": lambda: divide(tiny.run(seed=3), TWINS, "cpu").validation_indices,
    "test cut": lambda: cut_test([f"{i:x}" for i in range(60)], LABELS, "abcde", 0.2),
    "dropout": dropped,
    "pooling": pooled,
    **{
        f"draws of {name}": lambda name=name: draw(MOVES, 200, (10, 12), 3, 2)[name].double()
        for name in draw(MOVES, 1, (10, 12), 0, 0)
    },
}
"""What is drawn and chosen: the same bits on every machine."""


def changed(name: str) -> torch.Tensor:
    """Pictures with one kind of change."""
    settings = Augment(**{name: getattr(MOVES, name)}, fill="nearest" if name == "shift" else "zero")
    changes = draw(settings, 6, (10, 12), 3, 2)
    images = augment(pictures(), changes, settings).float()
    return cutout(images, changes["cutout"], settings.cutout) if "cutout" in changes else images


def rates(schedule: Schedule) -> list[float]:
    recipe = replace(tiny.RECIPE, epochs=5, schedule=schedule)
    history = [Epoch(n, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0, 1.0, 1.0, 1) for n in range(1, 5)]
    return [learning_rate(recipe, history[:epoch], epoch + step / 4) for epoch in range(5) for step in range(4)]


def stepped(optimizer: Optimizer) -> torch.Tensor:
    """A parameter after five steps with known gradients."""
    parameter = nn.Parameter(torch.linspace(-1, 1, 8))
    made = build_optimizer(optimizer, [parameter])
    for step in range(1, 6):
        set_rate(made, optimizer, optimizer.lr / step, step)
        parameter.grad = torch.linspace(-2, 1, 8) * step % 1.5 - 0.5
        made.step()
    return parameter.detach()


def normalised(how: str) -> torch.Tensor:
    """Pictures of which one corner never changes, and one by less than a grey level."""
    images = pictures()
    images[:, :, :3, :3] = 7
    images[0, :, 0, 0] = 8
    return fit_normalizer(images, torch.arange(4), Image(), how)(images)


def losses(name: str) -> list[float]:
    """The loss and its gradient for logits that are right, unsure, wrong and very wrong."""
    logits = torch.tensor([[9.0, 0.0, 0.0], [0.1, 0.2, 0.0], [4.0, 0.0, 1.0], [30.0, -9.0, 0.0]], requires_grad=True)
    loss = make_loss(run_of(name).recipe)(logits, torch.tensor([0, 1, 2, 1]))
    loss.backward()
    return [float(loss.detach()), *logits.grad.flatten().tolist()]


CLOSE: dict[str, Callable[[], list[float]]] = {
    **{f"change: {f.name}": lambda name=f.name: summary_of(changed(name)) for f in fields(Augment) if f.name != "fill"},
    **{
        f"resize: {fit}": lambda fit=fit: summary_of(resize(pictures(), Image(size=(7, 6), fit=fit, scale=2)))
        for fit in ("stretch", "crop", "pad")
    },
    **{
        f"normalise: {how}": lambda how=how: summary_of(normalised(how))
        for how in ("raw", "unit", "channel", "pixel", "channel-mean", "pixel-mean")
    },
    **{
        f"rates: {type(one).__name__}": lambda one=one: rates(one)
        for one in (RUNS[name].get("schedule", Constant()) for name in RUNS if name != "triangle")
    },
    "rates: triangle": lambda: rates(RUNS["triangle"]["schedule"]),
    **{
        f"loss: {name}": lambda name=name: losses(name)
        for name in ("plain", "clipped loss", "label smoothing", "clipped loss with smoothing")
    },
    **{
        f"steps: {name}": lambda name=name: stepped(RUNS[name]["optimizer"]).tolist()
        for name in ("sgd", "adam", "adam as keras has it", "adamw", "adadelta")
    },
    **{
        f"first weights: {name}": lambda name=name: summary_of(weights(name))
        for name in ("lenet-afif", "nin", "resnet20", "resnet20v1-keras", "vgg-afif", "mobilenetv2")
    },
    **{f"run: {name}": lambda name=name: numbers_of(name) for name in RUNS},
}
"""What is computed: processors round it differently."""


@pytest.fixture(autouse=True)
def auxiliary(monkeypatch):
    monkeypatch.setitem(NETS, "auxiliary", Net(Auxiliary, "own", 2026, "a test", 1))


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text())


def test_the_golden_numbers_are_of_this_protocol(golden):
    assert golden["protocol"] == PROTOCOL, "PROTOCOL was raised: run `python tests/spec/test_protocol.py`"
    assert golden["exact"].keys() == EXACT.keys(), "a mechanism is new: run `python tests/spec/test_protocol.py`"
    assert golden["close"].keys() == CLOSE.keys(), "a mechanism is new: run `python tests/spec/test_protocol.py`"


@pytest.mark.parametrize("name", EXACT)
def test_what_is_drawn_stays(name, golden):
    assert hash_of(EXACT[name]()) == golden["exact"][name], f"{name}: {WHAT_TO_DO}"


@pytest.mark.parametrize("name", CLOSE)
def test_what_is_computed_stays(name, golden):
    assert CLOSE[name]() == pytest.approx(golden["close"][name], rel=TOLERANCE, abs=1e-6), f"{name}: {WHAT_TO_DO}"


def test_every_setting_has_golden_numbers():
    """A setting that is added to a recipe gets a run here."""
    runs = [run_of(name).recipe for name in RUNS]
    same = {field.name: getattr(tiny.RECIPE, field.name) for field in fields(Recipe)}
    still = {name for name, value in same.items() if all(getattr(recipe, name) == value for recipe in runs)}
    assert still == {"name"}
    assert all(getattr(MOVES, field.name) != field.default for field in fields(Augment))
    for kinds, seen in ((Optimizer, "optimizer"), (Schedule, "schedule")):
        assert set(get_args(kinds)) == {type(getattr(recipe, seen)) for recipe in runs}
    for name in ("normalize", "loss", "select"):
        values = {getattr(recipe, name) for recipe in runs}
        assert len(values) >= 2


if __name__ == "__main__":
    NETS["auxiliary"] = Net(Auxiliary, "own", 2026, "a test", 1)
    exact = {name: hash_of(made()) for name, made in EXACT.items()}
    close = {name: [float(f"{number:.6g}") for number in made()] for name, made in CLOSE.items()}
    GOLDEN.write_text(json.dumps({"protocol": PROTOCOL, "exact": exact, "close": close}, indent=1) + "\n")
