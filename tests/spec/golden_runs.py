"""Tiny runs that together use every setting of a recipe."""

from typing import Any

from torch import nn

import tiny
from bakeoff.spec.data import ImageShape
from bakeoff.spec.recipe import (
    L2,
    SGD,
    Adadelta,
    Adam,
    AdamW,
    Augment,
    Cooldown,
    Cosine,
    Image,
    OneCycle,
    Plateau,
    Probe,
    Steps,
    Stop,
)
from bakeoff.spec.run import Run
from bakeoff.training.loop import fit


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
CUT = Augment(resized_crop=(0.3, 0.8), resized_crop_ratio=(0.6, 1.5))
MODERN = [
    CUT,
    Augment(policy="trivial"),
    Augment(policy="rand", rand_operations=3, rand_magnitude=12),
    Augment(mixup=0.8, cutmix=1.0),
]
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
    "cooldown": {"schedule": Cooldown(share=0.5, warmup_epochs=0.5, final=0.1)},
    "triangle": {"schedule": OneCycle(peak_at=0.5, start_divisor=5, end_divisor=10, shape="linear")},
    "early stop": {"epochs": 6, "stop": Stop("train_loss", patience=1, threshold=10)},
    "best epoch": {"select": "best-validation-loss", "optimizer": SGD(lr=0.5)},
    "augmentation": {"augment": MOVES},
    "resized crop": {"augment": CUT},
    "trivial augment": {"augment": Augment(policy="trivial")},
    "rand augment": {"augment": Augment(policy="rand", rand_operations=3, rand_magnitude=12)},
    "mixup": {"augment": Augment(mixup=0.8)},
    "mixup and cutmix": {"augment": Augment(mixup=0.8, cutmix=1.0), "loss": "keras-cross-entropy"},
    "clipped gradient": {"clip_norm": 0.1},
    "average": {"average": 0.9},
    "rate of the classifier": {"head_rate": 3.0, "head_schedule": Cosine()},
    "layer-wise rate": {"layer_decay": 0.5, "optimizer": AdamW(lr=0.01)},
    "classifier from zero": {"zero_head": True},
    "frozen at first": {"freeze": "all-but-classifier", "thaw_after": 1},
    "frozen norm": {"net": "resnet20", "epochs": 1, "frozen_norm": True},
    "synchronised norm": {"net": "resnet20", "epochs": 1, "sync_batch_norm": True},
    "raw": {"normalize": "raw", "optimizer": SGD(lr=1e-4)},
    "per channel": {"normalize": "channel"},
    "per pixel": {"normalize": "pixel"},
    "mean of channels": {"normalize": "channel-mean"},
    "mean of pixels": {"normalize": "pixel-mean"},
    "clipped loss": {"loss": "keras-cross-entropy"},
    "probe": {"epochs": 1, "probe": Probe((0.1, 0.01))},
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


def run_of(name: str) -> Run:
    return tiny.run(RUNS[name].get("net", "lenet-afif"), **{k: v for k, v in RUNS[name].items() if k != "net"})


def numbers_of(name: str) -> list[float]:
    """The losses of a tiny run, epoch by epoch, and of its test images."""
    *epochs, outcome = fit(run_of(name), DATA, tiny.MACHINE)
    losses = [loss for e in epochs for loss in (e.train_loss, e.validation_loss) if loss is not None]
    return [*losses, outcome.measures["test_objective"]]
