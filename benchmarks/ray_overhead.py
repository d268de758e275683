"""What a run on a Ray cluster costs the driver: made-up runs on a real cluster of this machine.

    python benchmarks/ray_overhead.py --workers 4,16,48 --runs 3

The cluster has as many CPUs as there are workers, whatever the machine has: tasks report ten epochs and a result, and
sleep in between. Seconds are CPU seconds of this process, the driver; including Ray's threads.
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from bakeoff import data
from bakeoff.execution import execute as loop
from bakeoff.execution.cluster import Cluster
from bakeoff.execution.execute import execute
from bakeoff.execution.plan import Plan, plan
from bakeoff.execution.relay import NodeReport
from bakeoff.execution.worker import JobOutput, Message, Placement
from bakeoff.spec.records import Epoch, Outcome
from bakeoff.spec.run import Run
from bakeoff.store.store import Store
from bakeoff.studies.study import Study

EPOCHS, TEST_IMAGES, CLASSES = 10, 382, 10
SECONDS = float(os.environ.get("EPOCH_SECONDS", "0.2"))
"""For which a task sleeps between two epochs."""


def made_up_messages(run: Run) -> Iterator[Message]:
    """Ten epochs and a result."""
    for number in range(1, EPOCHS + 1):
        time.sleep(SECONDS)
        yield Message(run.id, Epoch(number, 1.0, 0.5, 1.0, 0.5, 0.1, SECONDS, 0.0, 100.0, 10**8), {"torch": "2"})
    probabilities = np.full((TEST_IMAGES, CLASSES), 0.1, np.float16)
    measures = {"test_accuracy": 0.1, "test_loss": 2.3, "epochs": float(EPOCHS)}
    outcome = Outcome(EPOCHS, np.zeros(TEST_IMAGES, np.uint16), probabilities, measures)
    yield Message(run.id, outcome, {"torch": "2"})


def made_up_work(parcel: Any, cargo: Any) -> Iterator[tuple[NodeReport, str]]:
    """Stand in for the task of a run."""
    import ray

    node = ray.get_runtime_context().get_node_id()
    yield NodeReport(None, place="here"), node
    for message in made_up_messages(parcel.run):
        yield NodeReport(message), node


def made_up_job(run: Run, placement: Placement, folder: Path, *_: object, **__: object) -> JobOutput:
    """Stand in for the training of a run in this process."""
    for message in made_up_messages(run):
        yield message.content, message.environment


def measure(made: Plan, workers: int, engine: str) -> tuple[float, float]:
    """Return CPU seconds of this process, and seconds by the clock."""
    cluster = Cluster("ray", address=os.environ.get("RAY_ADDRESS", "")) if engine == "ray" else Cluster("inline")
    with TemporaryDirectory(dir="/dev/shm") as folder, Store(Path(folder, "a.db"), create=True) as store:
        cpu, clock = time.process_time(), time.perf_counter()
        ends = [event.kind for event in execute(made, store, Placement(workers, 1, cluster=cluster))]
        assert ends.count("done") == len(made.runs), set(ends)
        return time.process_time() - cpu, time.perf_counter() - clock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", default="4,16,48")
    parser.add_argument("--runs", type=int, default=3, help="of each worker")
    given = parser.parse_args()
    assert data.info("digits").test_images == TEST_IMAGES
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    import ray_overhead  # by this name the tasks find it, too

    from bakeoff.execution.executors import ray as engine

    engine._work = ray_overhead.made_up_work  # type: ignore[assignment]
    loop.train_run = ray_overhead.made_up_job  # type: ignore[assignment]
    print("| workers | runs | in this process, ms a run | Ray, ms a run | seconds by the clock | ideal |")
    print("|--:|--:|--:|--:|--:|--:|")
    for workers in map(int, given.workers.split(",")):
        runs = workers * given.runs
        study = Study(name="made up", nets=("lenet-afif",), data=("digits",), seeds=runs)
        made = plan(msgspec.structs.replace(study, set={"images_per_class": 20, "validation": 50}))
        ray_overhead.SECONDS = 0.0
        here, _ = measure(made, workers, "inline")
        ray.init(num_cpus=workers, object_store_memory=100 * 2**20, include_dashboard=False, log_to_driver=False)
        try:
            measure(plan(msgspec.structs.replace(study, seeds=workers, first_seed=10**6)), workers, "ray")  # warm up
            there, clock = measure(made, workers, "ray")
        finally:
            ray.shutdown()
        ideal = given.runs * EPOCHS * SECONDS
        print(
            f"| {workers} | {runs} | {1000 * here / runs:.1f} | {1000 * there / runs:.1f} | {clock:.1f} | {ideal:g} |"
        )


if __name__ == "__main__":
    main()
