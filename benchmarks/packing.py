"""Packing 200 photographs of 4000×3000 takes a third of the CPU time of a plain Pillow loop (two Zen 5 cores).

Photographs are scikit-learn's two, enlarged, shifted and with noise, so that files have the size of a camera's. All
ways take turns on the same images; ratios are medians over the rounds. CPU seconds count all processes, and depend
less on what else runs. Usage: python benchmarks/packing.py [--photos 200] [--size 64] [--noise 3]
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import joblib
import numpy as np
import psutil
from joblib.externals.loky import get_reusable_executor
from PIL import Image as Picture
from PIL import JpegImagePlugin
from sklearn.datasets import load_sample_image

from bakeoff.data import decode, load_dataset
from bakeoff.data.decode import decode_into
from bakeoff.spec.recipe import Image
from bakeoff.text.formats import byte_size

SHAPE = (3000, 4000)
DIFFERENT = 10
"""Photographs that are drawn; the rest are copies with another comment, so that every file is another one."""
Way = Callable[[Path, int], object]
Turn = tuple[float, float, int]


def make_photos(folder: Path, count: int, noise: float) -> None:
    """Write `count` JPEG files in two classes."""
    random = np.random.default_rng(0)
    contents = []
    for number in range(min(DIFFERENT, count)):
        own = Picture.fromarray(load_sample_image(("china.jpg", "flower.jpg")[number % 2]))
        left, top = random.integers(0, 60, 2)
        large = own.crop((left, top, left + 560, top + 360)).resize(SHAPE[::-1], Picture.Resampling.BICUBIC)
        grain = random.normal(0, noise, (*SHAPE, 1)).astype(np.int16)
        pixels = (np.asarray(large, np.int16) + grain).clip(0, 255).astype(np.uint8)
        path = folder / "one.jpg"
        Picture.fromarray(pixels).save(path, quality=90)
        contents.append(path.read_bytes())
        path.unlink()
    for i in range(count):
        comment = f"{i:08}".encode()
        start, rest = contents[i % len(contents)][:2], contents[i % len(contents)][2:]
        path = folder / "ab"[i % 2] / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(start + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + rest)


def by_bakeoff(folder: Path, side: int) -> object:
    return load_dataset(f"folder:{folder}", Image((side, side), "crop"))


def decode_in_full(*arguments: Any) -> object:
    """Do what `decode_into` does, but never at a reduced scale; runs in worker processes."""
    with mock.patch.object(JpegImagePlugin.JpegImageFile, "draft", lambda image, mode, size: None):
        return decode_into(*arguments)


def in_full(folder: Path, side: int) -> object:
    with mock.patch.object(decode, "decode_into", decode_in_full):
        return by_bakeoff(folder, side)


def at_full_size(folder: Path, side: int) -> object:
    return load_dataset(f"folder:{folder}", Image())


def resized(path: Path, side: int) -> np.ndarray:
    """Return a photograph as most loops read it, with the filter of bakeoff."""
    with Picture.open(path) as image:
        return np.asarray(image.convert("RGB").resize((side, side), Picture.Resampling.BILINEAR))


def by_a_loop(folder: Path, side: int) -> object:
    return np.stack([resized(path, side) for path in sorted(folder.rglob("*.jpg"))])


def by_two_loops(folder: Path, side: int) -> object:
    paths = sorted(folder.rglob("*.jpg"))
    return np.stack(joblib.Parallel(2)(joblib.delayed(resized)(path, side) for path in paths))


def measure(way: Way, folder: Path, side: int) -> Turn:
    """Return wall seconds, CPU seconds of all processes, and the bytes left in the cache."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["BAKEOFF_CACHE"] = cache
        get_reusable_executor().shutdown(wait=True)  # all ways start their own processes
        before, start = cpu_seconds(), time.perf_counter()
        way(folder, side)
        wall, cpu = time.perf_counter() - start, cpu_seconds() - before
        return wall, cpu, sum(path.stat().st_size for path in Path(cache, "packs").rglob("*") if path.is_file())


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and its children, also those that ended."""
    own = psutil.Process()
    times = [own.cpu_times(), *(child.cpu_times() for child in own.children(recursive=True))]
    return sum(t.user + t.system for t in times) + times[0].children_user + times[0].children_system


def print_way(title: str, found: Sequence[Turn], base: Sequence[Turn], n: int) -> None:
    wall, cpu = median(turn[0] for turn in found), median(turn[1] for turn in found)
    ratios = [median(other[i] / own[i] for own, other in zip(base, found, strict=False)) for i in (0, 1)]
    size = byte_size(found[0][2]) if found[0][2] else "–"
    print(f"| {title} | {n / wall:.1f} | {1e3 * cpu / n:.0f} | {ratios[0]:.1f}× | {ratios[1]:.1f}× | {size} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--noise", type=float, default=3, help="standard deviation of the grain, in grey levels")
    given = parser.parse_args()
    ways: dict[str, Way] = {
        "bakeoff": by_bakeoff,
        "bakeoff, decoding in full": in_full,
        "plain Pillow loop, one process": by_a_loop,
        "plain Pillow loop, two processes": by_two_loops,
        "bakeoff, packing at full size": at_full_size,
    }
    folder = Path(tempfile.mkdtemp())
    found: dict[str, list[Turn]] = {title: [] for title in ways}
    try:
        make_photos(folder, given.photos, given.noise)
        size = sum(path.stat().st_size for path in folder.rglob("*.jpg")) / given.photos
        print(f"{given.photos} JPEG files of 4000×3000 pixels and {size / 1e6:.1f} MB each, to {given.size} pixels")
        for number in range(given.rounds):
            for title, way in ways.items():
                if way is not at_full_size or number == 0:
                    found[title].append(measure(way, folder, given.size))
    finally:
        shutil.rmtree(folder)
    print("| | images/s | CPU ms per image | bakeoff is faster by | in CPU time | pack |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for title, turns in found.items():
        print_way(title, turns, found["bakeoff"], given.photos)


if __name__ == "__main__":
    main()
