"""Cross-validated comparisons: intervals and tests that know that training sets overlap."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bakeoff.analysis.pairwise import compare_pairs
from bakeoff.stats.draws import draw_accuracies
from bakeoff.stats.folds import correction, fold_interval, split_means


def test_the_correction_is_that_of_nadeau_and_bengio():
    for folds in (2, 5, 10):
        n_test, n_train = 100, 100 * (folds - 1)
        assert correction(folds) == pytest.approx(1 / folds + n_test / n_train)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.integers(0, 99))
def test_means_are_those_of_each_fold(sizes, seed):
    right = np.random.default_rng(seed).random((3, sum(sizes))) < 0.6
    ends = np.cumsum(sizes)
    for fold, (start, end) in enumerate(zip(ends - sizes, ends, strict=True)):
        np.testing.assert_allclose(split_means(right, sizes)[:, fold], right[:, start:end].mean(axis=1))


def test_the_interval_is_the_corrected_t():
    by_fold = [0.81, 0.84, 0.79, 0.86, 0.80]
    found = fold_interval(0.82, by_fold, step=0.001, within=(0.0, 1.0))
    half = stats.t.ppf(0.975, 4) * np.std(by_fold, ddof=1) * math.sqrt(1 / 5 + 1 / 4)
    assert (found.low, found.high) == (pytest.approx(0.82 - half), pytest.approx(0.82 + half))
    assert "Nadeau & Bengio 2003" in found.method and "5 folds" in found.method


def test_folds_that_hardly_differ_are_taken_to_deviate_by_one_image():
    near = fold_interval(0.82, [0.82, 0.82, 0.82, 0.82, 0.821], step=0.01, within=(0.0, 1.0))
    assert near.high - near.mean == pytest.approx(stats.t.ppf(0.975, 4) * 0.01 * math.sqrt(1 / 5 + 1 / 4))
    assert "which differ little: their deviation is taken as one test image" in near.method


def cross_validated(random, nets, sizes, seeds, spread, taste, leads=0.0):
    """(K, S, N) bool: the accuracy of a network differs by its training images, by seed, and by kind of image."""
    images, folds = sum(sizes), len(sizes)
    difficulty = random.beta(0.6, 3, images)
    own = random.normal(0, taste, (nets, images))
    trained = random.normal(0, spread, (nets, folds))
    # Training sets of two folds share (K - 2) / (K - 1) of their images: what they make of a network is correlated.
    common = random.normal(0, spread, (nets, 1))
    share = (folds - 2) / (folds - 1)
    by_fold = math.sqrt(share) * common + math.sqrt(1 - share) * trained
    moved = np.repeat(by_fold, sizes, axis=1)[:, None] + random.normal(0, spread / 2, (nets, seeds, 1))
    chances = 1 - difficulty + own[:, None] + moved + np.reshape(leads, (-1, 1, 1))
    return random.random((nets, seeds, images)) < chances


def by_name(right):
    return {str(net): dict(enumerate(own)) for net, own in enumerate(right)}


def test_a_pair_is_compared_by_the_corrected_t():
    sizes = (40, 41, 39, 40)
    right = cross_validated(np.random.default_rng(1), 2, sizes, 2, 0.02, 0.05, [0.05, 0.0])
    comparison = compare_pairs(by_name(right), sizes)
    forth, back = comparison.lead("0", "1"), comparison.lead("1", "0")
    apart = split_means(right.mean(axis=1), sizes)
    differences = apart[0] - apart[1]
    assert forth.difference.mean == pytest.approx(right[0].mean() - right[1].mean())
    assert forth.difference.seed_error == pytest.approx(np.std(differences, ddof=1) * math.sqrt(1 / 4 + 1 / 3))
    assert "corrected resampled t" in forth.difference.method
    assert forth.difference.folds == 4 and forth.difference.basis == "4 folds, 2 seeds"
    alone = 2 * stats.t.sf(abs(forth.difference.mean) / forth.difference.seed_error, 3)
    assert forth.corrected == pytest.approx(alone, rel=0.15)  # half an image more
    assert back.difference.mean == -forth.difference.mean and back.corrected == forth.corrected
    assert (back.difference.low, back.difference.high) == (-forth.difference.high, -forth.difference.low)


def test_one_seed_on_several_folds_can_tell():
    sizes = (60,) * 5
    right = cross_validated(np.random.default_rng(0), 2, sizes, 1, 0.01, 0.02, [0.0, -0.3])
    lead = compare_pairs(by_name(right), sizes).lead("0", "1")
    assert lead.is_better and lead.mcnemar is None


def test_networks_that_agree_everywhere_are_not_distinguished():
    right = np.random.default_rng(0).random((1, 2, 60)) < 0.8
    lead = compare_pairs(by_name(np.repeat(right, 2, axis=0)), (20, 20, 20)).lead("0", "1")
    assert lead.difference.mean == 0 and lead.corrected == pytest.approx(1.0)
    assert lead.difference.low < 0 < lead.difference.high


def test_drawn_accuracies_scatter_as_the_corrected_error():
    sizes = (50,) * 6
    right = cross_validated(np.random.default_rng(3), 2, sizes, 2, 0.03, 0.05)
    drawn = draw_accuracies(right, fold_sizes=sizes, draws=200_000)
    error = compare_pairs(by_name(right), sizes).lead("0", "1").difference.seed_error
    # Student's t with 5 degrees of freedom has a variance of 5/3.
    assert np.std(drawn[:, 0] - drawn[:, 1]) == pytest.approx(error * math.sqrt(5 / 3), rel=0.03)


def learned(random, nets, sizes, seeds, features=20, signal=0.25):
    """(K, S, N) bool: classifiers that are equal by symmetry, each trained on the images outside of a fold.

    Each sees features of its own, drawn alike, and is a ridge regression of the two classes on a random four fifths of
    the training images, drawn anew for each seed and fold: so training sets overlap as they really do.
    """
    images = sum(sizes)
    classes = random.choice([-1.0, 1.0], images)
    fold = np.repeat(np.arange(len(sizes)), sizes)
    right = np.empty((nets, seeds, images), bool)
    for net in range(nets):
        inputs = random.normal(size=(images, features)) + signal * classes[:, None]
        for seed in range(seeds):
            for part in range(len(sizes)):
                trained = np.flatnonzero(fold != part)
                some = random.permutation(trained)[: len(trained) * 4 // 5]
                own = inputs[some]
                weights = np.linalg.solve(own.T @ own + np.eye(features), own.T @ classes[some])
                right[net, seed, fold == part] = inputs[fold == part] @ weights * classes[fold == part] > 0
    return right


def false_claims(folds, seeds, images, tables, nets=2):
    """The share of tables of equal networks in which any pair is called different."""
    random, found = np.random.default_rng(folds * 1000 + seeds), 0
    sizes = [len(part) for part in np.array_split(np.arange(images), folds)]
    for _ in range(tables):
        comparison = compare_pairs(by_name(learned(random, nets, sizes, seeds)), sizes)
        found += any(p < 0.05 for p in comparison.corrected.values())
    return found / tables


def test_equal_networks_are_rarely_called_different():
    assert false_claims(5, 1, 200, 400) <= 0.07  # the simulation's own error is 1.1 points


@pytest.mark.accuracy
@pytest.mark.parametrize("folds", [2, 3, 5, 10])
@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("images", [60, 200, 1000])
@pytest.mark.parametrize("nets", [2, 4])
def test_false_claims_among_equal_networks(folds, seeds, images, nets):
    assert false_claims(folds, seeds, images, 1000, nets) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1000)


@pytest.mark.accuracy
def test_without_the_correction_there_would_be_far_more(monkeypatch):
    monkeypatch.setattr("bakeoff.stats.paired.correction", lambda folds: 1 / folds)
    assert false_claims(10, 1, 60, 1000) > 0.06
