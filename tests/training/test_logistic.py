import math
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.optimize
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info

from bakeoff.machine.hardware import keep_freed_memory, peak_memory_bytes, reset_peak_memory
from bakeoff.training import logistic
from bakeoff.training.logistic import Rows, Standard, cross_entropy, loss_and_accuracy, minimise


def rows_of(values: np.ndarray, labels: np.ndarray, scale: float = 1.0) -> Rows:
    return Rows((values * scale).astype(np.float16), scale, labels.astype(np.int64), np.arange(len(labels)))


def some_rows(images: int = 90, features: int = 7, classes: int = 4, seed: int = 0) -> Rows:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, images)
    centres = 2 * random.normal(size=(classes, features))
    spread = 10.0 ** random.integers(-2, 3, features)
    return rows_of((centres[labels] + random.normal(size=(images, features)) + 3) * spread, labels)


def zeros(classes: int, features: int) -> torch.Tensor:
    return torch.zeros(classes, features + 1, dtype=torch.float64)


def test_one_feature_of_two_values_has_the_minimum_found_by_hand():
    """With weights -w and w the objective is log(1 + exp(-2w)) + strength·w², least where 1/(1 + e^2w) = strength·w."""
    rows = rows_of(np.array([[-1.0], [1.0]] * 3), np.array([0, 1] * 3))
    strength = 1 / (0.5 * (1 + math.e))
    head = minimise(rows, Standard.of(rows), strength, zeros(2, 1))
    np.testing.assert_allclose(head, [[-0.5, 0], [0.5, 0]], atol=1e-5)


def test_the_threads_of_blas_do_not_wait_for_each_other(monkeypatch):
    """Steps of L-BFGS are on vectors: with two threads on a busy CPU they took ten times as long."""
    threads = []

    def observed(*_, **__):
        threads.extend(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")
        return SimpleNamespace(x=np.zeros(16))

    monkeypatch.setattr(scipy.optimize, "minimize", observed)
    rows = rows_of(np.array([[-1.0], [1.0]] * 3), np.array([0, 1] * 3))
    minimise(rows, Standard.of(rows), 1.0, zeros(8, 1))
    assert threads and set(threads) == {1}


@pytest.mark.parametrize("strength", [1.0, 0.03, 1e-3])
def test_the_minimum_is_that_of_scikit_learn(strength):
    rows = some_rows()
    standard = Standard.of(rows)
    head = minimise(rows, standard, strength, zeros(4, 7))
    values = rows.features.astype(np.float64)
    values = (values - values.mean(0)) / values.std(0)
    reference = LogisticRegression(C=1 / (strength * len(rows)), tol=1e-8, max_iter=10_000).fit(values, rows.labels)
    np.testing.assert_allclose(head[:, :-1], reference.coef_, atol=2e-3)
    probabilities = torch.softmax(torch.from_numpy(values) @ head[:, :-1].T + head[:, -1], 1)
    np.testing.assert_allclose(probabilities, reference.predict_proba(values), atol=5e-4)
    loss, accuracy = loss_and_accuracy(head, rows, standard)
    assert accuracy == reference.score(values, rows.labels)
    assert loss == pytest.approx(-np.log(probabilities.numpy()[np.arange(90), rows.labels]).mean(), rel=1e-4)


def test_the_size_of_a_chunk_does_not_matter(monkeypatch):
    rows = some_rows()
    whole = minimise(rows, Standard.of(rows), 0.1, zeros(4, 7))
    monkeypatch.setattr(logistic, "CHUNK", 16)
    np.testing.assert_allclose(minimise(rows, Standard.of(rows), 0.1, zeros(4, 7)), whole, atol=1e-3)


@given(st.integers(0, 10**6))
def test_a_folded_head_gives_the_same_logits_for_features_as_they_are(seed):
    rows = some_rows(images=30, seed=seed)
    standard = Standard.of(rows)
    head = torch.from_numpy(np.random.default_rng(seed).normal(size=(4, 8)))
    values = torch.from_numpy(rows.features.astype(np.float64))
    standardised = (values - standard.mean) / standard.deviation
    folded = standard.fold(head)
    torch.testing.assert_close(
        values @ folded[:, :-1].T + folded[:, -1], standardised @ head[:, :-1].T + head[:, -1], rtol=1e-8, atol=1e-8
    )


def test_a_feature_that_never_varies_changes_nothing():
    rows = some_rows()
    constant = np.hstack([rows.features, np.full((90, 1), 5, np.float16)])
    more = Rows(constant, 1.0, rows.labels, rows.chosen)
    head = minimise(more, Standard.of(more), 0.1, zeros(4, 8))
    np.testing.assert_allclose(head[:, 7], 0, atol=1e-6)
    np.testing.assert_allclose(head[:, :7], minimise(rows, Standard.of(rows), 0.1, zeros(4, 7))[:, :7], atol=1e-4)


def test_the_scale_that_features_are_stored_with_does_not_matter():
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 50)
    values = (random.normal(size=(50, 4)) + labels[:, None]).astype(np.float16).astype(np.float64)
    plain, scaled = rows_of(values, labels), rows_of(values, labels, scale=64.0)
    torch.testing.assert_close(
        minimise(scaled, Standard.of(scaled), 0.1, zeros(3, 4)), minimise(plain, Standard.of(plain), 0.1, zeros(3, 4))
    )


class Watched(Rows):
    """Notes the memory of the process whenever a chunk is there."""

    def chunks(self):
        for chunk in super().chunks():
            peaks.append(peak_memory_bytes("cpu"))
            yield chunk


peaks: list[int] = []


def test_memory_grows_with_the_chunk_and_not_with_the_images(tmp_path):
    """300,000 × 500 features would take 600 MB as float32."""
    keep_freed_memory()  # as in workers: what is allocated anew for every chunk adds up
    reset_peak_memory("cpu")
    values = np.memmap(tmp_path / "values", np.float16, "w+", shape=(300_000, 500))
    rows = Watched(values, 1.0, np.zeros(300_000, np.int64), np.arange(300_000))
    standard = Standard(torch.zeros(500), torch.ones(500))
    peaks[:] = [peak_memory_bytes("cpu")]
    Standard.of(rows)
    cross_entropy(zeros(20, 500), rows, standard)
    loss_and_accuracy(zeros(20, 500), rows, standard)
    assert max(peaks) - peaks[0] < 250e6
