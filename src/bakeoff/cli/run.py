"""`bakeoff run`."""

from typing import Any

import rich_click as click

from bakeoff.cli.complete import single, studies
from bakeoff.cli.options import json_option
from bakeoff.cli.running import CHANGES, GROUPS, HOW, SETTLE, WHAT, carry_out, options, wanted_race, wanted_study
from bakeoff.console.terminal import Console, escape, quote

click.rich_click.OPTION_GROUPS["bakeoff run"] = GROUPS


@click.command()
@click.argument("study", required=False, metavar="[STUDY]", shell_complete=single(studies))
@options(*WHAT, *SETTLE, *CHANGES, *HOW)
@json_option
def run(study: str | None, as_json: bool, **asked: Any) -> None:
    """Train networks on data sets and rank them.

    STUDY is a .toml file or a built-in study (see [bold]bakeoff studies[/]); options override it. Without STUDY and
    options this is a demonstration: four networks on handwritten digits, three seeds.

    Finished runs are kept in the store: the same command resumes where it stopped, and a larger one (more networks,
    more seeds) only trains what is missing.

    With --until-settled two of the networks get more seeds, a batch at a time, until one is shown to be better or the
    test images cannot tell them apart. The intervals are valid under continuous monitoring: at most 5 % false
    positives, and the limit may be raised later. Without STUDY and --nets only these two are trained; with more, the
    level is corrected for all pairs, since the two may have been chosen as the best.

    The exit code is 1 where runs have no result, whether they failed now or before.

    \b
    [bold]Examples[/]
    bakeoff run --nets lenet-afif --data mnist --recipe afif2018
    bakeoff run --nets conv,resnet20 --data folder:my-photos --size 64 --epochs 10
    bakeoff run --set optimizer=sgd --set optimizer.lr=0.1 --dry-run
    bakeoff run --data mnist --until-settled conv,lenet-afif --max-seeds 12
    """

    from bakeoff.cli.results import print_results
    from bakeoff.cli.settle import print_settled
    from bakeoff.store.store import Store

    if study is None and asked["nets"] is None:
        asked["nets"] = asked["until_settled"]
    wanted = wanted_study(study, asked)
    race = wanted_race(wanted, asked)
    if done := carry_out(wanted, asked, as_json, race):
        plan = done.plan
        with Store(asked["store"]) as opened:
            results, unreadable = opened.read([run.id for run in plan.runs])
        if race:
            print_settled(race, plan, asked["store"], results, as_json, unreadable)
        elif plan.study.dials and not as_json:
            from bakeoff.cli.dial import print_study

            print_study(plan.study, asked["store"])
        else:
            print_results(results, "json" if as_json else "table", asked["store"], unreadable=unreadable)
        store = escape(quote(asked["store"]))
        Console(stderr=True).print(f"[dim]See it on one page:[/] bakeoff report --store {store}")
        done.end()
