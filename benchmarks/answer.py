"""Time to the answer: seconds from a command to a ranked table, by bakeoff and by scripts that do the same.

    benchmarks/make_peers.sh
    BAKEOFF_DATA=DATA python benchmarks/answer.py benchmarks/measured/answer.json --signs FOLDER
    python benchmarks/answer.py benchmarks/measured/answer.json --into docs/performance.md  # measures nothing

A script trains one run after the other, as tutorials do, with its framework's default number of threads, validation
after every epoch, a checkpoint of the best epoch, and the test images at the end. bakeoff does what it always does.
Data are packed beforehand, and no run is in the store. Contenders take turns; ratios are computed within a round.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import numpy as np
import psutil
from answer_task import TASKS, Task
from blocks import write_block
from PIL import Image as Picture
from turns import HERE, PYTHON, busy_seconds

from bakeoff.data import load_dataset
from bakeoff.execution.worker import cores
from bakeoff.machine.hardware import processor_name
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


def compare(name: str, task: Task, rounds: int, signs: Path | None) -> dict[str, Any] | None:
    """Return the seconds of all contenders, round by round; None if the images are missing."""
    with TemporaryDirectory(prefix="answer-") as folder:
        os.environ["BAKEOFF_CACHE"] = f"{folder}/cache"
        place = Path(folder, "images" if task.is_folder else "images.npz")
        if task.is_folder:
            if signs is None:
                print(f"{task.about}: skipped: needs --signs FOLDER", file=sys.stderr)
                return None
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
    return {"about": task.about, "seconds": seconds, "others": statistics.mean(others)}


def report(measured: dict[str, Any]) -> str:
    """Return the table as Markdown, with where and how it was measured."""
    tasks, about = list(measured["tasks"].values()), measured["about"]
    lines = [f"| | {' | '.join(task['about'] for task in tasks)} |", f"| --- |{' ---: |' * len(tasks)}"]
    for title in dict.fromkeys(title for task in tasks for title in task["seconds"]):
        lines.append(f"| {title} | {' | '.join(cell(title, task['seconds']) for task in tasks)} |")
    rounds = max(len(task["seconds"][OURS]) for task in tasks)
    others = statistics.mean(task["others"] for task in tasks)
    lines += [
        "",
        "Seconds, and how many times as fast bakeoff is; "
        f"{f'medians and ranges of {rounds} rounds' if rounds > 1 else 'one round'}. {about['processor']}, "
        f"{about['cores']} cores, of which other programs used {others:.2f}; {about['day']}.",
    ]
    return "\n".join(lines)


def cell(title: str, seconds: dict[str, list[float]]) -> str:
    own = seconds.get(title)
    if own is None:
        return ""
    found = f"{statistics.median(own):.1f} s"
    if title == OURS:
        return found
    ratios = [theirs / ours for theirs, ours in zip(own, seconds[OURS], strict=True)]
    spread = f" ({min(ratios):.2f}–{max(ratios):.2f})" if len(ratios) > 1 else ""
    return f"{found}: {statistics.median(ratios):.2f}×{spread}"


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="JSON file of all seconds.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--signs", type=Path, help="Folder of Sign Language Digits, one sub-folder per class.")
    parser.add_argument("--into", type=Path, help="Measure nothing: write what FILE has into this page.")
    options = parser.parse_args()
    if options.into:
        return write_block(options.into, "answer", report(json.loads(options.file.read_text())))
    found = {name: compare(name, TASKS[name], options.rounds, options.signs) for name in options.tasks.split(",")}
    about = {"day": datetime.now(UTC).date().isoformat(), "processor": processor_name(), "cores": cores()}
    measured = {"about": about, "tasks": {name: task for name, task in found.items() if task}}
    options.file.write_text(json.dumps(measured, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return print(report(measured))


if __name__ == "__main__":
    main()
