import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.stats.learning_curves import BEND, GAIN, SEED_SPREAD, TrainingPoint, probability_of_best, sample_full_error


def random_points(random: np.random.Generator, trainings: tuple[tuple[float, int], ...]):
    """An error at full length, and what trainings of these lengths and seeds of such a network show."""
    error, images = random.uniform(0.01, 0.2), int(random.integers(200, 5000))
    gain, bend = np.exp(random.normal(np.log(GAIN[0]), GAIN[1])), random.uniform(*BEND)
    of_seed = {seed: (random.normal(1, SEED_SPREAD), random.normal()) for _, seed in trainings}
    points = []
    for fraction, seed in trainings:
        level, luck = of_seed[seed]
        true = min(0.95, error * level * (1 + gain * (fraction**-bend - 1) / (2**bend - 1)))
        chance = (luck + random.normal()) / np.sqrt(2) * np.sqrt(true * (1 - true) / images)
        points.append(TrainingPoint(fraction, float(np.clip(true + chance, 0, 1)), images, seed))
    return error, points


@pytest.mark.parametrize(
    "trainings",
    [((0.125, 0),), ((0.25, 0), (0.5, 0)), ((0.25, 0), (0.5, 0), (1.0, 0)), ((1.0, 0), (1.0, 1), (1.0, 2))],
)
def test_intervals_hold_as_often_as_they_say(trainings):
    """Of true errors drawn as the model assumes, nine in ten lie within the interval of nine tenths."""
    random = np.random.default_rng(0)
    inside = []
    for _ in range(400):
        error, points = random_points(random, trainings)
        low, high = np.quantile(sample_full_error(points, random, 800), [0.05, 0.95])
        inside.append(low <= error <= high)
    assert 0.84 <= np.mean(inside) <= 0.96


def test_more_points_say_more():
    random = np.random.default_rng(0)
    points = [TrainingPoint(f, e, 1000) for f, e in ((0.125, 0.30), (0.25, 0.25), (0.5, 0.22), (1.0, 0.20))]
    spreads = [sample_full_error(points[: n + 1], random).std() for n in range(4)]
    assert spreads == sorted(spreads, reverse=True)
    assert sample_full_error(points, random).mean() == pytest.approx(0.20, abs=0.01)
    assert sample_full_error(points[:1], random).mean() < 0.30


def test_trainings_of_one_seed_share_their_luck():
    def spread(*seeds: int) -> float:
        points = [TrainingPoint(1.0 - 0.01 * n, 0.2, 500, seed) for n, seed in enumerate(seeds)]
        return float(sample_full_error(points, np.random.default_rng(0)).std())

    assert 0.75 * spread(0) < spread(0, 0, 0) < 0.95 * spread(0)
    assert spread(0, 1, 2) == pytest.approx(spread(0) / np.sqrt(3), rel=0.1)


@given(st.integers(0, 50), st.integers(50, 500), st.floats(0.05, 1.0))
def test_errors_are_fractions(wrong, images, fraction):
    drawn = sample_full_error([TrainingPoint(fraction, wrong / images, images)], np.random.default_rng(0), 50)
    assert drawn.shape == (50,) and (drawn >= 0).all() and (drawn <= 1).all()


def test_a_curve_needs_a_point():
    with pytest.raises(ValueError, match="at least one"):
        sample_full_error([], np.random.default_rng(0))


def test_the_probabilities_of_being_best_sum_to_one_and_share_ties():
    errors = np.array([[0.1, 0.2, 0.3, 0.3], [0.1, 0.1, 0.4, 0.4], [0.2, 0.3, 0.2, 0.5]])
    assert probability_of_best(errors).tolist() == pytest.approx([0.375, 0.375, 0.25])
    assert probability_of_best(errors, margin=0.1).tolist() == pytest.approx([1.0, 0.75, 0.5])


def test_a_training_that_hardly_beats_guessing_says_little_of_what_follows():
    def chance_of_less(error: float, fraction: float, below: float) -> float:
        drawn = sample_full_error([TrainingPoint(fraction, error, 500)], np.random.default_rng(0), guessing=0.9)
        return float((drawn < below).mean())

    assert chance_of_less(0.88, 1 / 8, 0.3) > 0.15
    assert chance_of_less(0.88, 1 / 8, 0.3) > 1.3 * chance_of_less(0.88, 1 / 4, 0.3)
    assert chance_of_less(0.88, 1.0, 0.3) == 0.0
    assert chance_of_less(0.3, 1 / 8, 0.05) < 0.15  # on MNIST, one of five networks did
