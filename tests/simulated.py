"""Tables of networks, seeds and test images, and contests of networks, drawn with known chances."""

import numpy as np

from bakeoff.analysis.pick.contest import Candidate, StepResult, TrainingStep


def table(
    random: np.random.Generator, spreads: np.ndarray, seeds: int, images: int = 1000, leads: np.ndarray | float = 0.0
) -> np.ndarray:
    """(K, S, N) bool: networks right on nine of ten images, some of them hard for all, some for one network alone.

    `spreads` are the K deviations between seeds, `leads` what is added to the accuracy of each.
    """
    difficulty = random.beta(0.6, 5, images)
    taste = random.normal(0, 0.05, (len(spreads), images))
    taste -= taste.mean(axis=1, keepdims=True)
    moved = np.asarray(leads) + random.normal(size=(seeds, len(spreads))) * spreads
    chances = 1 - difficulty + taste[None] + moved[:, :, None]
    return (random.random(chances.shape) < chances).swapaxes(0, 1)


def simulated_contest(random: np.random.Generator, count: int = 10):
    """Candidates with curves as those of real networks, their true errors, and what trainings of them show."""
    full = np.sort(random.uniform(0.02, 0.3, count))
    gains, bends = np.exp(random.normal(np.log(0.2), 0.5, count)), random.uniform(0.3, 1.5, count)
    candidates = tuple(
        Candidate(f"c{number}", 16, float(np.exp(random.uniform(0, 3))), cooldown=0.25) for number in range(count)
    )

    def result_of(step: TrainingStep) -> StepResult:
        own = np.random.default_rng([step.candidate, step.epochs, step.seed])
        number, fraction = step.candidate, step.epochs / 16
        true = full[number] * (1 + gains[number] * (fraction ** -bends[number] - 1) / (2 ** bends[number] - 1))
        error = np.clip(true * own.normal(1, 0.05), 0, 1)
        return StepResult(step, own.binomial(1000, error) / 1000, 1000)

    return candidates, full, result_of
