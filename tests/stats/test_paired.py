import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.stats.mcnemar import mcnemar
from bakeoff.stats.paired import Difference, paired_difference, seeds_to_settle


def made_up(
    random: np.random.Generator, seeds: int, images: int, lead: float = 0.0, between_seeds: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Two networks on images of unequal difficulty; each seed is better or worse as a whole, and unlike the others."""
    difficulty = random.beta(0.5, 3, images)
    taste = random.normal(0, 0.05, images)  # some images suit A, others B
    quality = random.normal(0, between_seeds, (2, seeds, 1))
    chances = [1 - difficulty + taste + lead + quality[0], 1 - difficulty - taste + quality[1]]
    a, b = (random.random((seeds, images)) < np.clip(chance, 0, 1) for chance in chances)
    return a, b


def truth(lead: float) -> float:
    """What `made_up` makes of a lead, the clipping to chances from 0 to 1 included."""
    a, b = made_up(np.random.default_rng(99), 1, 4_000_000, lead)
    return float(a.mean() - b.mean())


def test_equal_networks_do_not_differ():
    right = np.random.default_rng(0).random((3, 100)) < 0.8
    difference = paired_difference(right, right)
    assert difference.mean == 0 and difference.probability == pytest.approx(0.5)
    assert difference.p_value == pytest.approx(1) and not difference.is_settled
    assert difference.low < 0 < difference.high, "the next image may tell them apart"


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_seeds_of_the_same_count_are_not_the_same(seeds):
    """301 of 359 right each time against 300: one image, and on most of them both are right or wrong together."""
    a, b = np.arange(359) < 301, np.arange(359) < 300
    difference = paired_difference(np.tile(a, (seeds, 1)), np.tile(b, (seeds, 1)))
    assert difference.mean == pytest.approx(1 / 359)
    assert difference.p_value > 0.3 and difference.low < 0 < difference.high
    shifted = np.stack([np.roll(b, 7 * seed) for seed in range(seeds)])
    noisy = paired_difference(np.tile(a, (seeds, 1)), shifted)
    assert noisy.seed_error > 0, "which images they get right differs, so another seed may have another count"


@given(st.integers(0, 40), st.integers(0, 40))
def test_one_seed_is_never_surer_than_the_exact_test(only_a, only_b):
    """The interval agrees with the test."""
    a, b = np.zeros((2, 1, 500), bool)
    a[0, :only_a], b[0, only_a : only_a + only_b] = True, True
    difference = paired_difference(a, b)
    assert difference.p_value == pytest.approx(mcnemar(a[0], b[0]).p_value)
    assert difference.is_settled == (not difference.low <= 0 <= difference.high)
    assert difference.low < difference.mean < difference.high or only_a + only_b == 500
    if difference.p_value < 0.06:
        normal = 2 * min(difference.probability, 1 - difference.probability)
        assert normal > 0.9 * difference.p_value, "the part of the test images, wherever it is used"


@settings(deadline=None, max_examples=40)
@given(seeds=st.integers(1, 5), images=st.integers(2, 60), draw=st.integers(0, 1000), same=st.booleans())
def test_no_interval_is_without_a_width(seeds, images, draw, same):
    a, b = made_up(np.random.default_rng(draw), seeds, images, 0.05, 0.05)
    difference = paired_difference(a, a if same else b)
    assert difference.high - difference.low > 1 / images or max(abs(difference.low), abs(difference.high)) == 1
    assert -1 <= difference.low <= difference.mean <= difference.high <= 1
    assert difference.is_settled == (not difference.low <= 0 <= difference.high)


def test_a_clear_difference():
    a, b = made_up(np.random.default_rng(0), 4, 1000, 0.1)
    difference = paired_difference(a, b)
    assert difference.is_settled and 0 < difference.low < difference.mean < difference.high
    assert difference.mean == pytest.approx(a.mean() - b.mean())
    assert difference.probability > 0.99 and difference.p_value < 0.02
    assert (difference.seeds, difference.images) == (4, 1000)


@settings(deadline=None, max_examples=30)
@given(seeds=st.integers(1, 4), images=st.integers(2, 50), draw=st.integers(0, 1000))
def test_the_other_way_round_is_the_same(seeds, images, draw):
    a, b = made_up(np.random.default_rng(draw), seeds, images, 0.05, 0.05)
    one, other = paired_difference(a, b), paired_difference(b, a)
    assert one.mean == pytest.approx(-other.mean)
    assert one.probability == pytest.approx(1 - other.probability)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p_value == pytest.approx(other.p_value)
    assert one.low <= one.mean <= one.high
    assert one.image_error == pytest.approx(other.image_error)


def test_one_seed_has_the_error_of_a_paired_difference_of_proportions():
    """((b + c) - (b - c)² / N)^½ / N, and half an image."""
    a, b = made_up(np.random.default_rng(1), 1, 2000, 0.02)
    difference = paired_difference(a, b)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    error = np.sqrt(only_a + only_b - (only_a - only_b) ** 2 / 2000) / 2000
    assert difference.image_error == pytest.approx(error + 0.5 / 2000, rel=1e-3)
    assert difference.high - difference.low == pytest.approx(2 * 1.96 * difference.image_error, rel=0.05)
    assert "one seed" in difference.method and difference.seed_error is None


def test_the_shapes_must_agree():
    with pytest.raises(ValueError, match="both must be"):
        paired_difference(np.ones((2, 10), bool), np.ones((3, 10), bool))
    with pytest.raises(ValueError, match="both must be"):
        paired_difference(np.ones((2, 1), bool), np.ones((2, 1), bool))


def looking(mean: float, seeds: int, seed_error: float | None, image_error: float) -> Difference:
    return Difference(mean, mean - 1, mean + 1, 0.8, 0.4, seeds, 1000, seed_error, image_error, "made up")


def test_how_many_seeds_would_settle_it():
    few = seeds_to_settle(looking(0.01, 3, 0.005, 0.001))
    many = seeds_to_settle(looking(0.01, 3, 0.010, 0.001))
    assert few.seeds and many.seeds and 3 < few.seeds < many.seeds
    assert f"{few.seeds - 3} more" in few.reason


def test_seeds_agree_with_the_textbook():
    """A mean of one standard deviation takes 10 values for a power of 80 % (two-sided t test at 5 %)."""
    assert seeds_to_settle(looking(0.01, 2, 0.01 / 2**0.5, 0.0)).seeds == 10


def test_what_more_seeds_would_not_settle():
    assert "images are too few" in seeds_to_settle(looking(0.01, 3, 0.005, 0.02)).reason
    assert "run a second" in seeds_to_settle(looking(0.01, 1, None, 0.001)).reason
    assert "even 200 seeds" in seeds_to_settle(looking(0.0001, 3, 0.02, 0.00001)).reason
    settled = paired_difference(np.ones((3, 50), bool), np.zeros((3, 50), bool))
    assert seeds_to_settle(settled).reason == "settled already"


@pytest.mark.accuracy
@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("between_seeds", [0.0, 0.005, 0.03])
@pytest.mark.parametrize("lead", [0.0, 0.03])
def test_the_interval_covers_the_truth(seeds, between_seeds, lead):
    """At least as often as stated, within the error of the simulation; it is conservative if seeds do not differ."""
    random, expected = np.random.default_rng(seeds), truth(lead)
    found = [paired_difference(*made_up(random, seeds, 400, lead, between_seeds)) for _ in range(1500)]
    covered = np.mean([one.low <= expected <= one.high for one in found])
    rejected = np.mean([one.p_value < 0.05 for one in found])
    print(f"\n{seeds} seeds, {between_seeds} between them, lead {lead}: covers {covered:.3f}, rejects {rejected:.3f}")
    assert covered > 0.935
    assert lead or rejected < 0.065


@pytest.mark.accuracy
def test_a_single_run_covers_what_those_two_networks_are_worth():
    """Only the images are random: the two networks are fixed."""
    random, covered, rejected = np.random.default_rng(0), 0, 0
    for _ in range(2000):
        only_a, only_b = random.random((2, 400)) < 0.05
        a, b = only_a[None], only_b[None]
        difference = paired_difference(a, b)
        covered += difference.low <= 0 <= difference.high
        rejected += mcnemar(only_a, only_b).p_value < 0.05
    print(f"\nsingle runs: covers {covered / 2000:.3f}, McNemar rejects {rejected / 2000:.3f}")
    assert 0.93 < covered / 2000 < 0.975
    assert rejected / 2000 < 0.055


@pytest.mark.accuracy
def test_the_power_is_what_it_says():
    """With as many seeds as were asked for, four of five experiments show the difference."""
    random = np.random.default_rng(0)
    seeds = seeds_to_settle(looking(0.01, 3, 0.01 / 3**0.5, 0.0)).seeds
    samples = random.normal(0.01, 0.01, (4000, seeds))
    from scipy.stats import ttest_1samp

    shown = np.mean(ttest_1samp(samples, 0, axis=1).pvalue < 0.05)
    print(f"\n{seeds} seeds show it in {shown:.3f}")
    assert 0.78 < shown < 0.86
