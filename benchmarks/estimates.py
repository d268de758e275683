"""How far the estimates of time are from what a study takes: those of --dry-run, and of the live view while it runs.

    python benchmarks/estimates.py --nets lenet-afif,conv,resnet20 --data digits --epochs 8

The live estimate is taken whenever an epoch ends, once every network has finished one, and until a tenth of the time is
left. Errors are those of the whole time: what has passed and what was estimated to be left, over what it took.
"""

import argparse
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bakeoff.console.estimate import estimate_study
from bakeoff.console.running import prepare_study
from bakeoff.execution import session
from bakeoff.execution.estimate import Remaining, cell_of
from bakeoff.execution.options import RunOptions, StudyOptions
from bakeoff.execution.worker import Step
from bakeoff.spec.records import Epoch, Outcome


@dataclass(frozen=True)
class Errors:
    """Estimated over true time, minus one."""

    dry_run: float
    live: tuple[float, ...]
    seconds: float


def measure_errors(wanted: StudyOptions, folder: Path, workers: int | None = None) -> Errors:
    """Estimate a study, train it, and compare."""
    how = RunOptions(command="estimates", store=folder / "a.db", quiet=True, workers=workers)
    prepared = prepare_study(session.choose_study(None, wanted), how)
    estimated = estimate_study(prepared, how).seconds
    runs = {run.id: run for run in prepared.plan.runs}
    remaining = Remaining(dict(runs), prepared.placement.workers)
    started, live = None, []
    for event in session.start(prepared.plan, how, prepared.placement):
        now = time.monotonic()
        started = started or now  # when the first worker is there
        if isinstance(event.content, Step):
            remaining.add_step(event.run, event.content, now)
        elif isinstance(event.content, Epoch):
            remaining.add_epoch(event.run, event.content, now)
            if {cell_of(run) for run in runs.values()} <= remaining.epoch_seconds.keys():
                live.append((now - started, remaining.seconds() or 0.0))
        elif isinstance(event.content, Outcome):
            remaining.end_run(event.run)
    assert started is not None
    taken = time.monotonic() - started
    errors = tuple((passed + left) / taken - 1 for passed, left in live if passed < 0.9 * taken)
    return Errors(estimated / taken - 1, errors, taken)


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", default="lenet-afif,conv,resnet20")
    parser.add_argument("--data", default="digits")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", type=int, default=4)
    given = parser.parse_args()
    changes = {"epochs": given.epochs, "image.scale": given.scale}
    wanted = StudyOptions(nets=given.nets.split(","), data=given.data.split(","), seeds=given.seeds, changes=changes)
    with TemporaryDirectory() as folder:
        found = measure_errors(wanted, Path(folder))
    live = found.live or (float("nan"),)
    print(f"took {found.seconds:.1f} s; --dry-run was off by {found.dry_run:+.0%}, the live view by", end=" ")
    print(f"{statistics.median(live):+.0%} in the median, {min(live):+.0%} to {max(live):+.0%} ({len(live)} estimates)")


if __name__ == "__main__":
    main()
