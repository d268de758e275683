import math

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from bakeoff.spec.recipe import L2, SGD, Adadelta, Adam, AdamW, Recipe
from bakeoff.training.optimizers import (
    add_penalty_gradient,
    build_optimizer,
    make_loss,
    penalised_weights,
    penalty,
    set_rate,
)

RECIPE = Recipe(
    name="r", epochs=10, batch_size=32, validation=0.1, select="last", normalize="unit", optimizer=SGD(lr=0.1)
)
KERAS = msgspec.structs.replace(RECIPE, loss="keras-cross-entropy")
GRADIENTS = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)


def run(settings, gradients=GRADIENTS, start=1.0, rate=None) -> np.ndarray:
    """The weights after a step with each of the gradients."""
    weight = nn.Parameter(torch.full((gradients.shape[1],), start))
    optimizer = build_optimizer(settings, [weight])
    for step, gradient in enumerate(gradients, start=1):
        set_rate(optimizer, settings, settings.lr if rate is None else rate, step)
        weight.grad = torch.from_numpy(gradient.copy())
        optimizer.step()
    return weight.detach().numpy().astype(np.float64)


class TestSteps:
    """Each optimiser against its formula, written out in float64."""

    @pytest.mark.parametrize("nesterov", [False, True])
    def test_of_sgd(self, nesterov):
        w, v = np.ones(5), np.zeros(5)
        for g in GRADIENTS.astype(np.float64):
            g = g + 0.1 * w
            v = 0.9 * v + g
            w = w - 0.05 * (g + 0.9 * v if nesterov else v)
        assert run(SGD(0.05, 0.9, nesterov, 0.1)) == pytest.approx(w, rel=1e-5)

    @pytest.mark.parametrize("keras", [False, True])
    def test_of_adam(self, keras):
        """Keras: w -= lr·sqrt(1-β2ᵗ)/(1-β1ᵗ) · m / (sqrt(v) + eps); torch corrects v before adding eps."""
        w, m, v, eps = np.ones(5), np.zeros(5), np.zeros(5), 1e-2
        for t, g in enumerate(GRADIENTS.astype(np.float64), start=1):
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            if keras:
                w = w - 0.05 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + eps)
            else:
                w = w - 0.05 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + eps)
        assert run(Adam(0.05, eps=eps, eps_before_correction=keras)) == pytest.approx(w, rel=1e-5)

    def test_of_adam_with_tiny_gradients_shows_where_eps_stands(self):
        gradients = np.full((3, 1), 1e-6, np.float32)
        moved = [1 - run(Adam(0.1, eps=1e-7, eps_before_correction=keras), gradients)[0] for keras in (False, True)]
        assert moved[0] > 2 * moved[1] > 0

    def test_of_adamw(self):
        w, m, v = np.ones(5), np.zeros(5), np.zeros(5)
        for t, g in enumerate(GRADIENTS.astype(np.float64), start=1):
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            w = w * (1 - 0.05 * 0.2)
            w = w - 0.05 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        assert run(AdamW(0.05, weight_decay=0.2)) == pytest.approx(w, rel=1e-5)

    def test_of_adadelta_as_keras_has_it(self):
        w, squares, updates = np.ones(5), np.zeros(5), np.zeros(5)
        for g in GRADIENTS.astype(np.float64):
            squares = 0.95 * squares + 0.05 * g**2
            update = g * np.sqrt(updates + 1e-7) / np.sqrt(squares + 1e-7)
            updates = 0.95 * updates + 0.05 * update**2
            w = w - 1.0 * update
        assert run(Adadelta(1.0, rho=0.95, eps=1e-7)) == pytest.approx(w, rel=1e-5)

    @pytest.mark.parametrize("settings", [SGD(0.1, 0.9), Adam(0.1), AdamW(0.1), Adadelta(0.1)])
    def test_use_the_rate_of_the_schedule(self, settings):
        assert (run(settings, rate=0.0) == 1.0).all()
        assert (run(settings, rate=0.05) != run(settings)).all()


class SmallNet(nn.Sequential):
    def __init__(self):
        torch.manual_seed(0)
        super().__init__(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3 * 4, 4))


class TestPenalty:
    @pytest.mark.parametrize(("on", "layers"), [("convolutions", ["0"]), ("dense", ["3"]), ("weights", ["0", "3"])])
    def test_is_keras_l2_in_value_and_gradient(self, on, layers):
        """Strength·Σw² in the loss: the same value and the same gradient as autograd finds."""
        ours, theirs, l2 = SmallNet(), SmallNet(), L2(0.01, on)
        images, labels = torch.rand(8, 1, 4, 4), torch.randint(4, (8,))
        F.cross_entropy(ours(images), labels).backward()
        weights = penalised_weights(ours, l2)
        add_penalty_gradient(weights, l2)
        expected = 0.01 * sum((theirs.get_submodule(layer).weight ** 2).sum() for layer in layers)
        (F.cross_entropy(theirs(images), labels) + expected).backward()
        assert float(penalty(weights, l2)) == pytest.approx(float(expected.detach()), rel=1e-6)
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(mine.grad, other.grad)

    def test_on_hidden_dense_layers_leaves_the_last_one_out(self):
        net = nn.Sequential(SmallNet(), nn.Linear(4, 5), nn.Linear(5, 3))
        assert [tuple(w.shape) for w in penalised_weights(net, L2(0.1, "hidden-dense"))] == [(4, 12), (5, 4)]
        assert len(penalised_weights(net, L2(0.1, "dense"))) == 3

    def test_is_nothing_when_not_asked_for(self):
        net = SmallNet()
        assert penalised_weights(net, None) == []
        assert float(penalty([], None)) == 0.0
        assert float(penalty([], L2(0.1, "dense"))) == 0.0
        add_penalty_gradient([], L2(0.1, "dense"))

    def test_leaves_weights_alone_that_took_no_part(self):
        net, l2 = SmallNet(), L2(0.1, "dense")
        add_penalty_gradient(penalised_weights(net, l2), l2)
        assert net[3].weight.grad is None


class TestLosses:
    @given(smoothing=st.sampled_from([0.0, 0.1, 0.5]), seed=st.integers(0, 50))
    def test_are_torchs_cross_entropy(self, smoothing, seed):
        logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        labels = torch.arange(6) % 5
        expected = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        for recipe in (RECIPE, KERAS):
            loss = make_loss(msgspec.structs.replace(recipe, label_smoothing=smoothing))(logits, labels)
            torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-6)

    def test_of_keras_never_exceed_its_clip_and_then_have_no_gradient(self):
        logits = torch.tensor([[0.0, 50.0], [0.0, 10.0]], requires_grad=True)
        loss = make_loss(KERAS)(logits[:1], torch.tensor([0]))
        assert float(loss.detach()) == pytest.approx(-math.log(1e-7), rel=1e-6)  # 16.118
        make_loss(KERAS)(logits, torch.tensor([0, 0])).backward()
        assert (logits.grad[0] == 0).all()
        assert (logits.grad[1] != 0).all()

    def test_of_keras_are_never_quite_zero(self):
        loss = make_loss(KERAS)(torch.tensor([[100.0, 0.0]], dtype=torch.float64), torch.tensor([0]))
        assert float(loss) == pytest.approx(1e-7, rel=1e-6)

    def test_of_keras_smooth_labels_as_keras_does(self):
        """Keras: y·(1-s) + s/K, then -Σ y·log p over the clipped probabilities."""
        recipe = msgspec.structs.replace(KERAS, label_smoothing=0.2)
        logits = torch.tensor([[0.0, 40.0, 1.0], [2.0, -1.0, 0.5]], dtype=torch.float64)
        p = logits.softmax(1).clamp(1e-7, 1 - 1e-7)
        y = F.one_hot(torch.tensor([0, 2]), 3) * 0.8 + 0.2 / 3
        expected = -(y * p.log()).sum(1).mean()
        torch.testing.assert_close(make_loss(recipe)(logits, torch.tensor([0, 2])), expected)

    def test_that_are_no_number_stay_so(self):
        for recipe in (RECIPE, KERAS):
            assert math.isnan(float(make_loss(recipe)(torch.tensor([[math.nan, 0.0]]), torch.tensor([0]))))
