"""Tunes a recipe and shows the progress: for the command line and for notebooks."""

import time
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bakeoff.analysis.pick.candidates import CandidateLimits, candidate_grid, choose_lineup
from bakeoff.analysis.tune.answer import TunedRecipe, answer_tuning, recipe_file
from bakeoff.analysis.tune.driver import Tuning
from bakeoff.analysis.tune.proposals import check_optuna
from bakeoff.analysis.tune.space import search_space
from bakeoff.console.contest_view import ContestView
from bakeoff.console.progress import progress_bar
from bakeoff.console.terminal import Console, escape, until_interrupted
from bakeoff.errors import BakeoffError
from bakeoff.execution import session
from bakeoff.execution.options import RunOptions, StudyOptions
from bakeoff.machine.processes import warm_up
from bakeoff.spec.outputs import check_replaceable
from bakeoff.spec.overrides import parse_seconds
from bakeoff.spec.paths import write_output
from bakeoff.store.store import Store
from bakeoff.studies.recipe_file import write_recipe
from bakeoff.studies.toml import write_study
from bakeoff.text.formats import clock, listing


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """Options of a search."""

    budget: str | float = "30m"
    """Time that the command may take: seconds, or a text such as "30m"."""
    search: tuple[str, ...] = ()
    """Fields and the values to try for them: "optimizer.lr=1e-4..1e-1"."""
    output: Path | None = None
    """The file for the found recipe."""
    overwrite: bool = True
    """Also replace a file there that bakeoff did not write."""


def tune_recipe(wanted: StudyOptions, options: TuneOptions, how: RunOptions) -> tuple[TunedRecipe, bool]:
    """Search the fields of a recipe and show the progress; return what was found, and whether it was interrupted.

    The found recipe is written even after an interruption.

    Raises:
        BakeoffError: Optuna is missing, there is not exactly one network and data set, a field cannot be searched, or a
            file cannot be written.
    """
    started, budget = time.monotonic(), parse_seconds(options.budget)
    check_optuna()
    if options.output is not None and not options.output.absolute().parent.is_dir():
        raise BakeoffError(f"the folder of {options.output} does not exist: create it first")
    if options.output is not None:
        check_replaceable(options.output, overwrite=options.overwrite)
    console = Console(stderr=True, quiet=how.quiet)
    machine = session.choose_machine(how)
    warm_up()
    with progress_bar(quiet=how.quiet) as report:
        lineup = choose_lineup(candidate_grid(_single(wanted)), CandidateLimits(), machine, report)
    entry = lineup.entries[0]
    info = lineup.plan.info(entry.run.data_hash)
    space = search_space(
        entry.run.recipe, options.search, tuple(wanted.changes or ()), photographs=bool(info.photographs)
    )
    placement = session.choose_placement(replace(lineup.plan, runs=lineup.plan.runs * 4), how)
    console.print(escape(f"tuning {entry.run.net} on {entry.run.data} for {clock(budget)}: {entry.run.recipe.name}"))
    for one in space:
        console.print(escape(f"  {one}"), style="dim", highlight=False)
    with Store(how.store, create=True) as store:
        store.record_study(write_study(lineup.plan.study), how.command)
        tuning = Tuning(lineup, space, store, placement, budget, started=started)
        with (
            until_interrupted() as is_interrupted,
            ContestView(tuning, console) as view,
            closing(tuning.events()) as events,
        ):
            view.follow(events)
        found = answer_tuning(tuning)
        if options.output is not None and any(trial.epochs for trial in found.trials):
            date = datetime.now(UTC).isoformat(timespec="seconds")
            write_output(options.output, write_recipe(recipe_file(tuning, found, how.command, date)))
        return found, bool(is_interrupted)


def _single(wanted: StudyOptions) -> StudyOptions:
    """Return the options for one network on one data set, with one recipe.

    Raises:
        BakeoffError: there are several, or no data set.
    """
    if wanted.data is None:
        raise BakeoffError("tuning needs images: say which with --data, such as --data folder:my-photos")
    study = session.choose_study(None, wanted)
    for what, several in (("network", study.nets), ("data set", study.data), ("recipe", study.recipes)):
        if len(several) != 1:
            raise BakeoffError(f"tuning takes one {what} at a time; got {listing(several)}")
    return replace(wanted, seeds=1)
