"""Which network of a table is better: error rates and power."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.analysis.pairwise import Lead, PairwiseComparison, compare_pairs
from bakeoff.stats.mcnemar import mcnemar
from bakeoff.stats.paired import paired_difference
from simulated import table

LEVEL = 0.05


def as_table(right: np.ndarray) -> dict[str, dict[int, np.ndarray]]:
    return {f"n{place}": dict(enumerate(own)) for place, own in enumerate(right)}


def leads(right: np.ndarray) -> list[Lead]:
    """What a user reads: the best of the data against every other."""
    comparison, means = compare_pairs(as_table(right)), right.mean(axis=(1, 2))
    best = f"n{int(means.argmax())}"
    found = [comparison.lead(best, net) for net in comparison.names if net != best]
    return [lead for lead in found if lead is not None]


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 5), st.integers(1, 4), st.integers(2, 40), st.integers(0, 10_000))
def test_every_pair_is_what_it_is_alone(nets, seeds, images, draw):
    random = np.random.default_rng(draw)
    right = table(random, np.full(nets, 0.05), seeds, images)
    comparison = compare_pairs(as_table(right))
    for i in range(nets):
        for j in range(nets):
            if i != j:
                lead = comparison.lead(f"n{i}", f"n{j}")
                alone = paired_difference(right[i], right[j])
                assert lead.difference.mean == pytest.approx(alone.mean)
                for name in ("low", "high", "p_value", "probability", "image_error"):
                    assert getattr(lead.difference, name) == pytest.approx(getattr(alone, name), abs=1e-9), name
                assert lead.corrected >= lead.difference.p_value - 1e-12
                if seeds == 1:
                    assert lead.mcnemar == mcnemar(right[i, 0], right[j, 0])
                    assert comparison.is_better(f"n{i}", f"n{j}") is None


def test_networks_with_other_seeds_are_compared_on_those_they_share():
    random = np.random.default_rng(0)
    right = table(random, np.full(3, 0.01), 5)
    own = as_table(right)
    own["n1"] = {seed: own["n1"][seed] for seed in (3, 4)}
    own["n2"] = {7: own["n2"][0]}
    comparison = compare_pairs(own)
    shared = comparison.lead("n1", "n0")
    assert shared.difference.seeds == 2
    assert shared.difference.mean == pytest.approx(right[1, 3:].mean() - right[0, 3:].mean())
    assert comparison.lead("n0", "n2") is None and comparison.is_better("n0", "n2") is None
    assert len(comparison.corrected) == 1


def test_nothing_to_compare():
    assert compare_pairs({}).corrected == {} and compare_pairs({"a": {0: np.ones(5, bool)}}).corrected == {}
    one = {"a": {0: np.ones(1, bool)}, "b": {0: np.zeros(1, bool)}}
    assert compare_pairs(one).lead("a", "b") is None


def test_a_lead_among_many_is_less_than_a_lead_alone():
    right = table(np.random.default_rng(3), np.full(8, 0.004), 5, leads=np.array([0.02, *[0.0] * 7]))
    among, alone = compare_pairs(as_table(right)), compare_pairs(as_table(right[:2]))
    assert among.lead("n0", "n1").difference == alone.lead("n0", "n1").difference
    assert among.lead("n0", "n1").corrected > alone.lead("n0", "n1").corrected
    assert among.lead("n0", "n1").standing.low is None or (
        among.lead("n0", "n1").standing.low < alone.lead("n0", "n1").standing.low
    )


def test_a_large_table_takes_a_moment():
    random = np.random.default_rng(0)
    right = {f"n{k}": {s: random.random(10_000) < 0.9 for s in range(5)} for k in range(40)}
    start = time.process_time()
    comparison = compare_pairs(right)
    assert len([comparison.lead("n0", f"n{k}") for k in range(1, 40)]) == 39
    assert time.process_time() - start < 4


def test_equal_networks_are_seldom_called_different():
    """A small part of what is simulated below."""
    random, repeats = np.random.default_rng(0), 60
    wrong = sum(
        any(lead.is_significant for lead in leads(table(random, np.full(10, 0.005), 5))) for _ in range(repeats)
    )
    assert wrong <= 8


SPREADS = {
    "small": lambda nets: np.full(nets, 0.002),
    "large": lambda nets: np.full(nets, 0.01),
    "unequal": lambda nets: np.array([0.025, *[0.005] * (nets - 1)]),
}


@pytest.mark.accuracy
@pytest.mark.parametrize("nets", [2, 4, 10, 20])
@pytest.mark.parametrize("seeds", [1, 3, 5])
@pytest.mark.parametrize("spread", SPREADS)
def test_equal_networks(nets, seeds, spread):
    """Any claim that the best is better than another is false. Single runs: these two, without seeds."""
    random, repeats = np.random.default_rng(nets), 1000
    spreads = SPREADS[spread](nets) * (seeds > 1)
    wrong = np.mean([any(lead.is_significant for lead in leads(table(random, spreads, seeds))) for _ in range(repeats)])
    error = math.sqrt(wrong * (1 - wrong) / repeats)
    print(f"\n{nets} networks, {seeds} seeds, {spread} spread: {100 * wrong:.1f} ± {100 * error:.1f} % false claims")
    assert wrong <= LEVEL + 2 * math.sqrt(LEVEL * (1 - LEVEL) / repeats)


AHEAD = {1: 0.0125, 2: 0.026, 4: 0.057}
"""Points of accuracy → the lead that `table` needs for them, since probabilities end at 1."""


@pytest.mark.accuracy
@pytest.mark.parametrize("nets", [2, 4, 10, 20])
@pytest.mark.parametrize("seeds", [1, 3, 5])
@pytest.mark.parametrize("spread", ["small", "large"])
def test_one_is_better(nets, seeds, spread):
    """How often it is called better than all others, and than a given one; false claims among the others are rare."""
    random, repeats, told = np.random.default_rng(nets), 200, []
    for points, lead in AHEAD.items():
        ahead = np.array([lead, *[0.0] * (nets - 1)])
        every = one = 0.0
        for _ in range(repeats):
            found = compare_pairs(as_table(table(random, SPREADS[spread](nets) * (seeds > 1), seeds, leads=ahead)))
            better = [
                own.is_significant and own.difference.mean > 0
                for own in (found.lead("n0", f"n{k}") for k in range(1, nets))
            ]
            every, one = every + all(better), one + better[0]
        told.append(f"{points} points {one / repeats:.2f}, over all {every / repeats:.2f}")
    print(f"\n{nets} networks, {seeds} seeds, {spread} spread: {'; '.join(told)}")


@pytest.mark.accuracy
@pytest.mark.parametrize(("nets", "last"), [(2, 20), (4, 20), (10, 20), (20, 12)])
@pytest.mark.parametrize("spread", SPREADS)
def test_equal_networks_looked_at_after_every_seed(nets, last, spread):
    """From the third seed on, by the test that is valid under continuous monitoring."""
    random, repeats, wrong = np.random.default_rng(nets), 400, 0
    for _ in range(repeats):
        right = table(random, SPREADS[spread](nets), last)
        wrong += any(
            lead.standing.verdict in ("first", "second")
            for seeds in range(3, last + 1)
            for lead in leads(right[:, :seeds])
        )
    print(f"\n{nets} networks, 3 to {last} seeds, {spread} spread: {100 * wrong / repeats:.1f} % false claims")
    assert wrong / repeats <= LEVEL + 2 * math.sqrt(LEVEL * (1 - LEVEL) / repeats)


def test_names_are_those_given():
    assert isinstance(compare_pairs(as_table(table(np.random.default_rng(0), np.full(2, 0.1), 2))), PairwiseComparison)
