"""What all contenders of answer.py do: train the same networks with the same epochs, and print a ranked table.

A contender is started as `PROGRAM TASK PLACE`, where PLACE is an npz file or a folder of images, and prints the table.
"""

import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Task:
    """A comparison of networks."""

    about: str
    nets: tuple[str, ...]
    epochs: int
    batch_size: int
    side: int
    channels: int
    is_folder: bool = False
    """Whether the images are files in train/CLASS/ and test/CLASS/, which are resized; else arrays in a file."""
    seeds: int = 3
    classes: int = 10


TASKS = {
    "digits": Task(
        "4 networks × 3 seeds × 8 epochs on digits", ("lenet-afif", "conv", "drop", "resnet20"), 8, 64, 32, 1
    ),
    "signs": Task(
        "3 networks × 3 seeds × 2 epochs on Sign Language Digits at 64×64",
        ("lenet-afif", "conv", "resnet20"),
        2,
        64,
        64,
        3,
        is_folder=True,
    ),
    "mnist": Task("2 networks × 3 seeds × 2 epochs on MNIST", ("lenet-afif", "conv"), 2, 128, 28, 1),
}


def arrays(place: Path) -> dict[str, np.ndarray]:
    """Return train_x and test_x, (N, H, W, C) uint8, and train_y and test_y, (N,) int64."""
    with np.load(place) as file:
        return dict(file)


def held_out(images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the training and the validation images, a tenth."""
    order = np.random.default_rng(seed).permutation(images)
    return order[images // 10 :], order[: images // 10]


def carry_out(train: Callable[[str, Task, Path, int], float]) -> None:
    """Train all networks with all seeds, one after the other, and print the mean test accuracies, best first."""
    task, place = TASKS[sys.argv[1]], Path(sys.argv[2])
    print_table({net: [train(net, task, place, seed) for seed in range(task.seeds)] for net in task.nets})


def print_table(accuracies: Mapping[str, list[float]]) -> None:
    for net, own in sorted(accuracies.items(), key=lambda item: -statistics.mean(item[1])):
        print(f"{net:12} {statistics.mean(own):.4f} ± {statistics.stdev(own):.4f}")
