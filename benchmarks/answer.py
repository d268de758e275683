"""Time to the answer: seconds from a command to a ranked table, by bakeoff and by scripts that do the same.

    benchmarks/make_peers.sh
    BAKEOFF_DATA=DATA python benchmarks/answer.py --signs FOLDER

A script trains one run after the other, as tutorials do, with its framework's default number of threads, validation
after every epoch, a checkpoint of the best epoch, and the test images at the end. bakeoff does what it always does.
Data are packed beforehand, and no run is in the store. Contenders take turns; ratios are computed within a round.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import numpy as np
import psutil
from answer_task import TASKS, Task
from PIL import Image as Picture
from turns import HERE, PYTHON, busy_seconds

from bakeoff.data import load_dataset
from bakeoff.spec.recipe import Image

SCRIPTS = {
    "PyTorch tutorial loop": ("own", "answer_tutorial.py"),
    "Lightning": ("lightning", "answer_lightning.py"),
    "Keras/TensorFlow": ("keras", "answer_keras.py"),
}
"""Title → environment and program."""
OURS = "bakeoff"
POLL_SECONDS = 0.2
"""How often the processor time of a command is looked up."""


def pack_arrays(name: str, task: Task, place: Path) -> None:
    """Write the images of a data set for the scripts, at the size that they are trained at."""
    data = load_dataset(name, Image())

    def pixels(images: np.ndarray) -> np.ndarray:
        size = (task.side, task.side)
        return np.stack([np.asarray(Picture.fromarray(one[0]).resize(size, 2))[:, :, None] for one in images])

    split = {"train": data.train, "test": data.test}
    found = {f"{key}_x": pixels(images.images) for key, images in split.items()}
    np.savez(place, **found, **{f"{key}_y": images.labels.astype(np.int64) for key, images in split.items()})


def split_folder(folder: Path, place: Path) -> None:
    """Copy the files of a folder of classes into train/ and test/, every fifth to test/."""
    for of_class in sorted(path for path in folder.iterdir() if path.is_dir()):
        for number, file in enumerate(sorted(of_class.iterdir())):
            target = place / ("test" if number % 5 == 0 else "train") / of_class.name / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)


def bakeoff_command(name: str, task: Task, place: Path, store: Path) -> list[str]:
    """Return the command that gives the same answer."""
    data = f"folder:{place}" if task.is_folder else name
    size = ["--size", str(task.side)] if task.is_folder else ["--scale", "4"] if name == "digits" else []
    what = ["--nets", ",".join(task.nets), "--data", data, "--epochs", str(task.epochs), "--seeds", str(task.seeds)]
    return [sys.executable, "-m", "bakeoff", "run", *what, *size, "--store", str(store)]


def measure(command: list[str]) -> tuple[float, float]:
    """Return the seconds that a command takes, and the cores that other programs used meanwhile.

    Raises:
        SystemExit: it failed.
    """
    used: dict[int, float] = {}
    with TemporaryFile("w+") as said:
        before, start = busy_seconds(), time.perf_counter()
        running = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=said, cwd=HERE)
        while running.poll() is None:
            with suppress(psutil.Error):
                for process in (running, *running.children(recursive=True)):
                    used[process.pid] = sum(process.cpu_times()[:2])
            with suppress(psutil.TimeoutExpired):
                running.wait(POLL_SECONDS)
        seconds = time.perf_counter() - start
        if running.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{said.read()[-3000:]}")
    return seconds, max(0.0, busy_seconds() - before - sum(used.values())) / seconds


def contenders(name: str, task: Task, place: Path, folder: Path) -> dict[str, Callable[[], list[str]]]:
    """Return title → a function that gives the command, on a state in which nothing is trained."""

    def ours() -> list[str]:
        store = folder / "answer.db"
        with suppress(FileNotFoundError):
            store.unlink()
        shutil.rmtree(folder / "answer.db.files", ignore_errors=True)
        return bakeoff_command(name, task, place, store)

    scripts = {
        title: (lambda python=python, program=program: [str(PYTHON[python]), str(HERE / program), name, str(place)])
        for title, (python, program) in SCRIPTS.items()
        if PYTHON[python].exists()
    }
    return {OURS: ours, **scripts}


def compare(name: str, task: Task, rounds: int, signs: Path | None) -> None:
    """Time all contenders, and print a table of Markdown."""
    with TemporaryDirectory(prefix="answer-") as folder:
        os.environ["BAKEOFF_CACHE"] = f"{folder}/cache"
        place = Path(folder, "images" if task.is_folder else "images.npz")
        if task.is_folder:
            if signs is None:
                return print(f"\n{task.about}: skipped: needs --signs FOLDER")
            split_folder(signs, place)
            load_dataset(f"folder:{place}", Image(size=(task.side, task.side), fit="crop"))  # packs it
        else:
            pack_arrays(name, task, place)
        seconds: dict[str, list[float]] = {}
        others = []
        for _ in range(rounds):
            for title, command in contenders(name, task, place, Path(folder)).items():
                taken, busy = measure(command())
                seconds.setdefault(title, []).append(taken)
                others.append(busy)
                print(f"{name}: {title} {taken:.1f} s, others used {busy:.2f} cores", file=sys.stderr, flush=True)
    print(f"\n| {task.about} | seconds | bakeoff is faster by |\n| --- | ---: | ---: |")
    for title, own in seconds.items():
        ratios = [theirs / ours for theirs, ours in zip(own, seconds[OURS], strict=True)]
        spread = f"{statistics.median(ratios):.2f}× ({min(ratios):.2f}–{max(ratios):.2f})"
        print(f"| {title} | {statistics.median(own):.1f} | {'' if title == OURS else spread} |")
    print(
        f"\nMedians of {rounds} rounds; other programs used {statistics.mean(others):.2f} cores on average.", flush=True
    )
    return None


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--signs", type=Path, help="Folder of Sign Language Digits, one sub-folder per class.")
    options = parser.parse_args()
    for name in options.tasks.split(","):
        compare(name, TASKS[name], options.rounds, options.signs)


if __name__ == "__main__":
    main()
