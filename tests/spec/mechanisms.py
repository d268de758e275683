"""What a run draws, chooses and computes, each by itself: `EXACT` and `CLOSE`."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from golden_runs import MODERN, MOVES, RUNS, numbers_of, run_of
from msgspec.structs import replace
from torch import nn

import tiny
from bakeoff.data.augment import augment, cutout, draw_changes
from bakeoff.data.batches import ImageSource, train_batches
from bakeoff.data.normalize import fit_normalizer
from bakeoff.data.resize import resize
from bakeoff.data.split import balanced_sample, cut_test, cut_validation
from bakeoff.nets import build
from bakeoff.nets.fast import Dropout, PairwiseMaxima
from bakeoff.spec.data import ImageShape
from bakeoff.spec.recipe import (
    Augment,
    Constant,
    Image,
    Optimizer,
    Schedule,
)
from bakeoff.spec.records import Epoch
from bakeoff.spec.run import derive_seed
from bakeoff.spec.values import digest, to_dict
from bakeoff.training.optimizers import build_optimizer, make_loss, set_rate
from bakeoff.training.partition import partition_data
from bakeoff.training.schedules import learning_rate

TWINS = tiny.dataset()
"""Each image is there twice."""
TWINS.train.images[1::2], TWINS.train.labels[1::2] = TWINS.train.images[::2], TWINS.train.labels[::2]
TWINS = dataclasses.replace(TWINS, info=replace(TWINS.info, content_hash="twins"))


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
    return [
        labels.tolist() for _, labels in train_batches(ImageSource.on(split, "cpu"), indices, recipe, normalizer, 3, 2)
    ]


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
    "parts of a run": lambda: partition_data(tiny.run(seed=3), TWINS, "cpu").validation_indices,
    "test cut": lambda: cut_test([f"{i:x}" for i in range(60)], LABELS, "abcde", 0.2),
    "dropout": dropped,
    "pooling": pooled,
    **{
        f"draws of {name}": lambda name=name: draw_changes(MOVES, 200, (10, 12), 3, 2)[name].double()
        for name in draw_changes(MOVES, 1, (10, 12), 0, 0)
    },
    **{
        f"draws of {name}": lambda name=name, how=how: draw_changes(how, 200, (10, 12), 3, 2)[name].double()
        for how in MODERN[:2]
        for name in draw_changes(how, 1, (10, 12), 0, 0)
    },
}
"""What is drawn and chosen: the same bits on every machine."""


def changed(name: str) -> torch.Tensor:
    """Pictures with one kind of change."""
    settings = Augment(**{name: getattr(MOVES, name)}, fill="nearest" if name == "shift" else "zero")
    changes = draw_changes(settings, 6, (10, 12), 3, 2)
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
    **{f"change: {name}": lambda name=name: summary_of(changed(name)) for name in to_dict(MOVES) if name != "fill"},
    **{
        f"change: {' '.join(to_dict(how))}": lambda how=how: summary_of(
            augment(pictures(), draw_changes(how, 6, (10, 12), 3, 2), how).float()
        )
        for how in MODERN[:3]
    },
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
