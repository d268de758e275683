"""What the commands that train have in common: they plan and train, or print the plan."""

from typing import TYPE_CHECKING

from click.exceptions import Exit

from bakeoff.cli.endings import UNFINISHED

if TYPE_CHECKING:
    from bakeoff.analysis.race import Race
    from bakeoff.console.running import Done
    from bakeoff.execution.options import RunOptions
    from bakeoff.studies.study import Study


def carry_out(study: "Study", how: "RunOptions", as_json: bool, race: "Race | None" = None) -> "Done | None":
    """Train what the store lacks of a study, or of a race in it; None if only the plan was to be printed."""
    from bakeoff.console.running import prepare_study, train_prepared

    prepared = prepare_study(study, how, race)
    if how.dry_run:
        from bakeoff.cli.dry_run import print_estimate
        from bakeoff.console.estimate import estimate_study

        print_estimate(estimate_study(prepared, how), as_json)
        return None
    return train_prepared(prepared, how)


def end(done: "Done") -> None:
    """End the command after printing its results, with an exit code that says whether all runs have one."""
    if done.missing:
        raise Exit(UNFINISHED)
