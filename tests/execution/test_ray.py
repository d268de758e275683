"""Runs on a real Ray cluster of several nodes on this machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import psutil
import pytest
from engines import results, trained_here
from planned import ONE, kinds, study

from bakeoff.errors import BakeoffError
from bakeoff.execution.cluster import Cluster
from bakeoff.execution.execute import Event, execute
from bakeoff.execution.plan import plan
from bakeoff.execution.worker import Placement
from bakeoff.nets import user_file
from bakeoff.nets.sources import Source
from bakeoff.spec.records import Failure
from bakeoff.store.store import Store

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'bakeoff[ray]'")

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
LONG = {"images_per_class": 60, "validation": 100, "epochs": 50}
"""Some seconds: long enough for nodes to come and go."""


class Nodes:
    """A cluster whose head trains nothing and whose other nodes have a cache of their own each."""

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster as Nodes

        self.folder, self.caches = folder, 0
        head = {"num_cpus": 0, "object_store_memory": 100 * 2**20, "include_dashboard": False}
        self.cluster = Nodes(initialize_head=True, head_node_args=head)
        self.nodes = []
        self.add()

    def add(self) -> None:
        self.caches += 1
        cache = {"BAKEOFF_CACHE": str(self.folder / f"node{self.caches}")}
        self.nodes.append(self.cluster.add_node(env_vars=cache, **NODE))

    def remove_busy(self) -> None:
        """Remove the node whose worker is training, without warning."""
        from ray._private.state import available_resources_per_node

        end, busy = time.monotonic() + 20, None
        while busy is None and time.monotonic() < end:
            free = {node for node, there in available_resources_per_node().items() if there.get("CPU")}
            busy = next((node for node in self.nodes if node.node_id not in free), None)
            time.sleep(0.1)
        assert busy is not None
        self.nodes.remove(busy)
        self.cluster.remove_node(busy, allow_graceful=False)

    def packs(self) -> list[list[str]]:
        """The packed data sets of each node."""
        folders = [self.folder / f"node{number}" / "packs" for number in range(1, self.caches + 1)]
        return [[path.name for path in folder.glob("[!.]*")] for folder in folders]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory, own_cache) -> Iterator[Nodes]:
    made = Nodes(tmp_path_factory.mktemp("nodes"))
    yield made
    ray.shutdown()
    made.cluster.shutdown()


@pytest.fixture
def placement(nodes) -> Placement:
    return msgspec.structs.replace(ONE, workers=2, cluster=Cluster("ray", address=nodes.cluster.address))


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> dict:
    """The local pool's results of two long runs."""
    return trained_here(plan(study(seeds=2, set=LONG)), tmp_path_factory.mktemp("here"))


def test_a_node_that_joins_is_used_and_results_are_the_bits_of_the_local_pool(
    store, nodes, placement, here, monkeypatch
):
    """The cluster has room for one run when the study begins; images go to each node once."""
    monkeypatch.setattr("bakeoff.execution.executors.ray.REFRESH_SECONDS", 0.2)
    seen: list[Event] = []
    for event in execute(plan(study(seeds=2, set=LONG)), store, placement):
        seen.append(event)
        if event.kind == "epoch" and len(nodes.nodes) == 1:
            assert kinds(seen)["started"] == 1
            nodes.add()
    order = [(event.kind, event.run.seed) for event in seen if event.kind in ("started", "done")]
    assert order[:2] == [("started", 0), ("started", 1)], "the second did not wait for the first to end"
    assert kinds(seen)["done"] == 2
    assert results(store) == here
    assert {path.suffix for path in store.files.iterdir()} <= {".safetensors", ".pt"}
    assert [len(found) for found in nodes.packs()] == [1, 1]


class TestFailures:
    """The reason why a run has no result is reported, with where to find more."""

    def failure(self, made, store, placement) -> Failure:
        (failed,) = (event for event in execute(made, store, placement) if event.kind == "failed")
        return failed.content

    def test_of_a_plug_in_that_the_node_does_not_have(self, store, placement):
        made = plan(study(seeds=1))
        foreign = msgspec.structs.replace(made.runs[0], net="tinynet@acme-1.2.0-1a2b3c4d")
        failure = self.failure(replace(made, runs=(foreign,)), store, placement)
        assert failure.kind == "error" and "acme" in failure.message

    def test_of_another_version_of_bakeoff(self, store, placement, monkeypatch):
        monkeypatch.setattr("bakeoff.execution.parcels.version", lambda: "0.0.1")
        assert "0.0.1" in self.failure(plan(study(seeds=1)), store, placement).message

    def test_of_a_network_that_hangs_with_its_line(self, store, placement, tmp_path):
        text = (
            "from torch import nn\nclass Hangs(nn.Module):\n"
            "    def __init__(self, images, classes):\n        super().__init__()\n"
            "        self.classify = nn.Linear(64, classes)\n"
            "    def forward(self, x):\n        while True:\n            pass\n"
        )
        called = user_file.register_net({"": Source(text, str(tmp_path / "hangs.py"))}, ["Hangs"])
        user_file.save_sources(called, store.files)
        planned = plan(study(seeds=1))
        made = replace(planned, runs=(msgspec.structs.replace(planned.runs[0], net=called),))
        failure = self.failure(made, store, msgspec.structs.replace(placement, run_timeout=3.0))
        assert failure.kind == "timeout" and failure.line in (7, 8)
        assert f"hangs.py, line {failure.line}" in failure.message
        _, _, log = failure.message.partition("what the worker printed is in ")
        assert Path(log.partition(" on ")[0]).is_file()

    @pytest.mark.faults
    def test_of_a_worker_that_is_killed(self, store, placement):
        made, killed, failures = plan(study(seeds=1, set=LONG | {"epochs": 10_000})), False, []
        for event in execute(made, store, placement):
            if event.kind == "epoch" and not killed:
                killed = kill_workers()
            failures += [event.content] if event.kind == "failed" else []
        assert [failure.kind for failure in failures] == ["killed"]
        assert "what the worker printed is in" in failures[0].message


def kill_workers() -> bool:
    """Kill the processes of the cluster's tasks; tell whether there were any."""
    titles = {process: process.info["cmdline"] or [""] for process in psutil.process_iter(["cmdline"])}
    busy = [process for process, title in titles.items() if title[0].startswith("ray::lenet-afif on digits")]
    for process in busy:
        process.kill()
    return bool(busy)


def test_refuses_runs_that_fit_on_no_node(store, placement):
    wanting = msgspec.structs.replace(placement, threads=64)
    with pytest.raises(BakeoffError, match="--threads"):
        list(execute(plan(study(seeds=1)), store, wanting))


def test_a_lost_nodes_run_continues_elsewhere_from_its_last_epoch(store, nodes, placement, here, tmp_path):
    if len(nodes.nodes) < 2:  # this test was chosen alone
        nodes.add()
    made, checkpoints = plan(study(seeds=1, set=LONG)), tmp_path / "kept"
    cluster = msgspec.structs.replace(placement.cluster, checkpoints=str(checkpoints))
    seen: list[Event] = []
    for event in execute(made, store, msgspec.structs.replace(placement, cluster=cluster)):
        seen.append(event)
        if event.kind == "epoch" and event.content.epoch == 3 and len(nodes.nodes) == 2:
            assert [path.name for path in checkpoints.glob("*.pt")] == [f"{made.runs[0].id}.pt"]
            assert not list(store.files.glob("*.pt")), "checkpoints that all nodes reach do not come home"
            nodes.remove_busy()
    assert kinds(seen)["done"] == 1 and kinds(seen)["failed"] == 0
    epochs = [event.content.epoch for event in seen if event.kind == "epoch"]
    restart = next(number for number, epoch in enumerate(epochs) if number and epoch == 1)
    assert epochs == [*range(1, restart + 1), *range(1, 51)], "a resumed run tells its epochs again"
    assert results(store) == {run.id: here[run.id] for run in made.runs}
    assert not list(checkpoints.glob("*.pt"))


@pytest.mark.faults
class TestDriver:
    """The command that was killed or stopped goes on when it is given again."""

    def command(self, nodes, folder: Path) -> list[str]:
        given = ["run", "--nets", "lenet-afif", "--data", "digits", "--seeds", "2", "--epochs", "40"]
        where = ["--executor", "ray", "--address", nodes.cluster.address, "--store", str(folder / "a.db")]
        return [sys.executable, "-m", "bakeoff", *given, *where]

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_ends(self, number, code, nodes, tmp_path):
        command = self.command(nodes, tmp_path)
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_for_epochs(tmp_path / "a.db")
        os.kill(driver.pid, number)
        assert driver.wait(60) == code
        done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        assert number == signal.SIGKILL or "last epoch in the store" in done.stderr
        with Store(tmp_path / "a.db") as store:
            assert [result.state for result in store.results()] == ["done", "done"]
            made = plan(study(seeds=2, set={"epochs": 40}, name="run"))
            if {run.id for run in made.runs} == {result.id for result in store.results()}:
                assert results(store) == trained_here(made, tmp_path)

    def wait_for_epochs(self, path: Path) -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            time.sleep(0.3)
            if path.exists():
                with Store(path) as store:
                    if any(len(result.epochs) >= 3 for result in store.results()):
                        return
        raise AssertionError("no epochs")
