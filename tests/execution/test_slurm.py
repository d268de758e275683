"""Runs in the jobs of submitit, whose local and debug executors stand in for SLURM."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from engines import results, trained_here
from planned import ONE, WILD, kinds, study

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.execution.cluster import Cluster
from bakeoff.execution.execute import execute
from bakeoff.execution.outbox import decode_report, encode_report
from bakeoff.execution.plan import plan
from bakeoff.execution.relay import NodeReport
from bakeoff.execution.worker import Message, Placement, Step
from bakeoff.nets import user_file
from bakeoff.nets.sources import Source
from bakeoff.spec.records import Epoch, Failure, Measured, Outcome, Trained

pytest.importorskip("submitit", reason="submitit is not installed: pip install 'bakeoff[slurm]'")

EPOCH = Epoch(1, 0.5, 0.6, None, None, 0.1, 2.0, 0.5, 22.0, 10**8)
OUTCOME = Outcome(1, np.array([1, 0], np.uint16), np.eye(2, dtype=np.float16), {"test_accuracy": 0.5}, ({"name": "a"},))


def placement(kind: str, **changes) -> Placement:
    cluster = Cluster("slurm", settings=(("cluster", kind), ("timeout_min", "5")), **changes)
    return msgspec.structs.replace(ONE, workers=2, cluster=cluster)


@pytest.mark.parametrize(
    "content",
    [Step(1, 2, 3), EPOCH, Trained(), OUTCOME, Measured({"a": 1.0}), Failure("error", "é", file="a.py", line=3)],
    ids=lambda content: type(content).__name__,
)
def test_a_report_is_read_as_it_was_written(content):
    report = NodeReport(Message("id", content, {"cores": 2, "before": {"torch": ["1"]}}), {"a.pt": b"\0x"}, "host:log")
    read = decode_report(encode_report(report))
    assert (read.files, read.place) == (report.files, report.place)
    assert (read.message.run_id, read.message.environment) == ("id", {"cores": 2, "before": {"torch": ["1"]}})
    if isinstance(content, Outcome):
        assert read.message.content.predicted.tobytes() == content.predicted.tobytes()
        assert read.message.content.probabilities.dtype == np.float16
        assert read.message.content.layers == content.layers
    else:
        assert read.message.content == content


def test_a_first_report_has_no_message():
    assert decode_report(encode_report(NodeReport(None, place="host"))) == NodeReport(None, place="host")


def test_gives_the_same_bits_as_the_local_pool_in_packs_of_two(store, tmp_path):
    made = plan(study(seeds=3))
    events = list(execute(made, store, placement("local", pack=2)))
    assert kinds(events)["done"] == 3
    assert results(store) == trained_here(made, tmp_path)
    shared = tmp_path / "a.db.slurm"
    assert not list(shared.glob("reports-*")) and list((shared / "logs").iterdir())
    assert not list((shared / "checkpoints").glob("*.pt"))


def test_says_where_the_log_of_a_failed_run_is(store):
    made = plan(study(nets=("nin",), seeds=1, cells=(WILD,)))
    (failed,) = (event for event in execute(made, store, placement("debug")) if event.kind == "failed")
    assert failed.content.kind == "diverged"
    assert str(store.path) + ".slurm/logs" in failed.content.message


SLOW = """
import time
from torch import nn

class Slow(nn.Sequential):
    def __init__(self, images, classes):
        super().__init__(nn.Flatten(), nn.Linear(images.channels * images.height * images.width, classes))

    def forward(self, x):
        if self.training:
            time.sleep(0.05)
        return super().forward(x)
"""
"""Epochs take long enough that its job can be killed in the middle, however fast the machine is."""


@pytest.mark.faults
def test_submits_the_runs_of_a_killed_job_again_from_their_last_epochs(store, tmp_path):
    called = user_file.register_net({"": Source(SLOW, str(tmp_path / "slow.py"))}, ["Slow"])
    user_file.save_sources(called, store.files)
    planned = plan(study(seeds=2, set=tiny.DIGITS | {"epochs": 15}))
    made = replace(planned, runs=tuple(msgspec.structs.replace(run, net=called) for run in planned.runs))
    seen = []
    for event in execute(made, store, placement("local", pack=2)):
        if event.kind == "epoch" and not any(one.kind == "epoch" for one in seen):
            kill_job(tmp_path / "a.db.slurm" / "logs")
        seen.append(event)
    assert kinds(seen)["done"] == 2
    assert kinds(seen)["failed"] == 0
    first = [event.content.epoch for event in seen if event.kind == "epoch" and event.run == made.runs[0]]
    assert len(first) > 15, "its epochs were told again when it resumed"
    assert results(store) == trained_here(made, tmp_path)


def kill_job(logs: Path) -> None:
    """Kill a job with all its processes, as when a node is lost."""
    (log,) = {path.name.partition("_")[0] for path in logs.glob("*_0_log.out")}
    os.killpg(os.getpgid(int(log)), signal.SIGKILL) if os.getpgid(int(log)) != os.getpgid(0) else os.kill(
        int(log), signal.SIGKILL
    )
    time.sleep(0.2)


def test_needs_slurm_or_another_scheduler(store):
    without = msgspec.structs.replace(ONE, cluster=Cluster("slurm"))
    with pytest.raises(BakeoffError, match="cluster=local"):
        list(execute(plan(study(seeds=1)), store, without))


def test_refuses_settings_that_slurm_does_not_have(store):
    wrong = Cluster("slurm", settings=(("cluster", "local"), ("partitoin", "gpu")))
    with pytest.raises(BakeoffError, match="partitoin"):
        list(execute(plan(study(seeds=1)), store, msgspec.structs.replace(ONE, cluster=wrong)))
