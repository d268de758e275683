"""How long a study would take: its cells, and an estimate of the time from timing a few steps here."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bakeoff.analysis.race import Race, RaceResult, race_results
from bakeoff.console.needs import Packing, check_store, memory_bytes, missing_weights, packings, short_of_memory
from bakeoff.console.progress import progress_bar
from bakeoff.console.running import Prepared
from bakeoff.console.wording import in_python
from bakeoff.data import Progress
from bakeoff.data.skipped import count_reasons
from bakeoff.errors import BakeoffError
from bakeoff.execution.estimate import cell_of, makespan, measure_step, steps_of
from bakeoff.execution.options import RunOptions
from bakeoff.execution.plan import Plan, join_problems
from bakeoff.execution.probing import measure_probe
from bakeoff.execution.session import device_has_bf16
from bakeoff.execution.tryout import safely
from bakeoff.execution.worker import Placement, machine_of
from bakeoff.reporting.text_table import TextTable, to_markdown
from bakeoff.spec.data import DataInfo, data_label
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.run import Run
from bakeoff.spec.values import to_dict
from bakeoff.store.folds import fold_of
from bakeoff.store.store import Store
from bakeoff.text.formats import byte_size, clock, counted

if TYPE_CHECKING:
    from bakeoff.machine.hardware import Machine

if TYPE_CHECKING:
    import pandas as pd

LONG_SECONDS = 600.0
"""Above this estimate, a few seconds are spent on looking for a faster way."""


@dataclass(frozen=True)
class Planned:
    """One cell of the plan."""

    net: str
    data: str
    recipe: str
    runs: int
    already_done: int
    epochs: int
    seconds_per_run: float
    shared_seconds: float = 0.0
    """Seconds for the features of a probed network: once for all runs, including those of other folds."""


@dataclass(frozen=True)
class Estimate:
    """What a command would train, and about how long it takes here. Printed, it is a table with the other costs.

    Example:
        >>> plan = bakeoff.estimate("demo", store="new.db")
        >>> plan.runs, plan.left, sum(plan.to_frame()["runs"])
        (12, 12, 12)
        >>> plan.to_dict()["study"], plan.table().title
        ('demo', "plan of 'demo'")
        >>> print(*plan.sentences(), *plan.advice())
        12 runs, 12 of them to do: about ...
    """

    study: str
    cells: tuple[Planned, ...]
    placement: Placement
    seconds: float
    """About how long the remaining runs take, without evaluation; with `race`, an upper limit."""
    seconds_in_bf16: float | None
    """The same in bfloat16, if that may be faster."""
    memory_bytes: int | None
    """Memory of all workers, without the data; None if unknown."""
    folders: tuple[Packing, ...]
    left_out: dict[str, dict[str, int]]
    """Data set → why files of it are not used, and how many."""
    to_fetch: tuple[str, ...]
    """Data sets that are not on this machine yet."""
    warnings: tuple[str, ...]
    race: Race | None = None
    settled: tuple[RaceResult, ...] = ()
    """Where the race stands, by the runs in the store."""

    @property
    def runs(self) -> int:
        """Runs that are wanted."""
        return sum(cell.runs for cell in self.cells)

    @property
    def left(self) -> int:
        """Runs that the store does not have."""
        return sum(cell.runs - cell.already_done for cell in self.cells)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, the JSON of a dry run."""
        facts: dict[str, Any] = {
            "study": self.study,
            "runs": self.runs,
            "left": self.left,
            "workers": self.placement.workers,
            "threads": self.placement.threads,
            "device": self.placement.device,
            "precision": self.placement.precision,
            "left_out": self.left_out,
            "estimated_seconds": self.seconds,
            "estimated_seconds_in_bf16": self.seconds_in_bf16,
            "memory_bytes": self.memory_bytes,
            "folders": [asdict(folder) | {"image": to_dict(folder.image, full=True)} for folder in self.folders],
            "cells": [asdict(cell) for cell in self.cells],
            "to_fetch": list(self.to_fetch),
            "warnings": list(self.warnings),
        }
        if self.race:
            facts["until_settled"] = [self.race.first, self.race.second]
            facts |= {"seeds": self.race.study.seeds, "max_seeds": self.race.max_seeds}
            facts["settled"] = [asdict(one) for one in self.settled]
        return facts

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per network, data set and recipe: its runs, those already done, epochs and seconds per run."""
        import pandas as pd

        columns = [field.name for field in fields(Planned)]
        return pd.DataFrame([asdict(cell) for cell in self.cells], columns=columns)

    def table(self) -> TextTable:
        """Return the cells as a table."""
        numbers = (("runs", True), ("done", True), ("epochs", True), ("time a run", True))
        columns = (("network", False), ("data", False), *numbers, ("recipe", False))
        cells = tuple(
            (c.net, c.data, str(c.runs), str(c.already_done), str(c.epochs), clock(c.seconds_per_run), c.recipe)
            for c in self.cells
        )
        return TextTable(f"plan of {self.study!r}", columns, cells)

    def sentences(self) -> list[str]:
        """Say how long it takes, and what else it needs."""
        where = self.placement
        found = [
            f"{counted(self.runs, 'run')}, {self.left} of them to do: about {clock(self.seconds)} on "
            f"{counted(where.workers, 'worker')} × {counted(where.threads, 'thread')}, {where.device}. "
            "Estimated by timing a few training steps of each network; evaluation not counted.",
        ]
        if shared := sum(cell.shared_seconds for cell in self.cells):
            found.append(
                f"Features for probes: {clock(shared)} of that, once for all seeds; less if the cache has them."
            )
        found += map(str, self.folders)
        if self.memory_bytes is not None and where.device == "cpu":
            found.append(f"Memory: about {byte_size(self.memory_bytes)} for all workers, data not counted.")
        if self.to_fetch:
            found.append(f"Not on this machine yet, downloaded first: {', '.join(self.to_fetch)}.")
        return found

    def advice(self) -> list[str]:
        """Say what would be faster, and how long a race may get."""
        found = []
        if self.seconds_in_bf16 is not None and self.seconds_in_bf16 < self.seconds:
            faster = clock(self.seconds_in_bf16)
            found.append(f"In bfloat16, which this processor computes faster (--precision bf16), about {faster}.")
        if self.race:
            found.append(
                f"{self.race.first} and {self.race.second} get {self.race.study.seeds} to {self.race.max_seeds} seeds, "
                "until it is settled which is better: this is an upper limit."
            )
        return found

    def __str__(self) -> str:
        texts = [*self.sentences(), *self.warnings, *map(in_python, self.advice()), *(r.sentence for r in self.settled)]
        return to_markdown([self.table()], texts)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"


def estimate_study(prepared: Prepared, options: RunOptions) -> Estimate:
    """Return what a prepared study would take; nothing is trained or written.

    Raises:
        BakeoffError: something would fail that can be checked now.
    """
    plan, placement, store = prepared.plan, prepared.placement, options.store
    check_store(store)
    warnings = missing_weights(plan, store) if options.robustness else []
    with progress_bar(quiet=options.quiet) as report:
        cells = planned(plan, placement, store, report)
        warnings += short_of_memory(placement)
        left = seconds_left(cells, placement)
        in_bf16 = None
        all_probes = all(run.recipe.probe for run in plan.runs)
        if left > LONG_SECONDS and could_use_bf16(placement) and not all_probes:
            faster = replace(placement, precision="bf16")
            in_bf16 = seconds_left(planned(plan, faster, store, report), faster)
    settled = race_results(prepared.race, plan, store) if prepared.race and store.exists() else ()
    return Estimate(
        study=plan.study.name,
        cells=tuple(cells),
        placement=placement,
        seconds=left,
        seconds_in_bf16=in_bf16,
        memory_bytes=memory_bytes(plan, placement),
        folders=tuple(packings(plan)),
        left_out={data.info.name: count_reasons(data.skipped) for data in plan.data.values() if data.skipped},
        to_fetch=tuple(sorted(info.name for info in plan.absent.values())),
        warnings=tuple(warnings),
        race=prepared.race,
        settled=tuple(settled),
    )


def could_use_bf16(placement: Placement) -> bool:
    """Return whether the user could ask for bfloat16 and has not."""
    return placement.device == "cpu" and placement.precision == "fp32" and device_has_bf16(placement)


def seconds_left(rows: Sequence[Planned], placement: Placement) -> float:
    """Return about how long what is left of the plan will take."""
    left = [row for row in rows if row.runs > row.already_done]
    runs = [row.seconds_per_run for row in left for _ in range(row.runs - row.already_done)]
    return makespan(runs, placement.workers) + sum(row.shared_seconds for row in left)


def planned(plan: Plan, placement: Placement, store: Path, progress: Progress | None = None) -> list[Planned]:
    """Return the cells of a plan with their estimated cost.

    Raises:
        BakeoffError: a network cannot be trained on its images here.
    """
    states: dict[str, str] = {}
    if store.exists():
        with Store(store) as opened:
            states = opened.states([run.id for run in plan.runs])
    cells: dict[tuple, list[Run]] = {}
    for run in plan.runs:
        cells.setdefault(cell_of(run), []).append(run)
    rows = []
    known: dict[tuple, tuple[float, float]] = {}
    problems: dict[str, None] = {}
    counted_once = set()
    for number, runs in enumerate(cells.values()):
        if progress:
            progress("timing a few training steps of each network", number, len(cells))
        first = runs[0]
        data = plan.info(first.data_hash)
        assert data.shape is not None
        seen = first.recipe.image.shape(data.shape)
        kind = (first.data_hash,) if first.recipe.probe else work_of(first.recipe)
        same_work = (first.net, seen, len(data.classes), kind)
        if same_work not in known:
            try:
                known[same_work] = time_work(first, data, machine_of(placement))
            except BakeoffError as problem:
                problems[str(problem)] = None
                known[same_work] = 0.0, 0.0
        done = sum(states.get(run.id) == "done" for run in runs)
        step, shared = known[same_work]
        steps = 1 if first.recipe.probe else steps_of(first.recipe, data.train_images, len(data.classes))
        seconds = steps * first.recipe.epochs * step
        names = first.net, data_label(first.data), first.recipe.name
        if family := fold_of(first.data, first.data_hash):  # folds share the features of all images
            shared = 0.0 if (first.net, family[0], first.recipe) in counted_once else shared
            counted_once.add((first.net, family[0], first.recipe))
        rows.append(Planned(*names, len(runs), done, first.recipe.epochs, seconds, shared))
    if problems:
        raise BakeoffError(join_problems(list(problems)))
    return rows


def work_of(recipe: Recipe) -> tuple:
    """Return the settings that determine the time of a training step, besides network and images."""
    extras = (recipe.average > 0, recipe.clip_norm is None, recipe.layer_decay < 1, recipe.freeze, recipe.thaw_after)
    return recipe.batch_size, type(recipe.optimizer), recipe.augment, extras


def time_work(run: Run, data: DataInfo, machine: "Machine") -> tuple[float, float]:
    """Return about the seconds of one training step, or of a whole run for a probe, and those that its runs share.

    Raises:
        BakeoffError: the network cannot be trained on these images here.
    """
    if run.recipe.probe is None:
        assert data.shape is not None
        work = (data.shape, len(data.classes), run.recipe, machine)
        return safely(measure_step, run.net, *work, doing="timing"), 0.0
    found = safely(measure_probe, run.net, data, run.recipe, machine, doing="timing")
    return (found.run, found.features) if run.weights else (found.run + found.features, 0.0)
