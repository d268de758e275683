"""What to do after a contest: more time, and what it would settle, or more images, and of which classes."""

import math

import numpy as np

from bakeoff.analysis.pick.contest import MAX_SEEDS, TrainingStep, next_step
from bakeoff.analysis.pick.driver import Contest
from bakeoff.analysis.pick.standing import PickedNetwork
from bakeoff.measure.quality import class_accuracy, confusion
from bakeoff.text.formats import listing, percent

SURE = 0.9
"""If the winner's probability of being the best is below this, say what would settle more."""
RIVAL = 0.1
"""Others with at least this probability of being the best or equivalent to it are named beside the winner."""
WEAKEST = 3
"""Classes that are named as those that more images would help."""


def give_advice(contest: Contest, standings: tuple[PickedNetwork, ...]) -> list[str]:
    """Return what to do next, in sentences."""
    winner = standings[0] if standings and standings[0].epochs else None
    if winner is None:
        return [_first_result(contest)]
    if contest.on_target():
        reached = f"{winner.name} has reached the target of {percent(contest.target, 1)} on the validation images"
        return [f"{reached}: without --target the same command continues.", *_weak_classes(contest, winner)]
    advice = []
    how = _continuation(contest)
    if winner.epochs < winner.full_epochs and how:
        advice.append(
            f"{winner.name} was trained for {winner.epochs} of {winner.full_epochs} epochs: {how} to continue."
        )
    if winner.best < SURE:
        advice += _settling(contest, winner, standings)
    untried = [one.name for one in standings if one.state == "untried"]
    if untried and how:
        advice.append(f"Not tried yet: {listing(untried, 4)}; {how} to try {'them' if len(untried) > 1 else 'it'}.")
    return advice + _weak_classes(contest, winner)


def _first_result(contest: Contest) -> str:
    """Say what to do if no training has ended."""
    if contest.is_interrupted:
        return "It was stopped before a training ended: repeat the command to continue."
    if not contest.state.in_contest:
        return (
            "All candidates failed: remove the cause, and let them be tried again with `bakeoff forget --state failed`."
        )
    more = larger_budget(contest.whole_budget + max(contest.missing_seconds, contest.whole_budget))
    return f"No training ended within the budget: give --budget {more}, or smaller networks or images."


def _continuation(contest: Contest) -> str:
    """Say how the contest goes on: by the same command, or only with a larger budget; empty if it does not."""
    if next_step(contest.state, contest.seconds_when_repeated):
        return "repeat the command"
    step = next_step(contest.state, float("inf"))
    if step is None:
        return ""
    missing = contest.state.seconds(step) - contest.seconds_when_repeated
    return f"give --budget {larger_budget(contest.whole_budget + missing)}"


def _settling(contest: Contest, winner: PickedNetwork, standings: tuple[PickedNetwork, ...]) -> list[str]:
    """Say what more time would settle; if everything is trained to the end already, only more images can help."""
    rivals = [one.name for one in standings[1:] if one.equivalent >= RIVAL and one.state == "tried"]
    between = listing([winner.name, *rivals[:WEAKEST]], None)
    step = next_step(contest.state, float("inf"))
    if step is None and not rivals:
        return []
    if step is None:
        images = contest.lineup.validation_images(0)
        return [
            f"More time would not separate {between}, but more images may: {images:,} validation images are too few."
        ]
    seconds = _seconds_to_end(contest, step)
    more = larger_budget(contest.whole_budget + seconds)
    return [
        f"To decide between {between}, give --budget {more}: that trains all that are still in the contest to the end, "
        f"with {MAX_SEEDS} seeds."
        if rivals
        else f"To be more certain, give --budget {more}."
    ]


def larger_budget(seconds: float) -> str:
    """Return a budget of at least so many seconds as --budget takes it."""
    return f"{math.ceil(seconds / 60)}m"


def _seconds_to_end(contest: Contest, step: TrainingStep) -> float:
    """Estimate what it takes to train the candidates in the contest to the end with all seeds."""
    state = contest.state
    left = [
        state.seconds(TrainingStep(number, state.candidates[number].full_epochs, seed))
        for number in state.in_contest
        for seed in range(MAX_SEEDS)
        if TrainingStep(number, state.candidates[number].full_epochs, seed) not in {one.step for one in state.trained}
    ]
    return max(sum(left) / contest.placement.workers, state.seconds(step))


def _weak_classes(contest: Contest, winner: PickedNetwork) -> list[str]:
    """Name the classes with the lowest test accuracy, and how many training images they have."""
    finished = [result for result in contest.store.results(winner.runs) if result.state == "done"]
    if not finished:
        return []
    record = contest.store.datasets()[finished[0].run.data_hash]
    dataset = contest.lineup.plan.data.get(finished[0].run.data_hash)
    names = [str(name) for name in record.facts["classes"]]
    matrix = sum(
        confusion(record.test_labels, contest.store.predictions(result.id)[0], len(names)) for result in finished
    )
    accuracy = class_accuracy(np.asarray(matrix))
    lowest = np.argsort(np.nan_to_num(accuracy, nan=2.0))[:WEAKEST]
    weakest = [int(i) for i in lowest if accuracy[i] < np.nanmean(accuracy)]
    if not weakest or dataset is None:
        return []
    images = np.bincount(dataset.train.labels, minlength=len(names))
    described = [f"{names[i]} ({percent(float(accuracy[i]), 0)} right, {images[i]:,} training images)" for i in weakest]
    return [f"Look at the weakest classes first; more images of them may help: {', '.join(described)}."]
