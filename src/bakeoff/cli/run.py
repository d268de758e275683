"""`bakeoff run`."""

from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.complete import single, study_names_and_files
from bakeoff.cli.option_groups import GROUPS
from bakeoff.cli.options import json_option
from bakeoff.cli.running import carry_out, end
from bakeoff.cli.training_options import training_options
from bakeoff.console.terminal import Console, escape
from bakeoff.spec.paths import store_argument

if TYPE_CHECKING:
    from bakeoff.execution.options import RunOptions, StudyOptions

click.rich_click.OPTION_GROUPS["bakeoff run"] = GROUPS


@click.command()
@click.argument("study", required=False, metavar="[STUDY]", shell_complete=single(study_names_and_files))
@training_options()
@json_option
def run(study: str | None, as_json: bool, wanted: "StudyOptions", how: "RunOptions") -> None:
    """Train networks on data sets and rank them.

    STUDY is a .toml file or a built-in study (see [bold]bakeoff studies[/]); options override it. Without STUDY and
    options, this is a demonstration: four networks on handwritten digits, three seeds.

    With several recipes, each network is trained with each of them, and one table per data set ranks them all. It
    states the budget of each recipe; the audit finds unequal ones.

    Finished runs are kept in the store: the same command resumes where it stopped, and one with more networks or seeds
    trains only what is missing.

    With --until-settled two of the networks get more seeds, a batch at a time, until one is shown to be better or the
    test images cannot tell them apart. The intervals are valid under continuous monitoring: at most 5 % false
    positives, and the limit may be raised later. Without STUDY and --nets only these two are trained; with more, the
    level is corrected for all pairs, since the two may have been chosen as the best.

    The exit code is 1 if any run has no result, whether it failed now or before.

    \b
    [bold]Examples[/]
    bakeoff run --nets lenet-afif --data mnist --recipe afif2018
    bakeoff run --nets conv,resnet20 --data folder:my-photos --size 64 --epochs 10
    bakeoff run --nets conv,resnet20 --data mnist --recipe quick,clark2020 --epochs 10
    bakeoff run --set optimizer=sgd --set optimizer.lr=0.1 --dry-run
    bakeoff run --data mnist --until-settled conv,lenet-afif --max-seeds 12
    """
    from bakeoff.analysis.race import choose_race
    from bakeoff.cli.results import print_results
    from bakeoff.cli.settle import print_settled
    from bakeoff.execution.session import choose_study
    from bakeoff.store.store import Store

    chosen = choose_study(study, wanted)
    race = choose_race(chosen, wanted)
    if done := carry_out(chosen, how, as_json, race):
        plan = done.plan
        with Store(how.store) as opened:
            results, unreadable = opened.read([run.id for run in plan.runs])
        if race:
            print_settled(race, plan, how.store, results, as_json, unreadable)
        elif plan.study.dials and not as_json:
            from bakeoff.cli.dial import print_study

            print_study(plan.study, how.store)
        else:
            with Store(how.store) as opened:
                print_results(results, "json" if as_json else "table", opened, unreadable=unreadable)
        store = escape(store_argument(how.store))
        Console(stderr=True).print(f"[dim]See it on one page:[/] bakeoff report{store}")
        end(done)
