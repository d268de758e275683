import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics

from bakeoff.measure.quality import confused_pairs, quality, reliability


@st.composite
def runs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    images, classes = draw(st.integers(1, 40)), draw(st.integers(2, 9))
    labels = draw(hnp.arrays(np.int64, images, elements=st.integers(0, classes - 1)))
    scores = draw(hnp.arrays(np.float64, (images, classes), elements=st.floats(0.01, 1.0)))
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    return labels, probabilities.argmax(axis=1).astype(np.uint16), probabilities


@given(runs())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_agrees_with_scikit_learn(run: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, predicted, probabilities = run
    classes = probabilities.shape[1]
    found = quality(labels, predicted, probabilities)
    matrix = metrics.confusion_matrix(labels, predicted, labels=range(classes))
    np.testing.assert_array_equal(found.confusion, matrix)
    assert found.accuracy == metrics.accuracy_score(labels, predicted)
    assert found.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(labels, predicted, average="macro", zero_division=0))
    truth = np.eye(classes)[labels]
    assert found.brier == pytest.approx(((probabilities - truth) ** 2).sum(axis=1).mean(), abs=1e-5)
    assert found.reliability.images.sum() == len(labels)
    assert found.reliability.correct.sum() == (labels == predicted).sum()


@given(runs())
def test_top5_agrees_with_scikit_learn_where_nothing_ties(run: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, predicted, probabilities = run
    classes = probabilities.shape[1]
    found = quality(labels, predicted, probabilities).top5_accuracy
    if classes <= 5:
        assert found is None
    elif all(len(set(row)) == classes for row in probabilities.astype(np.float32)):
        expected = metrics.top_k_accuracy_score(labels, probabilities, k=5, labels=range(classes))
        assert found == pytest.approx(expected)


def test_three_classes_by_hand() -> None:
    labels = np.array([0, 0, 1, 1])
    predicted = np.array([0, 1, 1, 1])
    probabilities = np.array([[0.8, 0.2, 0.0], [0.4, 0.6, 0.0], [0.1, 0.9, 0.0], [0.0, 1.0, 0.0]])
    found = quality(labels, predicted, probabilities)
    assert found.accuracy == 0.75
    assert found.balanced_accuracy == 0.75  # (1/2 + 2/2) / 2: the third class has no images
    assert found.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found.brier == pytest.approx((0.08 + 0.72 + 0.02 + 0) / 4, abs=1e-6)
    assert np.isnan(found.per_class[2])
    # |1 - .8| + |0 - .6| + |1 - .9| + |1 - 1| over four images, each alone in its bin but .9 and 1.0 (14th, 15th)
    assert found.reliability.error == pytest.approx((0.2 + 0.6 + 0.1 + 0.0) / 4)


def test_full_confidence_falls_into_the_last_bin() -> None:
    # Two bins; torchmetrics 1.9 gives confidence 1.0 a bin of its own and answers 0.525.
    confidence = np.array([1.0, 1.0, 0.95, 0.95])
    correct = np.array([False, True, True, False])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.where(correct, 0, 1)
    found = reliability(labels, np.zeros(4, np.uint16), probabilities, bins=2)
    assert found.images.tolist() == [0, 4]
    assert found.error == pytest.approx(abs(2 - 3.9) / 4)  # 0.475


def test_zero_confidence_and_bin_edges() -> None:
    probabilities = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    found = reliability(np.zeros(3, int), np.zeros(3, np.uint16), probabilities, bins=2)
    assert found.images.tolist() == [2, 1]  # 0 and 0.5 in [0, 0.5], 1 in (0.5, 1]


def test_pooled_reliability_is_that_of_all_images() -> None:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(4), 60)
    labels, predicted = random.integers(0, 4, 60), probabilities.argmax(axis=1)
    parts = [reliability(labels[s], predicted[s], probabilities[s]) for s in (slice(0, 20), slice(20, 60))]
    whole = reliability(labels, predicted, probabilities)
    assert (parts[0] + parts[1]).error == pytest.approx(whole.error)


def test_ties_at_zero_count_by_chance() -> None:
    # The true class shares the other 4 places among the best 5 with 9 classes of probability 0.
    probabilities = np.zeros((1, 10))
    probabilities[0, 3] = 1.0
    assert quality(np.array([0]), np.array([3]), probabilities).top5_accuracy == pytest.approx(4 / 9)


def test_names_the_commonest_errors() -> None:
    matrix = np.array([[8, 2, 0, 0], [0, 5, 5, 0], [1, 0, 9, 0], [0, 0, 0, 0]])
    names = ["cat", "dog", "cow", "none"]
    assert confused_pairs(matrix, names) == [("dog", "cow", 5, 0.5), ("cat", "dog", 2, 0.2), ("cow", "cat", 1, 0.1)]


def test_refuses_different_lengths() -> None:
    with pytest.raises(ValueError, match="got 2, 3 and 3"):
        quality(np.zeros(2, int), np.zeros(3, int), np.ones((3, 2)) / 2)
    with pytest.raises(ValueError, match="at least one"):
        quality(np.zeros(0, int), np.zeros(0, int), np.ones((0, 2)))
