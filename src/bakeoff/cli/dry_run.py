"""What `bakeoff run --dry-run` prints: the plan, and an estimate of the time from timing a few steps here."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from msgspec.structs import replace

from bakeoff.analysis.race import Race, standings
from bakeoff.cli.needs import memory_bytes, packings
from bakeoff.cli.settle import tell_standings
from bakeoff.cli.tables import draw, print_table
from bakeoff.console.progress import progress_bar
from bakeoff.console.terminal import Console, echo_json, escape
from bakeoff.data import Progress
from bakeoff.data.tree import count_reasons
from bakeoff.errors import BakeoffError
from bakeoff.execution.estimate import cell_of, measure_step, steps_of
from bakeoff.execution.plan import Plan, join_problems
from bakeoff.execution.session import has_bf16
from bakeoff.execution.tryout import safely
from bakeoff.execution.worker import Placement, machine_of
from bakeoff.reporting.text_table import TextTable
from bakeoff.spec.data import data_label
from bakeoff.spec.paths import weights_path
from bakeoff.spec.run import Run
from bakeoff.spec.values import to_dict
from bakeoff.store.store import Store
from bakeoff.text.formats import byte_size, clock, counted

LONG_SECONDS = 600.0
"""An estimate from which on it is worth a few seconds to look for a faster way."""


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


def print_plan(
    plan: Plan,
    placement: Placement,
    store: Path,
    as_json: bool,
    race: Race | None = None,
    *,
    robustness: bool = False,
) -> None:
    """Print the cells of a plan, how many runs are left, and about how long they will take; with a race, at most.

    Raises:
        BakeoffError: something would fail that can be known before.
    """
    check_store(store)
    warnings = missing_weights(plan, store) if robustness else []
    with progress_bar() as report:
        rows = planned(plan, placement, store, report)
        warnings += short_of_memory(placement)
        left = seconds_left(rows, placement)
        in_bf16 = None
        if left > LONG_SECONDS and could_use_bf16(placement):
            faster = replace(placement, precision="bf16")
            in_bf16 = seconds_left(planned(plan, faster, store, report), faster)
    folders, memory = packings(plan), memory_bytes(plan, placement)
    to_fetch = sorted(info.name for info in plan.absent.values())
    if as_json:
        facts = {
            "study": plan.study.name,
            "runs": len(plan.runs),
            "left": sum(row.runs - row.already_done for row in rows),
            "workers": placement.workers,
            "threads": placement.threads,
            "device": placement.device,
            "precision": placement.precision,
            "left_out": {d.info.name: count_reasons(d.skipped) for d in plan.data.values() if d.skipped},
            "estimated_seconds": left,
            "estimated_seconds_in_bf16": in_bf16,
            "memory_bytes": memory,
            "folders": [asdict(folder) | {"image": to_dict(folder.image, full=True)} for folder in folders],
            "cells": [asdict(row) for row in rows],
            "to_fetch": to_fetch,
            "warnings": warnings,
        }
        if race:
            standing = standings(race, plan, store) if store.exists() else []
            facts["until_settled"] = [race.first, race.second]
            facts |= {"seeds": race.study.seeds, "max_seeds": race.max_seeds}
            facts["settled"] = [asdict(one) for one in standing]
        return echo_json(facts)
    numbers = (("runs", True), ("done", True), ("epochs", True), ("time a run", True))
    columns = (("network", False), ("data", False), *numbers, ("recipe", False))
    cells = tuple(
        (r.net, r.data, str(r.runs), str(r.already_done), str(r.epochs), clock(r.seconds_per_run), r.recipe)
        for r in rows
    )
    console = Console()
    print_table(console, draw(TextTable(f"plan of {plan.study.name!r}", columns, cells)))
    console.print()
    console.print(
        f"{counted(len(plan.runs), 'run')}, {sum(row.runs - row.already_done for row in rows)} of them to do: "
        f"about {clock(left)} on {counted(placement.workers, 'worker')} × {counted(placement.threads, 'thread')}, "
        f"{placement.device}. "
        "Estimated by timing a few training steps of each network; evaluation not counted.",
        highlight=False,
    )
    for folder in folders:
        console.print(escape(str(folder)), highlight=False)
    if memory is not None and placement.device == "cpu":
        console.print(f"Memory: about {byte_size(memory)} for all workers, data not counted.", highlight=False)
    if to_fetch:
        console.print(f"Not on this machine yet, to be fetched first: {', '.join(to_fetch)}.", markup=False)
    for warning in warnings:
        console.print(warning, style="yellow", markup=False, highlight=False)
    if in_bf16 is not None and in_bf16 < left:
        console.print(
            f"In bfloat16, which this processor computes faster (--precision bf16), about {clock(in_bf16)}.",
            highlight=False,
        )
    if race:
        console.print(
            f"{race.first} and {race.second} get {race.study.seeds} to {race.max_seeds} seeds, until it is settled "
            "which is better: this is the most there is to do.",
            highlight=False,
        )
        if store.exists():
            tell_standings(standings(race, plan, store), console)
    return None


def could_use_bf16(placement: Placement) -> bool:
    """Tell whether the user could ask for bfloat16 and has not."""
    return placement.device == "cpu" and placement.precision == "fp32" and has_bf16(placement)


def seconds_left(rows: Sequence[Planned], placement: Placement) -> float:
    """Return about how long what is left of the plan will take."""
    return sum((row.runs - row.already_done) * row.seconds_per_run for row in rows) / placement.workers


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
    known: dict[tuple, float] = {}
    problems: dict[str, None] = {}
    for number, runs in enumerate(cells.values()):
        if progress:
            progress("timing a few training steps of each network", number, len(cells))
        first = runs[0]
        data = plan.info(first.data_hash)
        assert data.shape is not None
        classes = len(data.classes)
        steps = steps_of(first.recipe, data.train_images, classes) * first.recipe.epochs
        seen = first.recipe.image.shape(data.shape)
        same_work = (first.net, seen, classes, first.recipe.batch_size, type(first.recipe.optimizer))
        if same_work not in known:
            work = (data.shape, classes, first.recipe, machine_of(placement))
            try:
                known[same_work] = safely(measure_step, first.net, *work, doing="timing")
            except BakeoffError as problem:
                problems[str(problem)] = None
                known[same_work] = 0.0
        done = sum(states.get(run.id) == "done" for run in runs)
        label = data_label(first.data)
        rows.append(
            Planned(first.net, label, first.recipe.name, len(runs), done, first.recipe.epochs, steps * known[same_work])
        )
    if problems:
        raise BakeoffError(join_problems(list(problems)))
    return rows


def check_store(path: Path) -> None:
    """Say that the store could not be written, making none.

    Raises:
        BakeoffError: it could not.
    """
    if path.exists():
        with Store(path) as opened, opened.transaction():
            return
    if not path.parent.is_dir():
        raise BakeoffError(f"the folder {path.parent} for the store does not exist: make it first")
    if not os.access(path.parent, os.W_OK):
        raise BakeoffError(f"cannot make the store {path}: no permission to write to {path.parent.absolute()}")


def missing_weights(plan: Plan, path: Path) -> list[str]:
    """Say of how many finished runs the weights, which --robustness needs, are gone."""
    if not path.exists():
        return []
    with Store(path) as opened:
        found = opened.results([run.id for run in plan.runs])
        gone = [
            result.id
            for result in found
            if result.state == "done"
            and "robustness" not in result.measures
            and not weights_path(opened.files, result.id).exists()
        ]
    told = f"--robustness needs the weights of finished runs; those of {len(gone)} are not in {path}.files: --restart"
    return [told] if gone else []


def short_of_memory(placement: Placement) -> list[str]:
    """Say that so many workers may need more memory than is free, going by what timing one of them took."""
    import psutil

    from bakeoff.machine.hardware import peak_memory_bytes

    if placement.device != "cpu":
        return []
    needed, free = placement.workers * peak_memory_bytes("cpu"), psutil.virtual_memory().available
    told = (
        f"{placement.workers} workers may need {needed / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} GiB are "
        "free: use fewer --workers or a smaller --set batch_size=N."
    )
    return [told] if needed > free else []
