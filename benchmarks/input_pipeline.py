"""A batch of 128 costs 0.03 ms at 1×28×28 and 0.5 ms at 3×32×32 with shift and flip (n = 300 batches, one Zen 5 core).

Median milliseconds of one training batch in total: gather, resize, augment, normalise, channels-last; beside it the
same shift and flip written in other ways. Usage: python benchmarks/input_pipeline.py [--batches 300]
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F

from bakeoff.data.augment import augment, draw_changes
from bakeoff.data.batches import ImageSource, train_batches
from bakeoff.data.dataset import Images
from bakeoff.data.normalize import fit_normalizer
from bakeoff.machine.hardware import keep_freed_memory, processor_name
from bakeoff.spec.recipe import SGD, Augment, Image, Recipe

BATCH, SPLIT = 128, 128 * 10
SHIFT = Augment(shift=0.1, flip=True)
AFFINE = Augment(shift=0.1, flip=True, rotation=10, shear=10, zoom=(0.8, 1.2))
JITTER = Augment(
    shift=0.1, flip=True, rotation=10, shear=10, zoom=(0.8, 1.2), brightness=0.2, contrast=0.2, saturation=0.2
)
TRIVIAL = Augment(crop=4, flip=True, policy="trivial")
PHOTO = Augment(resized_crop=(0.35, 1.0), flip=True)
MIXED = Augment(resized_crop=(0.35, 1.0), flip=True, policy="trivial", mixup=0.2, cutmix=1.0)
CASES = {
    "1×28×28 as it is": ((1, 28, 28), Augment(), Image()),
    "1×28×28 enlarged ×3": ((1, 28, 28), Augment(), Image(scale=3)),
    "3×32×32 as it is": ((3, 32, 32), Augment(), Image()),
    "3×32×32 crop, flip": ((3, 32, 32), Augment(crop=4, flip=True), Image()),
    "3×32×32 crop, flip, cutout": ((3, 32, 32), Augment(crop=4, flip=True, cutout=8), Image()),
    "3×32×32 shift, flip": ((3, 32, 32), SHIFT, Image()),
    "3×32×32 shift, flip, rotation, shear, zoom": ((3, 32, 32), AFFINE, Image()),
    "3×32→64×64 all of these and colours": ((3, 32, 32), JITTER, Image(size=(64, 64))),
    "3×32×32 crop, flip, TrivialAugment": ((3, 32, 32), TRIVIAL, Image()),
    "3×32×32 crop, flip, RandAugment": ((3, 32, 32), Augment(crop=4, flip=True, policy="rand"), Image()),
    "3×32×32 crop, flip, mixup and CutMix": ((3, 32, 32), Augment(crop=4, flip=True, mixup=0.2, cutmix=1), Image()),
    "3×64×64 resized crop, flip": ((3, 64, 64), PHOTO, Image()),
    "3×64×64 resized crop, flip, TrivialAugment, mixup, CutMix": ((3, 64, 64), MIXED, Image()),
    "3×224×224 resized crop, flip": ((3, 224, 224), PHOTO, Image()),
    "3×224×224 resized crop, flip, TrivialAugment, mixup, CutMix": ((3, 224, 224), MIXED, Image()),
}


def endless_batches(shape: tuple[int, int, int], how: Augment, image: Image) -> Iterator[object]:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (SPLIT, *shape), dtype=np.uint8)
    source, indices = ImageSource.on(Images(images, np.zeros(SPLIT, np.int64)), "cpu"), torch.arange(SPLIT)
    recipe = Recipe(
        name="benchmark", epochs=1, batch_size=BATCH, validation="none", select="last", normalize="channel",
        optimizer=SGD(lr=0.1), augment=how, image=image,
    )  # fmt: skip
    normalizer = fit_normalizer(images, indices, image, "channel")
    for epoch in itertools.count():
        yield from train_batches(source, indices, recipe, normalizer, 0, epoch)


def other_ways() -> dict[str, Callable[[], object]]:
    """Shift and flip of one gathered batch, without normalisation: ours, and what one might write instead."""
    images = torch.randint(0, 256, (BATCH, 3, 32, 32), dtype=torch.uint8)
    changes = draw_changes(SHIFT, BATCH, (32, 32), 0, 1)
    turned = changes | {"rotation": torch.zeros(BATCH)}
    matrix = torch.eye(2, 3).repeat(BATCH, 1, 1)
    matrix[:, 0, 0] -= 2 * changes["flip"].float()
    matrix[:, :, 2] = changes["shift"].flip(1) / 16

    def by_affine_grid() -> torch.Tensor:
        grid = F.affine_grid(matrix, [BATCH, 3, 32, 32], align_corners=False)
        return F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)

    def by_a_loop() -> torch.Tensor:  # whole pixels only, wraps around: less than what is asked
        moves = zip(images, changes["shift"].int().tolist(), changes["flip"].tolist(), strict=True)
        return torch.stack([(x.flip(2) if mirror else x).roll(move, (1, 2)) for x, move, mirror in moves]).float()

    return {
        "augment (cut, mix rows, mix columns)": lambda: augment(images, changes, SHIFT),
        "augment's general interpolation": lambda: augment(images, turned, SHIFT),
        "affine_grid, grid_sample": by_affine_grid,
        "a loop of torch.roll over images": by_a_loop,
    }


def milliseconds(call: Callable[[], object], n: int) -> str:
    times = []
    for _ in range(n + n // 10):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return f"{1e3 * median(times[n // 10 :]):8.3f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=300)
    n = parser.parse_args().batches
    torch.set_num_threads(1)
    keep_freed_memory()
    print(f"{processor_name()}, 1 thread, torch {torch.__version__}, batches of {BATCH}, medians of {n}")
    for name, case in CASES.items():
        print(milliseconds(endless_batches(*case).__next__, n), name)
    print("shift and flip alone, 3×32×32:")
    for name, way in other_ways().items():
        print(milliseconds(way, n), name)


if __name__ == "__main__":
    main()
