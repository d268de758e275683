"""Adds seeds to two networks until it is settled which is better, or clear that it cannot be. No torch."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np

from bakeoff.analysis.cells import group_cells, group_into_tables
from bakeoff.data import Progress
from bakeoff.errors import BakeoffError
from bakeoff.execution.names import known_networks
from bakeoff.execution.options import StudyOptions
from bakeoff.execution.plan import Plan
from bakeoff.execution.plan import plan as make_plan
from bakeoff.lookup import unknown
from bakeoff.spec.data import data_label
from bakeoff.spec.run import Run
from bakeoff.stats.paired import paired_difference
from bakeoff.stats.sequential import Decision, Verdict, decide
from bakeoff.store.store import Store
from bakeoff.studies.study import Study
from bakeoff.text.formats import bracket, counted, point_digits, points

MAX_SEEDS = 20
LIMIT = 10_000
"""That of the seeds of a study."""

Pairs: TypeAlias = dict[tuple[str, str], dict[int, tuple[Run, Run]]]
"""(content hash, recipe) → seed → the runs of the two networks."""


@dataclass(frozen=True)
class Race:
    """Two networks of a study, and how many seeds they may get until it is settled which is better."""

    first: str
    second: str
    study: Study
    """With the seeds that all networks get."""
    max_seeds: int


@dataclass(frozen=True)
class RaceResult:
    """Where the comparison stands on one data set. The field names are the keys of the JSON: they stay."""

    data: str
    recipe: str
    first: str
    second: str
    verdict: Verdict
    difference: float | None
    """Accuracy of the first minus that of the second, a fraction of 1; None while no seed of both has finished."""
    low: float | None
    """Ends of the 95 % interval, valid under continuous monitoring; None if the seeds are too few for one."""
    high: float | None
    seeds: int
    """Those that both have finished."""
    sentence: str
    """The state in a sentence."""


@dataclass(frozen=True)
class Round:
    """What to train next, and why."""

    plan: Plan
    results: tuple[RaceResult, ...]
    """Where the comparison stands before; empty in the first round."""


def choose_race(study: Study, options: StudyOptions) -> Race | None:
    """Return the race that was asked for with a study, None if there is none.

    Raises:
        BakeoffError: as `make_race`.
    """
    if options.until_settled is None:
        return None
    return make_race(study, known_networks(options.until_settled) or (), options.max_seeds)


def make_race(study: Study, nets: Sequence[str], max_seeds: int | None = None) -> Race:
    """Return the race of two networks of a study.

    Raises:
        BakeoffError: these are not two networks of the study, or it has more seeds than there may be.
    """
    if len(nets) != 2 or nets[0] == nets[1]:
        raise BakeoffError(f"--until-settled takes two networks, such as conv,drop: got {','.join(nets)!r}")
    for net in nets:
        if net not in study.nets:
            raise BakeoffError(unknown(f"network of the study {study.name!r}", net, study.nets))
    most = MAX_SEEDS if max_seeds is None else max_seeds
    if most > LIMIT:
        raise BakeoffError(f"--max-seeds must be at most {LIMIT}, not {most}")
    if most < study.seeds:
        raise BakeoffError(f"--max-seeds {most} is below --seeds {study.seeds}")
    return Race(nets[0], nets[1], study, most)


def plan_race(race: Race, progress: Progress | None = None, *, fetch: bool = True) -> Plan:
    """Return the plan of all possible runs: the study, and the maximum number of seeds for the two networks.

    Without `fetch`, the plan can be shown, but not executed.

    Raises:
        BakeoffError: something is wrong with the study, or the two networks share no data set and recipe.
    """
    plan = make_plan(msgspec.structs.replace(race.study, seeds=race.max_seeds), progress, fetch=fetch)
    extra = {run.id for seeds in _pairs(race, plan).values() for pair in seeds.values() for run in pair}
    ids = extra | {run.id for run in plan.runs if run.seed in _own_seeds(race)}
    return replace(_part(plan, ids), study=race.study)


def rounds(
    race: Race, plan: Plan, path: Path, workers: int, *, retry_failed: bool = False, restart: bool = False
) -> Iterator[Round]:
    """Yield what to train, round by round, until the comparison is settled on every data set or seeds run out.

    The first round is the study itself. Each later one has the next seeds of the two networks on the data sets that are
    still open, enough to keep the workers busy. All of their seeds in the store count.

    Args:
        race: the two networks.
        plan: its plan.
        path: of the store.
        workers: how many runs train at once.
        retry_failed: train seeds again that failed before.
        restart: ignore what the store has.
    """
    pairs = _pairs(race, plan)
    tried = set(_own_seeds(race))
    yield Round(_part(plan, {run.id for run in plan.runs if run.seed in tried}), ())
    while True:
        standings = _results_by_table(race, pairs, path, tried if restart else None)
        is_open = [place for place, standing in standings.items() if standing.verdict == "open"]
        states = {} if restart else _states(plan, path)
        trainable = {"waiting", "running", "failed"} if retry_failed else {"waiting", "running"}
        ahead = {
            seed
            for place in is_open
            for seed, pair in pairs[place].items()
            if seed not in tried and _completes_pair([states.get(run.id, "waiting") for run in pair], trainable)
        }
        if not ahead:
            return
        batch = sorted(ahead)[: math.ceil(workers / (2 * len(is_open)))]
        tried.update(batch)
        wanted = {run.id for place in is_open for seed in batch for run in pairs[place].get(seed, ())}
        yield Round(_part(plan, wanted), tuple(standings.values()))


def race_results(race: Race, plan: Plan, path: Path) -> list[RaceResult]:
    """Return where the comparison stands on each data set, by all seeds of the plan that the store has."""
    return list(_results_by_table(race, _pairs(race, plan), path).values())


def _own_seeds(race: Race) -> range:
    """Return the seeds of the study, which all its networks get."""
    return range(race.study.first_seed, race.study.first_seed + race.study.seeds)


def _pairs(race: Race, plan: Plan) -> Pairs:
    found: dict[tuple[str, str], dict[int, dict[str, Run]]] = {}
    for run in plan.runs:
        if run.net in (race.first, race.second):
            found.setdefault((run.data_hash, run.recipe.name), {}).setdefault(run.seed, {})[run.net] = run
    pairs = {
        place: {seed: (both[race.first], both[race.second]) for seed, both in seeds.items() if len(both) == 2}
        for place, seeds in found.items()
    }
    pairs = {place: seeds for place, seeds in pairs.items() if seeds}
    if not pairs:
        raise BakeoffError(
            f"{race.first} and {race.second} share no data set and recipe, so there is nothing to settle"
        )
    return pairs


def _completes_pair(states: Sequence[str], trainable: Collection[str]) -> bool:
    """Return whether training the missing runs of a pair would complete it."""
    return any(state in trainable for state in states) and all(
        state in trainable or state == "done" for state in states
    )


def _part(plan: Plan, ids: Collection[str]) -> Plan:
    return replace(plan, runs=tuple(run for run in plan.runs if run.id in ids))


def _states(plan: Plan, path: Path) -> Mapping[str, str]:
    with Store(path) as store:
        return store.states([run.id for run in plan.runs])


def _results_by_table(
    race: Race, pairs: Pairs, path: Path, seeds: Collection[int] | None = None
) -> dict[tuple[str, str], RaceResult]:
    """Return where the comparison stands in each table, over the given seeds or all."""
    found: dict[tuple[str, str], RaceResult] = {}
    has_recipes = len({recipe for _, recipe in pairs}) > 1
    with Store(path) as store:
        records = store.datasets()
        finished = store.finished()
        done = {run.id for run in finished}
        rows = _rows_by_run(store)
        for place, runs in pairs.items():
            whole = [
                pair
                for seed, pair in runs.items()
                if (seeds is None or seed in seeds) and {run.id for run in pair} <= done
            ]
            standing: Decision | None = None
            if whole:
                labels = records[place[0]].test_labels
                right = [np.stack([store.predictions(pair[i].id)[0] == labels for pair in whole]) for i in (0, 1)]
                # The two may have been chosen after looking at the table, so the correction is for all its pairs.
                among = math.comb(rows[whole[0][0].id], 2)
                standing = decide(paired_difference(*right), among) if len(labels) > 1 else None
            data, recipe = data_label(next(iter(runs.values()))[0].data), place[1]
            text = describe_race(race, standing)
            found[place] = RaceResult(
                data=data,
                recipe=recipe,
                first=race.first,
                second=race.second,
                verdict=standing.verdict if standing else "open",
                difference=standing.mean if standing else None,
                low=standing.low if standing else None,
                high=standing.high if standing else None,
                seeds=len(whole),
                sentence=f"{data}, {recipe}: {text}" if has_recipes else f"{data}: {text}",
            )
    return found


def _rows_by_run(store: Store) -> dict[str, int]:
    """Return the number of rows with a result in the table of each finished run."""
    tables = group_into_tables(cell for cell in group_cells(store.results()) if cell.finished)
    return {result.id: len(table) for table in tables for cell in table for result in cell.finished}


def describe_race(race: Race, standing: Decision | None) -> str:
    """Say where a comparison stands."""
    if standing is None:
        return "open: no seed of both networks has finished"
    ahead, behind = (race.first, race.second) if standing.mean >= 0 else (race.second, race.first)
    digits = point_digits(standing.images)
    by, seeds = points(standing.mean, digits), counted(standing.seeds, "seed")
    if standing.low is None or standing.high is None:
        return f"open after {seeds}, too few for an interval: {ahead} is ahead by {by}"
    low, high = sorted((standing.low, standing.high) if standing.mean >= 0 else (-standing.low, -standing.high))
    by += bracket(low, high, digits)
    if standing.verdict == "open":
        return f"open after {seeds}: {ahead} is ahead by {by}"
    if standing.verdict == "alike":
        return (
            f"too alike to tell after {seeds}: {ahead} is ahead by {by}, and {standing.images:,} test images cannot "
            f"show less than {points(standing.smallest, digits)}, with any number of seeds"
        )
    return f"settled after {seeds}: {ahead} is better than {behind} by {by}"
