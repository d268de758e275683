"""bakeoff as a contender: its own training loop, data in memory, as a worker of a study runs it."""

import numpy as np
import torch
from peer_protocol import Baton, Workload
from torch.utils.flop_counter import FlopCounterMode

from bakeoff.data.dataset import Dataset, Images
from bakeoff.machine.hardware import Machine
from bakeoff.nets import build
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.recipe import Adadelta, Adam, Augment, Recipe
from bakeoff.spec.run import Run
from bakeoff.training.loop import fit

ENDLESS = 1_000_000
OPTIMIZERS = {"adadelta": Adadelta(lr=1.0, rho=0.95, eps=1e-7), "adam": Adam(lr=1e-3, eps=1e-7)}


def dataset(workload: Workload) -> Dataset:
    """Return the images as bakeoff's data set, with an unused test split of one batch."""
    pixels, labels = workload.data()
    images = Images(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), labels)
    test = Images(images.images[: workload.batch_size], labels[: workload.batch_size])
    info = DataInfo(
        name="noise",
        shape=ImageShape(workload.channels, workload.height, workload.width),
        classes=tuple("0123456789"),
        content_hash="noise",
        train_images=len(images),
        validation_images=0,
        test_images=len(test),
        photographs=True,
    )
    return Dataset(info, images, None, test, source="", licence="", citation="")


def recipe(workload: Workload) -> Recipe:
    """Return the recipe of all contenders."""
    return Recipe(
        name="benchmark",
        epochs=ENDLESS,
        batch_size=workload.batch_size,
        validation="none",
        select="last",
        normalize="unit",
        optimizer=OPTIMIZERS[workload.optimizer],
        augment=Augment(shift=0.1, flip=True) if workload.augmented else Augment(),
    )


def count(workload: Workload, data: Dataset) -> dict[str, int]:
    """Return the network's parameters and the FLOPs of training on one image, multiply-add = 2."""
    assert data.info.shape is not None
    net = build(workload.net, data.info.shape, 10)
    images = torch.zeros(workload.batch_size, workload.channels, workload.height, workload.width)
    counter = FlopCounterMode(display=False)
    with counter:
        net(images).sum().backward()
    parameters = sum(p.numel() for p in net.parameters())
    return {"parameters": parameters, "flops": counter.get_total_flops() // workload.batch_size}


def main() -> None:
    """Train until the input ends."""
    workload = Workload.read()
    data = dataset(workload)
    baton = Baton(**count(workload, data), version=f"torch {torch.__version__}")
    last = workload.images % workload.batch_size or workload.batch_size

    def on_step(epoch: int, done: int, steps: int) -> None:
        baton.step(workload.batch_size if done < steps else last)

    run = Run(net=workload.net, data="noise", data_hash="noise", recipe=recipe(workload), seed=0)
    machine = Machine(precision=workload.way or workload.precision, threads=workload.threads)
    for _ in fit(run, data, machine, on_step=on_step):
        pass


if __name__ == "__main__":
    main()
