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


def simulated_contest(random: np.random.Generator, count: int = 10, images: int = 400):
    """Candidates with curves as those of real networks, their true errors, and what trainings of them show.

    Trainings of one seed share their validation images, and longer ones most of the luck of shorter ones: variances of
    the luck with images are shared as the correlations of errors of real networks suggest (0.4 between candidates, and
    0.7 of the rest between lengths); of the luck with the seed, 5 % of the error, half is the same for all lengths.
    """
    full = np.sort(random.uniform(0.02, 0.3, count))
    gains, bends = np.exp(random.normal(np.log(0.2), 0.5, count)), random.uniform(0.3, 1.5, count)
    candidates = tuple(
        Candidate(f"c{number}", 16, float(np.exp(random.uniform(0, 3))), cooldown=0.25) for number in range(count)
    )
    own = int(random.integers(2**31))

    def normal(*which: int) -> float:
        return float(np.random.default_rng([own, *which]).normal())

    def result_of(step: TrainingStep) -> StepResult:
        number, epochs, seed = step.candidate, step.epochs, step.seed
        curve = 1 + gains[number] * ((epochs / 16) ** -bends[number] - 1) / (2 ** bends[number] - 1)
        luck = 0.05 * (normal(0, number, seed) + normal(1, number, seed, epochs)) / 2**0.5
        true = min(0.9, full[number] * curve * (1 + luck))
        alone = 0.7**0.5 * normal(2, number, seed) + 0.3**0.5 * normal(3, number, seed, epochs)
        seen = true + (true * (1 - true) / images) ** 0.5 * (0.4**0.5 * normal(4, seed) + 0.6**0.5 * alone)
        return StepResult(step, float(np.clip(round(seen * images) / images, 0, 1)), images)

    return candidates, full, result_of
