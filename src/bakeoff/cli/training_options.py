"""The options of the commands that train, and the typed form in which a command gets them."""

import shlex
import sys
from collections.abc import Callable, Collection, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias

import rich_click as click

from bakeoff.cli.assignments import as_changes, as_stand_ins
from bakeoff.cli.complete import data_set_names, network_names, recipe_names, several
from bakeoff.cli.options import as_data, as_list, store_option
from bakeoff.machine.processes import warm_up

if TYPE_CHECKING:
    from bakeoff.execution.options import RunOptions, StudyOptions

Command: TypeAlias = Callable[..., Any]

WHAT = {
    "nets": click.option(
        "--nets",
        metavar="A,B",
        shell_complete=several(network_names),
        help="Networks, separated by commas (see [bold]bakeoff nets[/]); your own: my_net.py; with your "
        "own weights: resnet20:my.safetensors; each with its own recipe: conv@quick,resnet20@modern.",
    ),
    "data": click.option(
        "--data",
        shell_complete=several(data_set_names),
        multiple=True,
        metavar="X,Y",
        help="Data sets, separated by commas; may be repeated. Your own: [bold]folder:PATH[/], [bold]csv:FILE[/], "
        "[bold]npz:FILE[/], [bold]hf:ORG/NAME[/] (see [bold]bakeoff data --help[/]).",
    ),
    "data_as": click.option(
        "--data-as",
        multiple=True,
        metavar="NAME=DATA",
        help="Use other data in place of a study's, e.g. cifar10=folder:cifar10-jpeg.",
    ),
    "groups": click.option(
        "--groups",
        metavar="COLUMN|REGEX",
        help="Keep images of one patient, video, … on one side of every split: a column of a table, or a regular "
        "expression for file names or, with a slash, paths: '(?P<group>[^_]+)_'.",
    ),
    "folds": click.option(
        "--folds",
        type=click.IntRange(2, 100),
        metavar="K",
        help="Cross-validate: divide all images into K parts and repeat the comparison with each as test images. For "
        "small data sets.",
    ),
    "recipe": click.option(
        "--recipe",
        metavar="A,B",
        shell_complete=several(recipe_names),
        help="How to train (see [bold]bakeoff recipes[/]), or a file that [bold]bakeoff tune[/] wrote; several are "
        "compared, too: a row per network and recipe.",
    ),
    "seeds": click.option(
        "--seeds", type=click.IntRange(1), metavar="N", help="Runs per network and data set. [dim]Default: 3[/]"
    ),
    "first_seed": click.option("--first-seed", type=int, metavar="N", help="The first seed. [dim]Default: 0[/]"),
}
SETTLE = {
    "until_settled": click.option(
        "--until-settled",
        metavar="A,B",
        shell_complete=several(network_names),
        help="Add seeds to these two networks until it is clear which is better, on every data set.",
    ),
    "max_seeds": click.option(
        "--max-seeds",
        type=click.IntRange(2),
        metavar="N",
        help="Upper limit on seeds for --until-settled. [dim]Default: 20[/]",
    ),
}
CHANGES = {
    "epochs": click.option(
        "--epochs",
        type=click.IntRange(1),
        metavar="N",
        help="Passes over the training images; short for --set epochs=N. The recipe probe has none.",
    ),
    "size": click.option("--size", metavar="64 or 48x64", help="Resize images to this height and width."),
    "scale": click.option(
        "--scale", type=click.IntRange(1), metavar="N", help="Enlarge images N times; short for --set image.scale=N."
    ),
    "changes": click.option(
        "--set",
        "changes",
        multiple=True,
        metavar="FIELD=VALUE",
        help="Change any field of the recipe, e.g. optimizer.lr=0.01.",
    ),
}
HOW = {
    "store": store_option(create=True),
    "workers": click.option(
        "--workers",
        type=click.IntRange(1),
        metavar="N",
        help="Processes that train at once. [dim]Default: one per core[/]",
    ),
    "threads": click.option(
        "--threads", type=click.IntRange(1), metavar="N", help="Threads per process. [dim]Default: cores / workers[/]"
    ),
    "device": click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps."),
    "precision": click.option(
        "--precision",
        type=click.Choice(["auto", "fp32", "tf32", "bf16"]),
        default="auto",
        show_default=True,
        help="Training precision. auto: bf16 on GPUs that support it, else fp32; for bf16 on CPUs see --dry-run.",
    ),
    "compile": click.option("--compile", is_flag=True, help="Use torch.compile; worthwhile for long GPU runs."),
    "run_timeout": click.option(
        "--run-timeout", metavar="2h", help="Stop a run that takes longer and count it as failed: 90m, 1h30m, 45s."
    ),
    "track": click.option(
        "--track",
        multiple=True,
        metavar="TRACKER",
        help="Also send results to mlflow:URI, tensorboard:DIR or wandb:PROJECT, in the background; may be repeated. "
        "[bold]bakeoff track[/] sends what a tracker missed while it was down.",
    ),
    "devices_per_run": click.option(
        "--devices-per-run",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        metavar="N",
        help="Divide each batch of a run among N GPUs, or processes on a CPU.",
    ),
    "executor": click.option(
        "--executor",
        type=click.Choice(["local", "ray", "slurm"]),
        default="local",
        show_default=True,
        help="Where runs are trained: on this machine, on a Ray cluster or by SLURM. [dim]See docs/cluster.md[/]",
    ),
    "address": click.option(
        "--address", metavar="HOST:PORT", help="Ray cluster. [dim]Default: that of this machine, or a new one[/]"
    ),
    "gpus_per_run": click.option(
        "--gpus-per-run", type=float, metavar="0.25", help="Share of a GPU, or number of GPUs, that each run gets."
    ),
    "memory_per_run": click.option(
        "--memory-per-run", metavar="2GB", help="Memory that each run reserves on its node. [dim]Default: none[/]"
    ),
    "checkpoints": click.option(
        "--checkpoints",
        metavar="URL",
        help="Folder on a shared file system, or s3://BUCKET/FOLDER, where nodes keep checkpoints and fetch images. "
        "[dim]Default: they pass through this machine[/]",
    ),
    "pack": click.option(
        "--pack",
        type=click.IntRange(1),
        metavar="N",
        help="Runs in each job of SLURM, one after the other. [dim]Default: 1[/]",
    ),
    "slurm": click.option(
        "--slurm",
        multiple=True,
        metavar="NAME=VALUE",
        help="Setting for the SLURM jobs, e.g. partition=gpu or timeout_min=480.",
    ),
    "dry_run": click.option(
        "--dry-run", is_flag=True, help="Check everything and print the plan with the estimated time, without training."
    ),
    "retry_failed": click.option("--retry-failed", is_flag=True, help="Train failed and damaged runs again."),
    "restart": click.option("--restart", is_flag=True, help="Discard the stored results of these runs and start over."),
    "fail_fast": click.option("--fail-fast", is_flag=True, help="Stop at the first failed run."),
    "robustness": click.option(
        "--robustness", is_flag=True, help="Also evaluate finished runs on noisy, blurred, … images."
    ),
    "timing": click.option(
        "--timing",
        type=click.Choice(["shared", "exclusive"]),
        default="shared",
        show_default=True,
        help="exclusive: after all runs, measure the latency and training speed of each again, one at a time.",
    ),
}
OPTIONS: Mapping[str, Callable[[Command], Command]] = WHAT | SETTLE | CHANGES | HOW
"""The options by the names of their parameters."""
NO_CONTEST = {"data_as", "seeds", "dry_run", "retry_failed", "restart", "fail_fast", "robustness", "timing", *SETTLE}
"""Options that make no sense for commands that choose their own runs within a budget of time."""
REFUSED = {"folds": click.option("--folds", type=click.IntRange(2, 100), hidden=True)}
"""Options that commands which choose a network or recipe take only to say what to do instead."""


def training_options(*, leave_out: Collection[str] = (), refuse: Collection[str] = ()) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of training to a command, except those of some names.

    The command gets them as `wanted`, a `StudyOptions`, and `how`, a `RunOptions`. Those to `refuse` are not in its
    help: what it calls explains what to do instead.
    """
    chosen = {name: option for name, option in OPTIONS.items() if name not in leave_out}
    chosen |= {name: REFUSED[name] for name in refuse}

    def add(command: Command) -> Command:
        @wraps(command)
        def typed(**given: Any) -> Any:
            values = dict.fromkeys(OPTIONS) | {name: given.pop(name) for name in chosen}
            if not values["dry_run"] and values["executor"] in (None, "local"):
                warm_up()  # loads torch while this process imports and plans, which takes more than a second
            from bakeoff.execution.isolate import run_timeout

            with run_timeout(values["run_timeout"]):
                return command(wanted=_study_options(values), how=_run_options(values), **given)

        extended: Command = typed
        for option in reversed(chosen.values()):
            extended = option(extended)
        return extended

    return add


def _study_options(values: Mapping[str, Any]) -> "StudyOptions":
    from bakeoff.execution.options import StudyOptions

    return StudyOptions(
        nets=as_list(values["nets"]),
        data=as_data(values["data"]),
        data_as=as_stand_ins(values["data_as"] or ()),
        groups=values["groups"],
        folds=values["folds"],
        recipe=values["recipe"],
        seeds=values["seeds"],
        first_seed=values["first_seed"],
        changes=as_changes(values),
        until_settled=as_list(values["until_settled"]),
        max_seeds=values["max_seeds"],
    )


def _run_options(values: Mapping[str, Any]) -> "RunOptions":
    from bakeoff.execution.options import RunOptions

    return RunOptions(command=shlex.join(["bakeoff", *sys.argv[1:]]), **{name: values[name] for name in HOW})
