"""Steps with groups, clipping and a moving average against the same steps worked out by hand."""

import math
from collections import OrderedDict

import pytest
import torch
from torch import nn

import tiny
from bakeoff.spec.recipe import L2, SGD, Adadelta, Adam, AdamW, Constant, Cosine, Steps
from bakeoff.training.average import Average, averaged
from bakeoff.training.learner import Learner
from bakeoff.training.optimizers import build_optimizer, set_rate
from bakeoff.training.schedules import head_learning_rate, learning_rate

OPTIMIZERS = {
    "sgd": SGD(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": Adam(lr=0.1, weight_decay=0.1),
    "adam as keras has it": Adam(lr=0.1, eps=1e-3, eps_before_correction=True),
    "adamw": AdamW(lr=0.1, weight_decay=0.1),
    "adadelta": Adadelta(lr=1.0, weight_decay=0.1),
}


def net() -> nn.Module:
    torch.manual_seed(0)
    layers = {"stem": nn.Linear(4, 4), "norm": nn.BatchNorm1d(4), "middle": nn.Linear(4, 4), "head": nn.Linear(4, 3)}
    return nn.Sequential(OrderedDict(layers))


def steps(learner: Learner, count: int = 5, rate: float | None = None) -> nn.Module:
    """Some steps with the gradients of a fixed loss, with weights kept in float32."""
    learner.begin_epoch(0)
    images = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    for step in range(1, count + 1):
        learner.optimizer.zero_grad()
        learner.net(images).square().mean().backward()
        now = learner.recipe.optimizer.lr if rate is None else rate
        learner.update(now / step, now / step, step)
    return learner.net


def learner(**changes) -> Learner:
    return Learner.of(net(), "net", tiny.run(**changes).recipe, ("head",))


def by_layer(factors: dict[str, float], settings) -> nn.Module:
    """The same steps, with an optimizer of its own for each layer, at its own rate."""
    module = net().train()
    own = {name: build_optimizer(settings, getattr(module, name).parameters()) for name in factors}
    images = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    for step in range(1, 6):
        module.zero_grad()
        module(images).square().mean().backward()
        for name, optimizer in own.items():
            set_rate(optimizer, settings, settings.lr / step * factors[name], step)
            optimizer.step()
    return module


@pytest.mark.parametrize("name", OPTIMIZERS)
class TestEveryOptimizer:
    def test_takes_each_layer_at_its_rate(self, name):
        settings = OPTIMIZERS[name]
        ours = steps(learner(optimizer=settings, layer_decay=0.5, head_rate=3.0))
        expected = by_layer({"stem": 0.25, "norm": 0.25, "middle": 0.5, "head": 3.0}, settings)
        torch.testing.assert_close(ours.state_dict(), expected.state_dict(), rtol=1e-5, atol=1e-6)

    def test_leaves_frozen_weights_alone(self, name):
        """Weight decay and L2, too; the rest moves as if they were constants."""
        ours = steps(learner(optimizer=OPTIMIZERS[name], freeze="stem", l2=L2(0.1, "dense")))
        assert torch.equal(ours.stem.weight, net().stem.weight)
        assert torch.equal(ours.stem.bias, net().stem.bias)
        assert not torch.equal(ours.middle.weight, net().middle.weight)

    def test_gets_a_clipped_gradient(self, name):
        """The first gradient of all weights together has length `clip_norm`; a longer limit changes nothing."""
        settings = OPTIMIZERS[name]
        one = learner(optimizer=settings, clip_norm=0.01)
        steps(one, 1)
        norm = math.sqrt(sum(float(weight.grad.square().sum()) for weight in one.net.parameters()))
        assert norm == pytest.approx(0.01, rel=1e-4)
        free, loose = steps(learner(optimizer=settings)), steps(learner(optimizer=settings, clip_norm=1e6))
        torch.testing.assert_close(loose.state_dict(), free.state_dict(), rtol=0, atol=0)


def test_a_clipped_step_of_sgd_is_the_gradient_made_shorter():
    free, clipped = learner(optimizer=SGD(lr=1.0)), learner(optimizer=SGD(lr=1.0), clip_norm=0.05)
    steps(free, 1), steps(clipped, 1)
    before = net().state_dict()
    moves = [
        torch.cat([(before[name] - value).flatten() for name, value in module.named_parameters()])
        for module in (free.net, clipped.net)
    ]
    torch.testing.assert_close(moves[1], moves[0] * 0.05 / moves[0].norm(), rtol=1e-3, atol=1e-6)


def test_the_penalty_is_clipped_with_the_rest():
    one = learner(optimizer=SGD(lr=0.1), clip_norm=0.01, l2=L2(100.0, "dense"))
    steps(one, 1)
    norm = math.sqrt(sum(float(weight.grad.square().sum()) for weight in one.net.parameters()))
    assert norm == pytest.approx(0.01, rel=1e-4)


class TestAverage:
    def test_is_worked_out_by_hand(self):
        """After steps 1, 2 and 3 the decay is 2/11, 3/12 and 4/13, at most 0.3."""
        module = nn.Linear(1, 1, bias=False)
        with torch.no_grad():
            module.weight.fill_(1.0)
        average = Average(module, 0.3)
        value = 1.0
        for step, (weight, decay) in enumerate([(2.0, 2 / 11), (5.0, 0.25), (-1.0, 0.3)], start=1):
            with torch.no_grad():
                module.weight.fill_(weight)
            average.update(step)
            value = decay * value + (1 - decay) * weight
            assert float(average.values[0]) == pytest.approx(value, rel=1e-6)

    def test_covers_running_statistics_and_not_counters(self):
        module = nn.BatchNorm1d(2)
        average = Average(module, 0.999)
        module(torch.randn(8, 2))
        average.update(1)
        assert len(average.values) == 4
        trained = module.running_mean.clone()
        with averaged(average):
            torch.testing.assert_close(module.running_mean, trained * 9 / 11)
            assert int(module.num_batches_tracked) == 1
        assert torch.equal(module.running_mean, trained)

    def test_stands_in_for_the_weights_and_gives_them_back_to_the_bit(self):
        one = learner(average=0.9)
        steps(one)
        trained = {name: value.clone() for name, value in one.net.state_dict().items()}
        kept = [value.clone() for value in one.average.values]
        with averaged(one.average):
            assert torch.equal(one.net.stem.weight, kept[0])
        assert all(torch.equal(value, trained[name]) for name, value in one.net.state_dict().items())
        assert all(map(torch.equal, one.average.values, kept))
        one.finish()
        assert torch.equal(one.net.stem.weight, kept[0])

    def test_keeps_shared_weights_once(self):
        module = net()
        module.middle.weight = module.stem.weight
        average = Average(module, 0.9)
        with torch.no_grad():
            module.stem.weight.add_(1)
        average.update(1)
        trained = module.stem.weight.clone()
        with averaged(average):
            assert not torch.equal(module.stem.weight, trained)
        assert torch.equal(module.middle.weight, trained)

    def test_with_a_decay_near_zero_is_the_weights(self):
        one = learner(average=1e-12)
        steps(one)
        for own, kept in zip(one.net.parameters(), one.average.values, strict=False):
            torch.testing.assert_close(own.detach(), kept)


class TestFreezing:
    def test_ends_after_the_epochs_it_is_for(self):
        one = learner(freeze="stem,norm", thaw_after=2)
        for done, is_trained in ((0, False), (1, False), (2, True)):
            one.begin_epoch(done)
            assert one.net.stem.weight.requires_grad == one.net.norm.training == is_trained
            assert one.net.middle.weight.requires_grad and one.net.middle.training

    def test_of_norms_keeps_statistics_and_trains_scales(self):
        one = learner(frozen_norm=True)
        module = steps(one)
        assert torch.equal(module.norm.running_mean, torch.zeros(4))
        assert not torch.equal(module.norm.weight, torch.ones(4))

    def test_is_undone_at_the_end(self):
        one = learner(freeze="stem")
        one.begin_epoch(0)
        one.finish()
        assert all(weight.requires_grad for weight in one.net.parameters())


def test_a_classifier_that_starts_at_zero_takes_all_classes_for_alike():
    module = learner(zero_head=True, head_rate=2.0).net
    assert torch.equal(module(torch.randn(6, 4)), torch.zeros(6, 3))
    assert torch.equal(module.middle.weight, net().middle.weight)


class TestSchedules:
    def test_of_the_classifier_is_its_own(self):
        recipe = tiny.run(
            epochs=4, optimizer=SGD(lr=0.1), schedule=Cosine(warmup_epochs=1), head_schedule=Steps((2,), 0.5)
        ).recipe
        rates = [(learning_rate(recipe, [], done), head_learning_rate(recipe, [], done)) for done in (0.5, 1.0, 3.0)]
        assert rates == [pytest.approx(pair) for pair in [(0.05, 0.1), (0.1, 0.1), (0.025, 0.05)]]

    def test_of_the_classifier_is_by_default_that_of_all(self):
        recipe = tiny.run(epochs=4, schedule=Cosine()).recipe
        assert head_learning_rate(recipe, [], 1.5) == learning_rate(recipe, [], 1.5)

    def test_move_the_classifier_by_its_rate(self):
        one = learner(optimizer=SGD(lr=0.1), head_schedule=Constant(), head_rate=2.0)
        one.begin_epoch(0)
        one.net(torch.ones(2, 4)).sum().backward()
        before, gradient = one.net.head.bias.detach().clone(), one.net.head.bias.grad.clone()
        one.update(0.0, 0.05, 1)
        torch.testing.assert_close(one.net.head.bias.detach(), before - 0.1 * gradient)
        assert torch.equal(one.net.stem.weight, net().stem.weight)
