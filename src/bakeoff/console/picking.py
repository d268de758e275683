"""Holds a contest and shows its progress: for the command line and for notebooks."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from bakeoff.analysis.pick.advice import larger_budget
from bakeoff.analysis.pick.answer import Pick, answer_contest
from bakeoff.analysis.pick.candidates import CandidateLimits, Lineup, candidate_grid, choose_lineup
from bakeoff.analysis.pick.contest import MARGIN
from bakeoff.analysis.pick.costs import seconds_before
from bakeoff.analysis.pick.driver import Contest
from bakeoff.analysis.pick.prior import EarlierResults, order_of, put_in_order, read_results
from bakeoff.analysis.pick.record import ContestRecord, contest_path, read_record, write_record
from bakeoff.analysis.pick.tuned import TUNING_SHARE, answer_tuned, prepare_tuning, tuned_runs
from bakeoff.analysis.tune.driver import Tuning
from bakeoff.analysis.tune.proposals import check_optuna
from bakeoff.console.contest_view import ContestView
from bakeoff.console.folders import print_folders
from bakeoff.console.progress import progress_bar
from bakeoff.console.terminal import Console, escape, until_interrupted
from bakeoff.errors import BakeoffError
from bakeoff.execution import session
from bakeoff.execution.execute import add_to_store
from bakeoff.execution.options import RunOptions, StudyOptions
from bakeoff.machine.processes import warm_up
from bakeoff.spec.outputs import is_written_by_bakeoff
from bakeoff.spec.overrides import parse_seconds
from bakeoff.store.reader import Reader
from bakeoff.store.store import Store
from bakeoff.studies.toml import write_study
from bakeoff.text.formats import clock, counted, listing
from bakeoff.text.shell import quote
from bakeoff.tracking.background import mirror_in_background

NO_LIMITS = CandidateLimits()
PAGE_SECONDS = 3.0
"""Share of the budget reserved for the page."""
AT_THE_END = "the test images and the page"
FEW_IMAGES = 20
"""Classes with fewer training images are listed before the contest."""


@dataclass(frozen=True, kw_only=True)
class PickOptions:
    """Options of a contest."""

    budget: str | float = "20m"
    """Time that the command may take: seconds, or a text such as "20m"."""
    limits: CandidateLimits = NO_LIMITS
    margin: float = MARGIN
    """Accuracies that differ by less are equivalent, a fraction."""
    target: float | None = None
    """Stop when a training has this validation accuracy, a fraction."""
    learn_from: Sequence[str | Path] = ()
    """Other stores whose results on similar data sets order the candidates."""
    tune: bool = False
    """Tune the recipe of the most probable winner in a part of the budget."""

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            BakeoffError: margin or target are not fractions.
        """
        for name, value in (("margin", self.margin), ("target", self.target)):
            if value is not None and not 0 <= value < 1:
                raise BakeoffError(f"--{name} must be at least 0 and below 1, a fraction; got {value:g}")


@dataclass(frozen=True)
class PickOutcome:
    """How a contest ended."""

    pick: Pick
    page: Path | None
    """None if nothing was trained or the page cannot be written."""
    is_interrupted: bool
    """Ctrl-C was pressed."""


def hold_contest(wanted: StudyOptions, options: PickOptions, how: RunOptions) -> PickOutcome:
    """Hold a contest and draw it.

    Raises:
        BakeoffError: the data set cannot be used, no candidate is left, the store or the page cannot be written, a
            store to learn from does not exist, or Optuna is missing for tuning.
    """
    started, budget = time.monotonic(), parse_seconds(options.budget)
    for path in options.learn_from:
        if not Path(path).is_file():
            raise BakeoffError(f"--learn-from {path} does not exist: give the store of earlier results")
    if options.tune:
        check_optuna()
    console = Console(stderr=True, quiet=how.quiet)
    machine = session.choose_machine(how)
    warm_up()
    with progress_bar(quiet=how.quiet) as report:
        lineup = choose_lineup(candidate_grid(wanted), options.limits, machine, report)
    placement = session.choose_placement(lineup.plan, how)
    with Store(how.store, create=True) as store:
        add_to_store(replace(lineup.plan, runs=()), store)
        lineup = put_in_order(lineup, order_of(lineup, _earlier_results(lineup, store, options.learn_from)))
        _print_lineup(lineup, store, budget, console)
        store.record_study(write_study(lineup.plan.study), how.command)
        mirror_in_background(how.track, how.store)
        race = budget * (1 - TUNING_SHARE) if options.tune else budget - PAGE_SECONDS
        contest = Contest(
            lineup,
            store,
            placement,
            race,
            budget - race,
            margin=options.margin,
            target=options.target,
            started=started,
        )
        kept = clock(budget - race + contest.finish_seconds())
        what = f"tuning, {AT_THE_END}" if options.tune else AT_THE_END
        console.print(f"of {clock(budget)}, {kept} are kept for {what}", style="dim", soft_wrap=True)
        before = read_record(contest_path(store.files, tuple(lineup.steps)), store.path)
        contest.spent = seconds_before(lineup, store.results(lineup.steps), before)
        if missing := contest.missing_seconds:
            least = larger_budget(budget + missing)
            text = f"the budget is too short for a first result: give --budget {least} or more"
            console.print(text, style="yellow", soft_wrap=True)
        with (
            until_interrupted() as is_interrupted,
            ContestView(contest, console) as view,
            closing(contest.events()) as events,
        ):
            view.follow(events)
        tuning = None
        if options.tune and not is_interrupted:
            left = started + budget - PAGE_SECONDS - time.monotonic() - contest.finish_seconds()
            tuning, stopped = _tune(contest, left, console)
            is_interrupted += stopped
        if contest.state.trained and not is_interrupted:
            console.print("evaluating the best on the test images", style="dim")
            more = tuned_runs(tuning) if tuning else []
            with until_interrupted() as stopped, closing(contest.finish(more)) as events:
                for _ in events:
                    pass
            is_interrupted += stopped
        contest.is_interrupted = bool(is_interrupted)
        pick = answer_contest(contest, answer_tuned(tuning) if tuning else None)
        _keep(contest, pick, before)
    page = _write_page(how.store, pick, console) if contest.state.trained else None
    return PickOutcome(pick, page, is_interrupted=bool(is_interrupted))


def _tune(contest: Contest, seconds: float, console: Console) -> tuple[Tuning | None, list[bool]]:
    """Tune the most probable winner; return the search, if there was one, and whether Ctrl-C was pressed."""
    tuning = prepare_tuning(contest, seconds)
    if tuning is None:
        console.print(
            "nothing to tune: a probe chooses its penalty itself, and fields given with --set are fixed", style="dim"
        )
        return None, []
    console.print(escape(f"tuning {tuning.lineup.entries[0].candidate.name} for {clock(seconds)}"), style="dim")
    with (
        until_interrupted() as stopped,
        ContestView(tuning, console) as view,
        closing(tuning.events()) as events,
    ):
        view.follow(events)
    return tuning, stopped


def _keep(contest: Contest, pick: Pick, before: ContestRecord | None) -> None:
    """Record what happened for the page, after the events of earlier commands."""
    runs = tuple(contest.lineup.steps)
    earlier, since = (before.moments, before.seconds) if before else ((), 0.0)
    moments = tuple(replace(one, seconds=since + one.seconds) for one in contest.moments)
    if pick.winner:
        write_record(contest.store.files, ContestRecord((*earlier, *moments), pick, runs))


def _write_page(store: Path, pick: Pick, console: Console) -> Path | None:
    """Write the page beside the store; if that fails, the answer is still printed."""
    from bakeoff.reporting.page import write

    path = store.with_suffix(".html")
    if path.is_file() and not is_written_by_bakeoff(path):
        text = f"no page: {path} exists, and bakeoff did not write it; bakeoff report -o FILE writes one"
        console.print(escape(text), style="yellow", soft_wrap=True)
        return None
    try:
        return write(store, path, title=f"The best network for {pick.data}")
    except BakeoffError as error:
        console.print(escape(f"no page: {error}"), style="yellow", soft_wrap=True)
        return None


def _earlier_results(lineup: Lineup, store: Store, others: Sequence[str | Path]) -> list[list[EarlierResults]]:
    """Return the results in this store, except those of this contest, and in other stores."""
    found = [read_results(store, without=lineup.steps)]
    for path in others:
        with Reader(path) as other:
            found.append(read_results(other, without=lineup.steps))
    return found


def _print_lineup(lineup: Lineup, store: Store, budget: float, console: Console) -> None:
    """Print problems of the images, the candidates, and the budget."""
    print_folders(lineup.plan, console)
    content, dataset = next(iter(lineup.plan.data.items()))
    facts = store.datasets()[content].facts
    for what, kind in (("identical", "duplicates"), ("nearly identical", "twins")):
        found = facts.get(kind) or {}
        copies = [f"{number:,} across {splits}" for splits, number in found.get("across", {}).items() if number]
        if number := found.get("conflicting"):
            copies.append(f"{number:,} with different labels")
        if copies:
            text = (
                f"{dataset.info.name}: {what} images {', '.join(copies)}; bakeoff data {quote(lineup.data)} shows them"
            )
            console.print(escape(text), style="yellow", soft_wrap=True)
    counts = [int((dataset.train.labels == label).sum()) for label in range(len(dataset.info.classes))]
    small = [f"{n} ({c})" for n, c in zip(dataset.info.classes, counts, strict=True) if c < FEW_IMAGES]
    if small:
        console.print(escape(f"classes with few training images: {listing(small)}"), style="yellow", soft_wrap=True)
    names = listing([entry.candidate.name for entry in lineup.entries], None)
    console.print(escape(f"{counted(len(lineup.entries), 'candidate')} for {clock(budget)}: {names}"), soft_wrap=True)
    console.print(escape(f"tried in order {lineup.order}"), style="dim", soft_wrap=True)
    for name, why in lineup.left_out.items():
        console.print(escape(f"left out: {name}: {why}"), style="dim", soft_wrap=True)
