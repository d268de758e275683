"""What the commands that train share: their options, and doing what these say."""

import shlex
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click
from click.exceptions import Exit

from bakeoff.cli.complete import data_sets, networks, recipes, several, single
from bakeoff.cli.endings import UNFINISHED, missing
from bakeoff.cli.options import as_data, as_list, store_option
from bakeoff.console.terminal import Console, escape, quote
from bakeoff.errors import BakeoffError

if TYPE_CHECKING:
    from bakeoff.analysis.race import Race
    from bakeoff.execution.plan import Plan
    from bakeoff.studies.study import Study

Command = TypeVar("Command", bound=Callable[..., Any])

GROUPS: list[Any] = [
    {
        "name": "What to compare",
        "options": [
            "--nets",
            "--data",
            "--data-as",
            "--recipe",
            "--seeds",
            "--first-seed",
            "--until-settled",
            "--max-seeds",
        ],
    },
    {"name": "Changes to the recipe", "options": ["--epochs", "--size", "--scale", "--set"]},
    {
        "name": "How it runs",
        "options": ["--store", "--workers", "--threads", "--device", "--precision", "--compile", "--run-timeout"],
    },
    {
        "name": "What to do",
        "options": [
            "--dry-run",
            "--retry-failed",
            "--restart",
            "--fail-fast",
            "--robustness",
            "--all",
            "--json",
            "--help",
        ],
    },
]

WHAT = (
    click.option(
        "--nets",
        metavar="A,B",
        shell_complete=several(networks),
        help="Networks, separated by commas (see [bold]bakeoff nets[/]); your own: my_net.py.",
    ),
    click.option(
        "--data",
        shell_complete=several(data_sets),
        multiple=True,
        metavar="X,Y",
        help="Data sets, by comma or with --data again; your own images: [bold]folder:PATH[/].",
    ),
    click.option(
        "--data-as",
        multiple=True,
        metavar="NAME=DATA",
        help="Use other data in place of a study's, e.g. cifar10=folder:cifar10-jpeg.",
    ),
    click.option(
        "--recipe", metavar="NAME", shell_complete=single(recipes), help="How to train (see [bold]bakeoff recipes[/])."
    ),
    click.option(
        "--seeds", type=click.IntRange(1), metavar="N", help="Runs per network and data set. [dim]Default: 3[/]"
    ),
    click.option("--first-seed", type=int, metavar="N", help="The first seed. [dim]Default: 0[/]"),
)
SETTLE = (
    click.option(
        "--until-settled",
        metavar="A,B",
        shell_complete=several(networks),
        help="Add seeds to these two networks until it is clear which is better, on every data set.",
    ),
    click.option(
        "--max-seeds",
        type=click.IntRange(2),
        metavar="N",
        help="Upper limit on seeds for --until-settled. [dim]Default: 20[/]",
    ),
)
CHANGES = (
    click.option(
        "--epochs",
        type=click.IntRange(1),
        metavar="N",
        help="Passes over the training images; short for --set epochs=N.",
    ),
    click.option("--size", metavar="64 or 48x64", help="Resize images to this height and width."),
    click.option(
        "--scale", type=click.IntRange(1), metavar="N", help="Enlarge images N times; short for --set image.scale=N."
    ),
    click.option(
        "--set",
        "changes",
        multiple=True,
        metavar="FIELD=VALUE",
        help="Change any field of the recipe, e.g. optimizer.lr=0.01.",
    ),
)
HOW = (
    store_option(create=True),
    click.option(
        "--workers",
        type=click.IntRange(1),
        metavar="N",
        help="Processes that train at once. [dim]Default: one per core[/]",
    ),
    click.option(
        "--threads", type=click.IntRange(1), metavar="N", help="Threads per process. [dim]Default: cores / workers[/]"
    ),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps."),
    click.option(
        "--precision",
        type=click.Choice(["auto", "fp32", "tf32", "bf16"]),
        default="auto",
        show_default=True,
        help="Of training: auto is bf16 on GPUs that have it, else fp32. For bf16 on processors see --dry-run.",
    ),
    click.option("--compile", "compiled", is_flag=True, help="torch.compile the networks (pays on long GPU runs)."),
    click.option("--run-timeout", metavar="2h", help="Stop a run that takes longer, as failed; 90m, 1h30m, 45s."),
    click.option(
        "--dry-run", is_flag=True, help="Check everything, print the plan and an estimate of the time; train nothing."
    ),
    click.option("--retry-failed", is_flag=True, help="Try failed and damaged runs again."),
    click.option("--restart", is_flag=True, help="Discard what the store has of these runs and start over."),
    click.option("--fail-fast", is_flag=True, help="Stop at the first failed run instead of going on."),
    click.option("--robustness", is_flag=True, help="Also evaluate finished runs on noisy, blurred, … images."),
)


def options(*given: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Return a decorator that adds options to a command, in this order."""

    def add(command: Command) -> Command:
        for option in reversed(given):
            command = option(command)
        return command

    return add


def wanted_study(study: "str | Study | None", asked: dict[str, Any]) -> "Study":
    """Return the study as the options of `WHAT` and `CHANGES` ask for it."""
    from bakeoff.execution import session

    return session.choose_study(
        study,
        nets=as_list(asked["nets"]),
        data=as_data(asked["data"]),
        data_as=stand_ins_of(asked),
        recipe=asked["recipe"],
        seeds=asked["seeds"],
        first_seed=asked["first_seed"],
        changes=changes_of(asked),
    )


def wanted_race(study: "Study", asked: dict[str, Any]) -> "Race | None":
    """Return the race that the options of `SETTLE` ask for, if they do."""
    from bakeoff.analysis.race import make_race
    from bakeoff.execution.session import known_networks

    nets = as_list(asked["until_settled"])
    if nets is None:
        if asked["max_seeds"] is not None:
            raise BakeoffError("--max-seeds goes with --until-settled A,B; without it, --seeds says how many")
        return None
    return make_race(study, known_networks(nets) or (), asked["max_seeds"])


def stand_ins_of(asked: dict[str, Any]) -> dict[str, str]:
    """Return what --data-as says: data set of the study → the one that stands in for it."""
    stand_ins = {}
    for text in asked["data_as"]:
        name, _, other = (part.strip() for part in text.partition("="))
        if not (name and other):
            raise BakeoffError(f"--data-as takes NAME=DATA, such as cifar10=folder:cifar10-jpeg; got {text!r}")
        stand_ins[name] = other
    return stand_ins


def changes_of(asked: dict[str, Any]) -> dict[str, Any]:
    """Put --epochs, --size, --scale and --set together; --set comes last and wins."""
    from bakeoff.spec.overrides import parse_assignment, parse_size

    changes: dict[str, Any] = {}
    if asked["epochs"]:
        changes["epochs"] = asked["epochs"]
    if asked["size"] is not None:
        changes["image.size"] = parse_size(asked["size"])
    if asked["scale"]:
        changes["image.scale"] = asked["scale"]
    return changes | dict(parse_assignment(text) for text in asked["changes"])


@dataclass(frozen=True)
class Done:
    """What came of a command that trains."""

    plan: "Plan"
    missing: int
    """Of what was wanted: runs that have no result, or were not tested on corrupted images."""

    def end(self) -> None:
        """End the command with the exit code that tells whether all is there, once its results are printed."""
        if self.missing:
            raise Exit(UNFINISHED)


def tell_folders(plan: "Plan", console: "Console", *, sizes: bool = True) -> None:
    """Say of image folders at which size they are trained on, unless that is said elsewhere, and what may surprise."""
    from bakeoff.cli.describe import tell_folder
    from bakeoff.data.nesting import tell_nesting
    from bakeoff.data.tree import count_reasons, tell_reasons
    from bakeoff.spec.recipe import Image

    names = {run.data_hash: run.data for run in plan.runs}
    images = {(run.data_hash, Image(run.recipe.image.size, run.recipe.image.fit)): None for run in plan.runs}
    for content_hash, image in images if sizes else ():
        if (dataset := plan.data.get(content_hash)) and dataset.sizes:
            told = tell_folder(dataset.info.name, dataset.sizes, image)
            console.print(escape(told), style="dim", highlight=False, soft_wrap=True)
    for content_hash, dataset in plan.data.items():
        if dataset.nesting:
            told = f"{dataset.info.name}: {tell_nesting(dataset.nesting)}"
            console.print(escape(told), style="yellow", soft_wrap=True)
        if dataset.skipped:
            told = tell_reasons(count_reasons(dataset.skipped))
            see = f"bakeoff data {quote(names.get(content_hash, dataset.info.name))}"
            console.print(escape(f"{dataset.info.name}, left out: {told}; {see}"), style="yellow", soft_wrap=True)


def carry_out(study: "Study", asked: dict[str, Any], as_json: bool, race: "Race | None" = None) -> Done | None:
    """Train what the store lacks of a study, or of a race in it, as the options of `HOW` say, and say what came of it.

    None if only the plan was to be printed.
    """

    from bakeoff.analysis.race import plan_race
    from bakeoff.cli.settle import follow_race
    from bakeoff.console.live import follow, follow_robustness
    from bakeoff.console.progress import progress_bar
    from bakeoff.execution import session
    from bakeoff.machine.processes import warm_up

    console = Console(stderr=True)
    if not asked["dry_run"]:
        warm_up()
    with progress_bar() as report:
        fetch = not asked["dry_run"]
        plan = plan_race(race, report, fetch=fetch) if race else session.make_plan(study, report, fetch=fetch)
    tell_folders(plan, console, sizes=not asked["dry_run"])
    placement = session.choose_placement(
        plan, *(asked[name] for name in ("device", "precision", "workers", "threads", "compiled", "run_timeout"))
    )
    if asked["dry_run"]:
        from bakeoff.cli.dry_run import print_plan

        print_plan(plan, placement, asked["store"], as_json, race, robustness=asked["robustness"])
        return None
    if placement.precision == "bf16" and not session.has_bf16(placement):
        console.print(f"This {placement.device} imitates bfloat16, slowly: --precision fp32 is faster.", style="yellow")
    how: dict[str, Any] = {name: asked[name] for name in ("retry_failed", "restart", "fail_fast")}
    how["command"] = shlex.join(["bakeoff", *sys.argv[1:]])
    untested = 0
    try:
        if race:
            counts = follow_race(race, plan, asked["store"], placement, console, **how)
        else:
            with closing(session.start(plan, asked["store"], placement, **how)) as events:
                counts = follow(events, plan.runs, placement.workers, console)
        if asked["robustness"]:
            with closing(session.robustness(plan, asked["store"], placement)) as measured:
                untested = follow_robustness(measured, console)
    except KeyboardInterrupt:
        console.print("Stopped. What was finished is kept; the same command goes on from there.")
        raise
    _tell(counts, console)
    return Done(plan, missing(counts) + untested)


def _tell(counts: dict[str, int], console: "Console") -> None:
    """Say what happened to runs beside being trained."""
    for kind, one, more in (
        ("extended", "run went on from a shorter one", "runs went on from shorter ones"),
        (
            "failed-before",
            "run had failed before: --retry-failed tries it again",
            "runs had failed before: --retry-failed tries them again",
        ),
        (
            "unreadable",
            "run in the store cannot be read: `bakeoff results` says why, --retry-failed trains it anew",
            "runs in the store cannot be read: `bakeoff results` says why, --retry-failed trains them anew",
        ),
        ("elsewhere", "run is being trained by another command", "runs are being trained by another command"),
        ("lost", "run was taken over by another command", "runs were taken over by another command"),
        ("failed", "run failed: `bakeoff results` names it", "runs failed: `bakeoff results` names them"),
    ):
        if number := counts.get(kind):
            console.print(f"{number} {one if number == 1 else more}", style="dim")
