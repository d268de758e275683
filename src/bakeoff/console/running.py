"""Plans and trains, and shows the progress: for the command line and for notebooks."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from bakeoff.analysis.race import Race, plan_race
from bakeoff.console.folders import print_folders
from bakeoff.console.live import follow, follow_robustness, follow_timing
from bakeoff.console.progress import progress_bar
from bakeoff.console.race import follow_race
from bakeoff.console.terminal import Console
from bakeoff.execution import session
from bakeoff.execution.options import RunOptions
from bakeoff.execution.plan import Plan
from bakeoff.execution.worker import Placement
from bakeoff.machine.processes import warm_up
from bakeoff.studies.study import Study
from bakeoff.tracking.background import mirror_in_background


@dataclass(frozen=True)
class Prepared:
    """A study, ready to be trained."""

    plan: Plan
    placement: Placement
    race: Race | None = None


@dataclass(frozen=True)
class Done:
    """The outcome of training a study."""

    plan: Plan
    counts: Mapping[str, int]
    """Events of each kind, and the runs "wanted"."""
    untested: int = 0
    """Evaluations on corrupted images, and timings, that could not be made."""

    @property
    def missing(self) -> int:
        """The number of wanted runs without a result, or not evaluated on corrupted images."""
        kept, trained = self.counts.get("kept", 0), self.counts.get("done", 0)
        return self.counts["wanted"] - kept - trained + self.untested


def prepare_study(study: Study, options: RunOptions, race: Race | None = None) -> Prepared:
    """Plan a study, or a race in it, and choose what to train it on; for a dry run, nothing is downloaded.

    Raises:
        BakeoffError: any error in the study or the options that can be found before training.
    """
    console = Console(stderr=True, quiet=options.quiet)
    will_train = not options.dry_run
    if will_train:
        warm_up()
    with progress_bar(quiet=options.quiet) as report:
        plan = plan_race(race, report, fetch=will_train) if race else session.make_plan(study, report, fetch=will_train)
    print_folders(plan, console, sizes=will_train)
    return Prepared(plan, session.choose_placement(plan, options), race)


def train_prepared(prepared: Prepared, options: RunOptions) -> Done:
    """Train the runs that the store lacks, and show the progress and the outcome."""
    console = Console(stderr=True, quiet=options.quiet)
    plan, placement, race = prepared.plan, prepared.placement, prepared.race
    if placement.precision == "bf16" and not session.device_has_bf16(placement):
        console.print(f"This {placement.device} emulates bfloat16, which is slow: fp32 is faster.", style="yellow")
    untested = 0
    try:
        mirror_in_background(options.track, options.store)
        if race:
            counts = follow_race(race, plan, options, placement, console)
        else:
            # An interrupted notebook keeps references to the events, so the workers have to be stopped explicitly.
            with closing(session.start(plan, options, placement)) as events:
                counts = follow(events, plan.runs, placement.workers, console)
        if options.robustness:
            with closing(session.start_robustness(plan, options.store, placement)) as measured:
                untested = follow_robustness(measured, console)
        if options.timing == "exclusive":
            with closing(session.start_timing(plan, options.store, placement)) as measured:
                untested += follow_timing(measured, console)
    except KeyboardInterrupt:
        console.print("Stopped. Finished epochs and runs are kept; run it again to resume.")
        raise
    _print_rest(counts, console)
    return Done(plan, counts, untested)


REST = {
    "extended": ("resumed from a shorter run", "resumed from shorter runs"),
    "failed-before": ("failed before: --retry-failed tries it again", "failed before: --retry-failed tries them again"),
    "unreadable": (
        "in the store cannot be read: `bakeoff results` says why, --retry-failed trains it again",
        "in the store cannot be read: `bakeoff results` says why, --retry-failed trains them again",
    ),
    "elsewhere": ("is being trained by another command", "are being trained by another command"),
    "lost": ("was taken over by another command", "were taken over by another command"),
    "failed": ("failed: `bakeoff results` says why", "failed: `bakeoff results` says why"),
}
"""Kind of event → what happened to one run, and to several."""


def _print_rest(counts: Mapping[str, int], console: Console) -> None:
    """Say what happened to runs besides being trained."""
    for kind, (one, several) in REST.items():
        if number := counts.get(kind):
            console.print(f"{number} {f'run {one}' if number == 1 else f'runs {several}'}", style="dim")
