"""What a user asks for, in one typed form: the command line and the Python interface both fill it in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from bakeoff.data import Dataset
from bakeoff.data.arrays import Pair
from bakeoff.data.grouping import require_groups
from bakeoff.data.resplit import MOST_FOLDS
from bakeoff.errors import BakeoffError
from bakeoff.spec.recipe import Recipe

Network: TypeAlias = str | Path | Callable[..., Any]
"""A name, a file such as my_net.py, an `nn.Module` class, or a function (images, classes) → module."""
Data: TypeAlias = str | Path | Pair | Dataset
"""A name, a folder of images, a pair of arrays (images, labels) or a `Dataset`."""
TIMINGS = ("shared", "exclusive")
"""How speeds are measured: while other runs are trained, or also after all of them, one at a time."""


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """What to train. Each option that is not None changes the study it is given with."""

    nets: Sequence[Network] | Network | None = None
    data: Sequence[Data] | Data | None = None
    data_as: Mapping[str, Data] | None = None
    """Data sets of the study → the ones to use in their place."""
    groups: str | None = None
    """A column, or a regular expression for file names, that tells which images stay together."""
    folds: int | None = None
    """Into how many folds the images are divided, each being the test images once."""
    recipe: Sequence[str] | str | Recipe | None = None
    """One, or the names of several to compare."""
    seeds: int | None = None
    first_seed: int | None = None
    changes: Mapping[str, Any] | None = None
    """Changes to the recipe, by dotted field: {"optimizer.lr": 0.01}."""
    until_settled: Sequence[Network] | str | None = None
    """Two networks that get more seeds until it is clear which is better."""
    max_seeds: int | None = None
    """Upper limit on the seeds of these two."""

    def __post_init__(self) -> None:
        """Check what cannot be checked as a field of a study.

        Raises:
            BakeoffError: changes or stand-ins are not a mapping, groups are empty, or `max_seeds` is given alone or is
                not a number.
        """
        examples = {"changes": '--set takes fields and values: {"epochs": 3}', "data_as": "--data-as takes NAME=DATA"}
        for name, example in examples.items():
            if not isinstance(given := getattr(self, name), Mapping | None):
                raise BakeoffError(f"{example}; got {given!r}")
        if self.groups is not None:
            require_groups(self.groups)
        check_whole_number("max_seeds", self.max_seeds)
        check_whole_number("folds", self.folds)
        if self.folds is not None and not 2 <= self.folds <= MOST_FOLDS:
            raise BakeoffError(f"--folds takes 2 to {MOST_FOLDS}; got {self.folds}")
        if self.folds is not None and self.until_settled is not None:
            raise BakeoffError("--until-settled adds seeds, which say little about other images: leave out --folds")
        if self.until_settled is None and self.max_seeds is not None:
            raise BakeoffError("--max-seeds goes with --until-settled A,B; without it, --seeds says how many")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Where the results go, what to train on, and what to do about runs that are there already."""

    command: str
    """What the user typed or called; the store keeps it."""
    store: Path = Path("bakeoff.db")
    workers: int | None = None
    threads: int | None = None
    device: str = "auto"
    precision: str = "auto"
    compile: bool = False
    devices_per_run: int = 1
    run_timeout: str | float | None = None
    """Seconds, or a text such as "2h"."""
    track: Sequence[str] | str = ()
    """Experiment trackers that results are mirrored to: see `tracking.target`."""
    executor: str = "local"
    """One of `cluster.EXECUTORS`; the next six are settings of those that use other machines."""
    address: str | None = None
    gpus_per_run: float | None = None
    memory_per_run: str | None = None
    """A size such as "2GB"."""
    checkpoints: str | None = None
    pack: int | None = None
    slurm: Sequence[str] | None = None
    """Settings of the jobs, such as "partition=gpu"."""
    retry_failed: bool = False
    restart: bool = False
    fail_fast: bool = False
    robustness: bool = False
    timing: str | None = "shared"
    """"exclusive" to measure speeds again after all runs, one at a time; see `posthoc.measure_timing`."""
    dry_run: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        """Check the types that nothing else checks.

        Raises:
            BakeoffError: workers or threads are not whole numbers, or `timing` is none of `TIMINGS`.
        """
        check_whole_number("workers", self.workers)
        check_whole_number("threads", self.threads)
        if self.timing not in (None, *TIMINGS):
            raise BakeoffError(f"--timing takes {' or '.join(TIMINGS)}; got {self.timing!r}")


def check_whole_number(name: str, given: object) -> None:
    """Refuse what is neither None nor a whole number.

    Raises:
        BakeoffError: it is not.
    """
    if given is not None and (not isinstance(given, int) or isinstance(given, bool)):
        raise BakeoffError(f"--{name.replace('_', '-')} takes a whole number; got {given!r}")
