"""Accuracy and latency of a trained network under PyTorch and, exported, under ONNX Runtime in float32 and 8 bits.

Accuracy is that on all test images, which ONNX Runtime gets as other programs decode them, in full. Latency is from
pixels of the network's size to probabilities, on one thread, in processor time, which other work of the machine
inflates less; the programs take turns.
Usage: python benchmarks/exported.py MODEL --store bakeoff.db [--data NAME]
"""

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from bakeoff.data.pack import file_names
from bakeoff.data.source_name import local_path
from bakeoff.inference.choice import load_model
from bakeoff.inference.export import export
from bakeoff.inference.onnx_file import open_onnx
from bakeoff.inference.pictures import find_pictures
from bakeoff.inference.trained_on import load_training_data, name_of_training_data
from bakeoff.stats.proportions import wilson

ROUNDS = {1: 100, 64: 7}
"""Images at once → calls of each program."""


def main() -> None:
    """Export, measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--store", default="bakeoff.db")
    parser.add_argument("--data")
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(given.model, given.store, data=given.data)
    dataset = load_training_data(model.paths[0], model.bundle)
    with TemporaryDirectory() as folder:
        plain, small = (export(model, Path(folder) / f"{eight}.onnx", int8=eight) for eight in (False, True))
        runs = {"float32": open_onnx(plain.path.read_bytes(), 1), "int8": open_onnx(small.path.read_bytes(), 1)}
    print(model.bundle.run.net, model.bundle.run.recipe.name, "seed", model.bundle.run.seed, plain, small, sep="\n")

    root = local_path(name_of_training_data(model.paths[0], model.bundle))
    files = [root / name for name in file_names(dataset, "test")]
    labels = dataset.test.labels
    own = model.probabilities(np.stack([model.decode(file) for file in files]))
    found = {"PyTorch": own}
    pictures = find_pictures(model, "test", len(files)).arrays
    for name, run in runs.items():
        found[f"ONNX Runtime, {name}"] = np.concatenate([run(picture[None]) for picture in pictures])
    for name, shares in found.items():
        right = int((shares.argmax(1) == labels).sum())
        low, high = wilson(right, len(labels))
        same, most = (shares.argmax(1) == own.argmax(1)).mean(), np.abs(shares - own).max()
        print(f"{name}: {right}/{len(labels)} = {right / len(labels):.4f} [{low:.4f}, {high:.4f}], ", end="")
        print(f"same class as PyTorch {same:.4f}, greatest difference of a probability {most:.2g}")

    pixels = np.stack([model.decode(file) for file in files[:64]])
    for batch, rounds in ROUNDS.items():
        planes, images = pixels[:batch], np.ascontiguousarray(pixels[:batch].transpose(0, 2, 3, 1))
        calls = {"PyTorch": lambda planes=planes: model.probabilities(planes)}
        calls |= {name: lambda run=run, images=images: run(images) for name, run in runs.items()}
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        load = os.getloadavg()[0]
        for number in range(rounds + 2):
            for name, call in calls.items():
                start = time.thread_time()
                call()
                if number > 1:
                    seconds[name].append(time.thread_time() - start)
        for name, own_seconds in seconds.items():
            low, middle, high = 1000 * np.quantile(own_seconds, [0.1, 0.5, 0.9])
            print(f"batch {batch}: {name} {middle:.1f} ms [{low:.1f}, {high:.1f}] of {rounds}; load {load:.1f}")


if __name__ == "__main__":
    main()
