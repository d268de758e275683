"""The answer of a contest: which network, how likely it is the best, and what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bakeoff.analysis.pick.advice import give_advice
from bakeoff.analysis.pick.contest import Beliefs, ContestState, estimate_beliefs
from bakeoff.analysis.pick.driver import Contest
from bakeoff.analysis.pick.standing import PickedNetwork
from bakeoff.analysis.pick.tuned import TunedWinner, measure_test_interval
from bakeoff.spec.paths import files_folder, weights_path
from bakeoff.stats.learning_curves import sample_full_error

EQUIVALENT = 0.8
"""A candidate counts as equivalent if it is the best, or within the margin of it, with at least this probability."""


@dataclass(frozen=True)
class Pick:
    """The answer of a contest."""

    data: str
    store: Path
    budget: float
    seconds: float
    """Seconds that it took."""
    margin: float
    standings: tuple[PickedNetwork, ...]
    """The winner first, if anything was trained."""
    left_out: Mapping[str, str]
    """Candidate → why it was never considered."""
    order: str
    """Which results decided the order in which candidates were tried."""
    cheapest: PickedNetwork | None
    """The equivalent candidate with the fewest parameters, if it is not the winner."""
    advice: tuple[str, ...]
    tuned: TunedWinner | None = None
    """What tuning the winner gave, if it was tuned."""

    @property
    def winner(self) -> PickedNetwork | None:
        """The network that is most probably the best; None if nothing was trained."""
        return self.standings[0] if self.standings and self.standings[0].epochs else None

    @property
    def evaluated(self) -> tuple[str, ...]:
        """Ids of the winner's trainings after its evaluation on the test images, with the tuned recipe if it is better.

        The one with the best validation accuracy is first; there are none before the evaluation.
        """
        if self.tuned is not None and self.tuned.test_accuracy is not None:
            return self.tuned.runs
        return self.winner.runs if self.winner and self.winner.test_accuracy is not None else ()

    @property
    def weights(self) -> Path | None:
        """The file with the winner's weights: the evaluated training with the best validation accuracy."""
        paths = (weights_path(files_folder(self.store), run) for run in self.evaluated)
        return next((path for path in paths if path.exists()), None)


def answer_contest(contest: Contest, tuned: TunedWinner | None = None) -> Pick:
    """Return the current answer of a contest."""
    beliefs, state, leader = estimate_beliefs(contest.state), contest.state, contest.leader()
    order = sorted(
        range(len(state.candidates)),
        key=lambda number: (number != leader, -beliefs.best[number], -beliefs.equivalent[number], number),
    )
    standings = tuple(_standing(contest, beliefs, number) for number in order)
    equivalent = [one for one in standings if one.epochs and one.equivalent >= EQUIVALENT]
    cheapest = min(equivalent, key=lambda one: one.parameters, default=None)
    return Pick(
        data=contest.lineup.data,
        store=contest.store.path,
        budget=contest.whole_budget,
        seconds=contest.clock() - contest.started,
        margin=contest.margin,
        standings=standings,
        left_out=contest.lineup.left_out,
        order=contest.lineup.order,
        cheapest=None if cheapest is standings[0] else cheapest,
        advice=tuple(give_advice(contest, standings)),
        tuned=tuned,
    )


def _standing(contest: Contest, beliefs: Beliefs, number: int) -> PickedNetwork:
    state, entry = contest.state, contest.lineup.entries[number]
    longest = state.longest(number)
    errors = [one.error for one in state.trained if one.step.candidate == number and one.step.epochs == longest]
    why = state.dropped.get(number, "")
    results = {result.id: result for result in contest.store.results([run.id for run in contest.longest_runs(number)])}
    ranked = sorted(results.values(), key=lambda result: -(result.epochs[-1].validation_accuracy or 0.0))
    tested = measure_test_interval(ranked)
    low, mid, high = (
        (float(1 - value) for value in np.quantile(_possible_errors(state, number), [0.975, 0.5, 0.025]))
        if longest
        else (None, None, None)
    )
    return PickedNetwork(
        name=entry.candidate.name,
        net=entry.run.net,
        recipe=entry.run.recipe.name,
        state="failed" if why.startswith("failed") else "left" if why else "tried" if longest else "untried",
        why=why.removeprefix("failed: "),
        epochs=longest,
        full_epochs=entry.candidate.full_epochs,
        seeds=len(errors),
        validation_accuracy=1 - float(np.mean(errors)) if errors else None,
        expected=mid,
        expected_low=low,
        expected_high=high,
        best=float(beliefs.best[number]),
        equivalent=float(beliefs.equivalent[number]),
        test_accuracy=tested.mean if tested else None,
        test_low=tested.low if tested else None,
        test_high=tested.high if tested else None,
        test_method=tested.method if tested else "",
        parameters=entry.parameters,
        seconds=contest.spent.get(number, 0.0),
        runs=tuple(result.id for result in ranked),
    )


def _possible_errors(state: ContestState, number: int) -> np.ndarray:
    """Draw errors of a tried candidate at full length by itself, with all of what the validation images leave open."""
    return sample_full_error(state.points(number), np.random.default_rng(0), guessing=state.guessing)
