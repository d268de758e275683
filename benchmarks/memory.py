"""How much memory of its own a worker needs to train on images that do not fit into memory.

    python benchmarks/memory.py --images 200000
    python benchmarks/memory.py --images 1000000 --folder /tmp

Images of 64×64 pixels in three channels are drawn, packed in a temporary cache, and trained on for one epoch by the
training loop of bakeoff in this process. Memory of its own is anonymous memory: pages of the packed file, which the
system takes back when it needs them, do not count. The cache is deleted at the end.
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

SIDE, CLASSES = 64, 10
CHUNK = 4096
LIMIT = 2e9
"""Bytes that a worker may have of its own."""


def draw_images(labels: np.ndarray) -> Iterator[np.ndarray]:
    """Noise with a bright row that tells the class, in chunks."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 100, (CHUNK + 997, 3, SIDE, SIDE), dtype=np.uint8)
    for start in range(0, len(labels), CHUNK):
        part = labels[start : start + CHUNK]
        offset = int(random.integers(0, 997))
        pixels = noise[offset : offset + len(part)].copy()
        pixels[:, 0, 0, :4] = np.arange(start, start + len(part), dtype="<u4").view(np.uint8).reshape(-1, 4)
        pixels[np.arange(len(part)), :, part * 6 + 3] += 120
        yield pixels


def own_bytes() -> int:
    from bakeoff.machine.hardware import peak_memory_bytes

    return peak_memory_bytes("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--net", default="linear")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--folder", type=Path, help="where the cache is made; by default the system's temporary folder")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="bakeoff-memory-", dir=given.folder) as cache:
        os.environ["BAKEOFF_CACHE"] = cache
        measure(given.images, given.net, given.batch_size)


def measure(images: int, net: str, batch_size: int) -> None:
    from bakeoff.data.pack import Meta, Split, pack_folder, write_pack
    from bakeoff.machine.hardware import Machine
    from bakeoff.spec.data import DataInfo, ImageShape
    from bakeoff.spec.recipe import SGD, Recipe
    from bakeoff.spec.records import Epoch
    from bakeoff.spec.run import Run
    from bakeoff.training.loop import fit

    shape = ImageShape(3, SIDE, SIDE)
    names = tuple(f"class {number}" for number in range(CLASSES))
    info = DataInfo("synthetic", shape, names, f"synthetic-{images}", images, 0, 1000, False)
    random = np.random.default_rng(1)
    train, test = (random.integers(0, CLASSES, count) for count in (images, 1000))
    started = time.perf_counter()
    splits = {"train": Split(draw_images(train), train), "test": Split(draw_images(test), test)}
    dataset = write_pack(pack_folder("synthetic"), Meta(info=info, source="", licence="", citation=""), splits)
    packed = dataset.train.images.nbytes
    print(f"{images:,} images, {packed / 1e9:.1f} GB, packed in {time.perf_counter() - started:.0f} s")
    before = own_bytes()
    recipe = Recipe(
        name="memory", epochs=1, batch_size=batch_size, validation=0.01, select="last", normalize="unit",
        optimizer=SGD(lr=0.01),
    )  # fmt: skip
    run = Run(net, "synthetic", info.content_hash, msgspec.structs.replace(recipe), 0)
    peak, started = before, time.perf_counter()

    def watch(*_: int) -> None:
        nonlocal peak
        peak = max(peak, own_bytes())

    for item in fit(run, dataset, Machine(threads=1), on_step=watch):
        peak = max(peak, own_bytes())
        if isinstance(item, Epoch):
            print(f"one epoch in {item.train_seconds:.0f} s, {item.images_per_second:,.0f} images/s")
    print(f"whole run {time.perf_counter() - started:.0f} s")
    print(f"memory of its own: {before / 1e6:.0f} MB before, at most {peak / 1e6:.0f} MB")
    print(f"limit {LIMIT / 1e9:g} GB: {'kept' if peak < LIMIT else 'EXCEEDED'}")


if __name__ == "__main__":
    main()
