"""How the driver's cost grows with the runs in a store: made-up runs, without training, through the real study loop.

    python benchmarks/scaling.py --runs 10,100,1000,10000
    python benchmarks/scaling.py --runs 100000 --only execute,resume --workers 1000
    python benchmarks/scaling.py --images 1000,10000,100000 --pixels 28,56,112,224

Seconds are CPU seconds of this process, so that other programs on the machine do not count. A study of n runs has ten
networks, five seeds and n / 50 data sets, so that tables stay of one size while there are more of them. Slopes are
those of log seconds over log n between the two largest sizes: 1 is linear.
"""

import argparse
import math
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from bakeoff.data.dataset import Dataset, Images
from bakeoff.execution import execute as loop
from bakeoff.execution.cluster import Cluster
from bakeoff.execution.execute import execute
from bakeoff.execution.plan import Plan
from bakeoff.execution.plan import plan as plan_study
from bakeoff.execution.worker import JobOutput, Placement
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.recipe import SGD, Recipe
from bakeoff.spec.records import Epoch, Outcome
from bakeoff.spec.run import Run
from bakeoff.store.store import Store
from bakeoff.studies.study import Study

NETS, SEEDS, EPOCHS, TEST_IMAGES, CLASSES = 10, 5, 10, 100, 10
RECIPE = Recipe(name="quick", epochs=EPOCHS, batch_size=64, validation=0.1, select="last", normalize="unit", optimizer=SGD(lr=0.1))  # fmt: skip  # noqa: E501
NAMES = ("lenet-afif", "conv", "drop", "nin", "resnet20", "resnet32", "resnet44", "resnet56", "lenet5", "linear")


def made_up_images(number: int) -> Dataset:
    """A data set without content; each number is another one."""
    random = np.random.default_rng(number)
    shape = ImageShape(1, 8, 8)
    names = tuple(f"class {label}" for label in range(CLASSES))
    info = DataInfo(f"images{number}", shape, names, f"content-{number}", 200, 0, TEST_IMAGES, False)

    def images(count: int) -> Images:
        return Images(random.integers(0, 255, (count, 1, 8, 8), np.uint8), random.integers(0, CLASSES, count))

    return Dataset(info, images(200), None, images(TEST_IMAGES), "made up", "none", "none")


def made_up_plan(runs: int) -> Plan:
    data = {}
    for number in range(max(1, runs // (NETS * SEEDS))):
        dataset = made_up_images(number)
        data[dataset.info.content_hash] = dataset
    nets = NAMES[: max(1, min(NETS, runs // SEEDS))]
    seeds = min(SEEDS, runs)
    wanted = tuple(
        Run(net, dataset.info.name, content, RECIPE, seed)
        for seed in range(seeds)
        for content, dataset in data.items()
        for net in nets
    )
    return Plan(Study(name="made up", nets=nets, data=("digits",)), wanted[:runs], data)


def made_up_job(run: Run, placement: Placement, folder: Path, *_: object, **__: object) -> JobOutput:
    """Ten epochs and a result, at once."""
    random = np.random.default_rng(int(run.id, 16))
    facts = {"torch": "2", "threads": 1, "device": "cpu", "precision": "fp32"}
    skill = 0.6 + 0.03 * NAMES.index(run.net) + 0.02 * random.random()
    for number in range(1, EPOCHS + 1):
        hits = skill * (1 - 0.5**number)
        yield Epoch(number, 1 / number, hits, 1 / number, hits, 0.1, 2.0, 0.5, 100.0, 10**8), facts
    labels = made_up_labels(run.data_hash)
    predicted = np.where(random.random(TEST_IMAGES) < skill, labels, (labels + 1) % CLASSES).astype(np.uint16)
    probabilities = (np.eye(CLASSES)[predicted] * 0.8 + 0.02).astype(np.float16)
    accuracy = float((predicted == labels).mean())
    measures = {
        "test_accuracy": accuracy, "test_loss": 1 - accuracy, "epochs": EPOCHS, "reported_epoch": EPOCHS,
        "train_images": 180, "test_images": TEST_IMAGES, "parameters": 1000, "trainable_parameters": 1000,
        "flops": 20_000, "train_seconds": 20.0, "evaluation_seconds": 5.0, "images_per_second": 100.0,
        "peak_memory_bytes": 10**8,
    }  # fmt: skip
    yield Outcome(EPOCHS, predicted, probabilities, measures, environment=facts), facts


LABELS: dict[str, np.ndarray] = {}


def made_up_labels(content: str) -> np.ndarray:
    if content not in LABELS:
        LABELS[content] = made_up_images(int(content.rpartition("-")[2])).test.labels
    return LABELS[content]


def cpu_seconds(function: Callable[[], object]) -> float:
    started = time.process_time()
    function()
    return time.process_time() - started


def run_all(plan: Plan, path: Path, workers: int) -> None:
    placement = Placement(workers, 1, cluster=Cluster("inline"))
    with Store(path, create=True) as store:
        for _ in execute(plan, store, placement):
            pass


def read_list(path: Path) -> None:
    from bakeoff.analysis.shared_ranks import rank_and_audit

    with Store(path) as store:
        results, unreadable = store.read()
        rank_and_audit(store, results, "test", unreadable)


def read_answer(path: Path) -> None:
    from bakeoff.console.answers import answer_store

    with Store(path) as store:
        answer_store(store, "test").lines()


def read_page(path: Path) -> None:
    from bakeoff.reporting import build_page

    build_page(path)


def measure_store(runs: int, workers: int, only: set[str], folder: Path) -> dict[str, float]:
    path = folder / f"{runs}.db"
    plan = made_up_plan(runs)
    for content in plan.data:
        made_up_labels(content)
    study = Study(name="planned", nets=("lenet-afif", "linear"), data=("digits",), seeds=max(1, runs // 2))
    plan_study(msgspec.structs.replace(study, seeds=1))  # loads the images, and tries the networks out
    seconds = {"plan": cpu_seconds(lambda: plan_study(study))}
    seconds |= {"execute": cpu_seconds(lambda: run_all(plan, path, workers))}
    steps = {
        "resume": lambda: run_all(plan, path, workers),
        "list": lambda: read_list(path),
        "answer": lambda: read_answer(path),
        "page": lambda: read_page(path),
    }
    seconds |= {name: cpu_seconds(step) for name, step in steps.items() if name in only}
    return {name: value for name, value in seconds.items() if name in only or name in ("plan", "execute")}


def measure_training(images: int, side: int) -> dict[str, float]:
    """Train a small convolutional network for an epoch on noise in memory, in a process of its own.

    The epoch is timed without what comes before it: the images, and a first epoch of few.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure_training, images, side).result()


def _measure_training(images: int, side: int) -> dict[str, float]:
    from bakeoff.machine.hardware import Machine, peak_memory_bytes
    from bakeoff.training.loop import fit

    random = np.random.default_rng(0)
    shape = ImageShape(1, side, side)
    recipe = msgspec.structs.replace(RECIPE, epochs=1, validation=100, batch_size=64)
    for count in (500, images):
        info = DataInfo("noise", shape, tuple("abcdefghij"), f"noise-{count}-{side}", count, 0, 100, False)
        train, test = (
            Images(random.integers(0, 255, (number, 1, side, side), np.uint8), np.arange(number) % CLASSES)
            for number in (count, 100)
        )
        data = Dataset(info, train, None, test, "noise", "none", "none")
        before, started = peak_memory_bytes("cpu"), time.process_time()
        epoch = next(iter(fit(Run("conv", "noise", info.content_hash, recipe, 0), data, Machine(threads=1))))
        assert isinstance(epoch, Epoch)
    return {"CPU seconds": time.process_time() - started, "MB more": (epoch.peak_memory_bytes - before) / 1e6}


def print_table(title: str, rows: dict[int, dict[str, float]]) -> None:
    print(f"\n{title}")
    sizes = list(rows)
    names = list(rows[sizes[-1]])
    print("| |" + "|".join(f"{size:,}" for size in sizes) + "|slope|")
    print("|---|" + "--:|" * (len(sizes) + 1))
    for name in names:
        values = [rows[size].get(name, math.nan) for size in sizes]
        slope = math.nan
        if len(values) > 1 and values[-1] > 0 and values[-2] > 0:
            slope = math.log(values[-1] / values[-2]) / math.log(sizes[-1] / sizes[-2])
        print(f"|{name}|" + "|".join(f"{value:.3g}" for value in values) + f"|{slope:.2f}|")


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=numbers, default=[])
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--only", default="resume,list,answer,page", help="steps besides plan and execute")
    parser.add_argument("--folder", type=Path, help="where the stores are made; /dev/shm leaves out the disk")
    parser.add_argument("--images", type=numbers, default=[])
    parser.add_argument("--pixels", type=numbers, default=[])
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    loop.train_run = made_up_job  # type: ignore[assignment]
    with TemporaryDirectory(prefix="bakeoff-scaling-", dir=given.folder) as folder:
        rows = {n: measure_store(n, given.workers, set(given.only.split(",")), Path(folder)) for n in given.runs}
    if rows:
        print_table(f"CPU seconds of the driver by runs, {given.workers} workers", rows)
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    if given.images:
        print_table("training by images of 28 pixels", {n: measure_training(n, 28) for n in given.images})
    if given.pixels:
        print_table("training by pixels of 500 images", {n: measure_training(500, n) for n in given.pixels})


if __name__ == "__main__":
    main()
