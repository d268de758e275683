"""The Python interface: the same things as the command line, with results to work on."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.analysis.labels import recipe_labels, trained
from bakeoff.analysis.race import Race, Settled, make_race, plan_race, standings
from bakeoff.analysis.ranking import RankBy, Row, rank
from bakeoff.console.wording import worded
from bakeoff.errors import BakeoffError
from bakeoff.execution import session
from bakeoff.execution.plan import Plan
from bakeoff.spec.records import Failure, Result, Unreadable
from bakeoff.store.store import Store
from bakeoff.studies.study import Study
from bakeoff.text.formats import counted

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.analysis.audit import Finding


NAMES = ["id", "net", "data", "recipe", "seed"]
"""What tells runs apart, in the tables of runs."""


@dataclass(frozen=True, repr=False)
class Results:
    """The runs of a study or store, ranked."""

    store: Path
    results: tuple[Result, ...]
    settled: tuple[Settled, ...] = ()
    """How the comparison of two networks ended, by data set; empty unless `until_settled` was asked for."""
    rank_by: RankBy = "test"
    """The accuracy that decides which network is best: of the test images, or of the validation images."""
    unreadable: tuple[Unreadable, ...] = ()
    """Runs of the store that are damaged, or were written by a newer version."""

    @property
    def rows(self) -> list[Row]:
        """The ranking: one row per data set, recipe and network."""
        return rank(self.results, self.rank_by, self.unreadable)

    @cached_property
    def findings(self) -> "tuple[Finding, ...]":
        """What the audit finds in these runs, the most serious first; nothing if their store is gone."""
        from bakeoff.analysis.audit import audit

        try:
            with Store(self.store) as opened:
                return tuple(audit(opened, [*(run.id for run in self.results), *(run.id for run in self.unreadable)]))
        except BakeoffError:
            return ()

    def table(self) -> str:
        """Return the ranking as Markdown; accuracies that the audit has doubts about are marked, and it says why."""
        from bakeoff.reporting.tables import to_markdown

        return to_markdown(self.rows, self.findings)

    def to_frame(self) -> "pd.DataFrame":
        """Return the ranking as a data frame, one row per data set, recipe and network.

        The column `findings` has the kinds of what the audit found, as the JSON of the command line.
        """
        import pandas as pd

        from bakeoff.reporting.severity import audited

        return pd.DataFrame([asdict(row) for row in audited(self.rows, self.findings)])

    def runs_frame(self) -> "pd.DataFrame":
        """Return one row per run: its state, all its measures and, of runs that failed, why and where."""
        import pandas as pd

        return pd.DataFrame([*self._flat(), *map(_flat_unreadable, self.unreadable)])

    def _flat(self) -> list[dict[str, Any]]:
        labels = recipe_labels(result.run for result in self.results)
        return [_flat(result, labels[trained(result.run)]) for result in self.results]

    def time_to(self, accuracy: float) -> "pd.DataFrame":
        """Return the training seconds of each run until its validation accuracy reached a fraction of 1.

        One row per run; the seconds are missing where it never did. They are exact to one epoch.
        """
        import pandas as pd

        from bakeoff.measure.target import seconds_to_accuracy

        seconds = [seconds_to_accuracy(result.epochs, accuracy) for result in self.results]
        runs = pd.DataFrame(self._flat())
        return runs[NAMES].assign(seconds=pd.array(seconds, dtype="Float64"))

    def _repr_html_(self) -> str:
        from bakeoff.reporting.notebook import to_html

        return to_html(self.store, self.results, self.findings, self.rank_by)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        finished = sum(result.state == "done" for result in self.results)
        return f"<Results of {self.store}: {finished} of {counted(len(self.results), 'run')} finished>"


def _flat_unreadable(run: Unreadable) -> dict[str, Any]:
    told = {name: getattr(run, name) for name in (*NAMES, "state")}
    return told | {"failure": run.reason}


def _flat(result: Result, recipe: str) -> dict[str, Any]:
    run = result.run
    return {
        "id": result.id,
        "net": run.net,
        "data": run.data,
        "recipe": recipe,
        "seed": run.seed,
        "state": result.state,
        "selection": result.selection,
        **_why(result.failure),
    } | result.measures


def _why(failure: Failure | None) -> dict[str, Any]:
    """Return why a run failed, in columns that only tables with failed runs have."""
    if failure is None:
        return {}
    place = {"failed_file": failure.file or None, "failed_line": failure.line}
    return {"failure": failure.message, "failure_kind": failure.kind} | place


@worded
def run(
    study: str | Path | Study | None = None,
    *,
    nets: Sequence[str] | None = None,
    data: Sequence[str] | None = None,
    data_as: Mapping[str, str] | None = None,
    recipe: str | None = None,
    seeds: int | None = None,
    first_seed: int | None = None,
    until_settled: tuple[str, str] | None = None,
    max_seeds: int | None = None,
    changes: Mapping[str, Any] | None = None,
    store: str | Path = "bakeoff.db",
    workers: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    run_timeout: str | float | None = None,
    retry_failed: bool = False,
    restart: bool = False,
    fail_fast: bool = False,
    robustness: bool = False,
    quiet: bool = False,
) -> Results:
    """Train what the store does not have yet, and return the results.

    `run(nets=["lenet-afif", "resnet20"], data=["mnist"], seeds=3)` is `bakeoff run --nets lenet-afif,resnet20
    --data mnist --seeds 3`; `changes={"optimizer.lr": 0.01}` is `--set optimizer.lr=0.01`. `until_settled` gives two
    networks more seeds, up to `max_seeds` (20), until it is settled which is better; `.settled` says how that ended.
    `robustness` also evaluates the finished runs on corrupted test images. A run that takes longer than `run_timeout`
    ("2h", or seconds) is stopped and counts as failed.

    Raises:
        BakeoffError: what was asked for cannot be done; the message says why.
    """
    wanted = session.choose_study(
        study if study is None or isinstance(study, Study) else str(study),
        nets=until_settled if study is None and nets is None else nets,
        data=data,
        data_as=data_as,
        recipe=recipe,
        seeds=seeds,
        first_seed=first_seed,
        changes=changes,
    )
    if until_settled is None and max_seeds is not None:
        raise BakeoffError("max_seeds goes with until_settled=(A, B); without it, seeds says how many")
    race = None if until_settled is None else make_race(wanted, session.known_networks(until_settled) or (), max_seeds)
    plan = _carry_out(
        wanted,
        race,
        Path(store),
        (device, precision, workers, threads, False, run_timeout),
        quiet,
        robustness,
        command="bakeoff.run(...)",
        retry_failed=retry_failed,
        restart=restart,
        fail_fast=fail_fast,
    )
    with Store(store) as opened:
        results, unreadable = opened.read([run.id for run in plan.runs])
    settled = tuple(standings(race, plan, Path(store))) if race else ()
    return Results(Path(store), tuple(results), settled, unreadable=tuple(unreadable))


def _carry_out(
    study: Study,
    race: Race | None,
    store: Path,
    where: tuple[str, str, int | None, int | None, bool, str | float | None],
    quiet: bool,
    robustness: bool = False,
    **how: Any,
) -> Plan:
    """Train what the store lacks of a study, or of a race in it, and return the plan; `how` goes to the session."""
    from bakeoff.cli.running import tell_folders
    from bakeoff.cli.settle import follow_race
    from bakeoff.console.live import follow, follow_robustness
    from bakeoff.console.terminal import Console
    from bakeoff.machine.processes import warm_up

    warm_up()
    plan = plan_race(race) if race else session.make_plan(study)
    placement = session.choose_placement(plan, *where)
    console = Console(file=sys.stderr, quiet=quiet)
    tell_folders(plan, console)
    if race:
        follow_race(race, plan, store, placement, console, **how)
    else:
        # An interrupted notebook keeps references to the events: end the workers all the same.
        with closing(session.start(plan, store, placement, **how)) as events:
            follow(events, plan.runs, placement.workers, console)
    if robustness:
        with closing(session.robustness(plan, store, placement)) as measured:
            follow_robustness(measured, console)
    return plan


@worded
def ablate(
    net: str,
    base: str,
    data: Sequence[str],
    *,
    data_as: Mapping[str, str] | None = None,
    recipe: str | None = None,
    base_recipe: str | None = None,
    changes: Mapping[str, Any] | None = None,
    seeds: int = 3,
    first_seed: int = 0,
    store: str | Path = "bakeoff.db",
    workers: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    run_timeout: str | float | None = None,
    retry_failed: bool = False,
    restart: bool = False,
    fail_fast: bool = False,
    quiet: bool = False,
) -> "pd.DataFrame":
    """Return which of the changes between two networks and their recipes gained it, one row per change and way.

    `ablate("vgg16-improved", "vgg16-tv", ["cifar10"])` is `bakeoff ablate vgg16-improved --from vgg16-tv --data
    cifar10`: the changes are turned on one at a time, then all but one, and what the store lacks of that is trained.
    Gains are fractions of 1 with their 95 % t intervals over the differences of runs with the same seed.

    Raises:
        BakeoffError: what was asked for cannot be done; the message says why.
    """
    import pandas as pd

    from bakeoff.analysis.ablation import plan_ablation
    from bakeoff.analysis.gains import Gain, gains

    ablation = plan_ablation(
        session.known_network(net),
        session.known_network(base),
        session.known_data_sets(data) or (),
        data_as=data_as,
        recipe=recipe,
        base_recipe=base_recipe,
        changes=changes,
        seeds=seeds,
        first_seed=first_seed,
    )
    plan = _carry_out(
        ablation.study,
        None,
        Path(store),
        (device, precision, workers, threads, False, run_timeout),
        quiet,
        command="bakeoff.ablate(...)",
        retry_failed=retry_failed,
        restart=restart,
        fail_fast=fail_fast,
    )
    with Store(store) as opened:
        found = gains(ablation, opened.results([run.id for run in plan.runs]))
    return pd.DataFrame([asdict(gain) for gain in found], columns=[field.name for field in fields(Gain)])


@worded
def load(store: str | Path = "bakeoff.db", *, rank_by: RankBy = "test") -> Results:
    """Return all results of a store, ranked by mean test accuracy or, on request, validation accuracy.

    Raises:
        BakeoffError: there is no such store.
    """
    with Store(store) as opened:
        results, unreadable = opened.read()
    return Results(Path(store), tuple(results), rank_by=rank_by, unreadable=tuple(unreadable))


def forget(
    store: str | Path = "bakeoff.db",
    *,
    nets: Sequence[str] | str = (),
    data: Sequence[str] | str = (),
    recipe: Sequence[str] | str = (),
    state: Sequence[str] | str = (),
    dry_run: bool = False,
) -> "pd.DataFrame":
    """Remove runs from a store, with their checkpoints and weights, and return them, one row per run.

    `forget(state="damaged")` is `bakeoff forget --state damaged --yes`; what is given must all be true of a run. With
    `dry_run` nothing is removed. Runs that another command is at stay, and are not among the rows.

    Raises:
        BakeoffError: there is no such store, it has nothing that is called so, or nothing is given.
    """
    import pandas as pd

    from bakeoff.execution import forget

    asked = {"nets": nets, "data": data, "recipes": recipe, "states": state}
    wanted = {name: (given,) if isinstance(given, str) else tuple(given) for name, given in asked.items()}
    with Store(store) as opened:
        runs = forget.choose(opened, **wanted)
        gone = runs if dry_run else forget.forget(opened, runs)[0]
    columns = [field.name for field in fields(forget.Kept)]
    return pd.DataFrame([asdict(run) for run in gone], columns=columns)


@worded
def compare(store: str | Path = "bakeoff.db", study: str | Path | Study | None = None) -> "pd.DataFrame":
    """Return what a study published beside what a store's runs measured, one row per number.

    Without `study` it is the one with published numbers that the store was last filled for.

    Raises:
        BakeoffError: there is no such store or study, or the study has no published numbers.
    """
    import pandas as pd

    from bakeoff.analysis.published import Comparison, compare, compared_study

    with Store(store) as opened:
        chosen = study if isinstance(study, Study) else compared_study(None if study is None else str(study), opened)
        lines = compare(chosen, opened)
    return pd.DataFrame([asdict(line) for line in lines], columns=[field.name for field in fields(Comparison)])


@worded
def report(
    store: str | Path = "bakeoff.db",
    output: str | Path = "report.html",
    *,
    title: str | None = None,
    pictures: bool = True,
    rank_by: RankBy = "test",
) -> Path:
    """Write the page about a store's results and return its path; `pictures` of the test images if they are here.

    Raises:
        BakeoffError: there is no such store, or the page cannot be written.
    """
    from bakeoff.reporting import write

    return write(Path(store), Path(output), title=title, pictures=pictures, rank_by=rank_by)
