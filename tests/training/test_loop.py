import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from trained import DATA, assert_same_weights, train

import bakeoff.training.evaluate
import bakeoff.training.learner
import bakeoff.training.loop
import tiny
from bakeoff.errors import BakeoffError
from bakeoff.nets import build
from bakeoff.spec.data import ImageShape
from bakeoff.spec.paths import weights_path
from bakeoff.spec.recipe import L2, SGD, Adam, Cosine, Image
from bakeoff.spec.run import Run
from bakeoff.training.evaluate import Diverged
from bakeoff.training.optimizers import make_loss
from bakeoff.training.partition import partition_data


class TestDivergence:
    @pytest.mark.parametrize("step", [1, 2, 64, 65, 100])
    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_is_told_with_its_step(self, step, value, monkeypatch):
        calls = []

        def broken(recipe):
            loss_of = make_loss(recipe)

            def loss(logits, labels):
                calls.append(1)
                return loss_of(logits, labels) * (value if len(calls) == step else 1)

            return loss

        monkeypatch.setattr(bakeoff.training.loop, "make_loss", broken)
        with pytest.raises(Diverged) as caught:
            train(tiny.run(batch_size=1, validation="none", epochs=1), data=tiny.dataset(train=110))
        assert (caught.value.epoch, caught.value.step) == (1, step)
        assert f"epoch 1 at step {step}" in str(caught.value)

    def test_comes_of_a_rate_far_too_high(self):
        with pytest.raises(Diverged):
            train(tiny.run("nin", optimizer=SGD(lr=1e30)))

    def test_after_the_last_step_is_told_too(self, monkeypatch):
        """The last step itself may ruin the weights: no loss shows it, but the evaluation does."""
        steps = []

        def spoil(optimizer, settings, rate, step, head_rate):
            steps.append(step)
            optimizer.param_groups[0]["lr"] = math.nan if step == 9 else rate

        monkeypatch.setattr(bakeoff.training.learner, "set_rate", spoil)
        with pytest.raises(Diverged) as caught:
            train(tiny.run())
        assert (caught.value.epoch, caught.value.step, len(steps)) == (3, 3, 9)


class TestParts:
    def test_with_a_fraction_or_number_set_aside(self):
        for validation, count in ((0.25, 15), (7, 7)):
            parts = partition_data(tiny.run(validation=validation), DATA, "cpu")
            assert (len(parts.train_indices), len(parts.validation_indices)) == (60 - count, count)
            both = torch.cat([parts.train_indices, parts.validation_indices])
            assert sorted(both.tolist()) == list(range(60))
            assert parts.validation is parts.train

    def test_differ_between_seeds_and_not_between_networks(self):
        cuts = {
            (net, seed): partition_data(tiny.run(net, seed), DATA, "cpu").validation_indices.tolist()
            for net in ("conv", "nin")
            for seed in (0, 1)
        }
        assert cuts["conv", 0] == cuts["nin", 0] != cuts["nin", 1] == cuts["conv", 1]

    def test_with_the_data_sets_own_validation_split(self):
        data = tiny.dataset(validation=9)
        parts = partition_data(tiny.run(validation="own"), data, "cpu")
        assert (len(parts.train_indices), len(parts.validation), parts.validation_indices) == (60, 9, None)
        with pytest.raises(BakeoffError, match=r"tiny .*--set validation=0\.1"):
            partition_data(tiny.run(validation="own"), DATA, "cpu")

    def test_with_the_test_split_as_validation_as_studies_did(self):
        run = tiny.run(validation="test")
        parts = partition_data(run, DATA, "cpu")
        assert parts.validation is parts.test
        epochs, outcome = train(run)
        assert epochs[-1].validation_accuracy == outcome.measures["test_accuracy"]
        assert epochs[-1].validation_loss == outcome.measures["test_objective"]

    def test_without_validation(self):
        epochs, outcome = train(tiny.run(validation="none"))
        assert {(e.validation_loss, e.validation_accuracy) for e in epochs} == {(None, None)}
        assert outcome.measures["train_images"] == 60

    def test_of_a_balanced_sample(self):
        run = tiny.run(images_per_class=8, validation=6)
        parts = partition_data(run, DATA, "cpu")
        labels = DATA.train.labels[torch.cat([parts.train_indices, parts.validation_indices]).numpy()]
        assert np.bincount(labels).tolist() == [8, 8, 8]
        assert len(parts.train_indices) == 18
        other = partition_data(msgspec.structs.replace(run, seed=1), DATA, "cpu")
        assert parts.train_indices.tolist() != other.train_indices.tolist()
        with pytest.raises(BakeoffError, match="100"):
            partition_data(tiny.run(images_per_class=100), DATA, "cpu")

    def test_keep_copies_of_an_image_together(self):
        data = replace(tiny.dataset(), info=msgspec.structs.replace(DATA.info, content_hash="with copies"))
        data.train.images[1::2] = data.train.images[::2]
        data.train.labels[1::2] = data.train.labels[::2]
        for seed in range(5):
            parts = partition_data(Run("conv", "tiny", "with copies", tiny.RECIPE, seed), data, "cpu")
            sides = [set((part // 2).tolist()) for part in (parts.train_indices, parts.validation_indices)]
            assert not sides[0] & sides[1]
            assert len(parts.validation_indices) in (14, 15)  # pairs and an odd number

    def test_normalise_by_training_images_alone(self):
        data = tiny.dataset()
        before = partition_data(tiny.run(normalize="channel"), data, "cpu")
        data.train.images[before.validation_indices.numpy()] = 255
        data.test.images[:] = 255
        after = partition_data(tiny.run(normalize="channel"), data, "cpu")
        images = torch.full((1, 1, 8, 8), 100, dtype=torch.uint8)
        assert (before.normalizer(images) == after.normalizer(images)).all()


class TestSelection:
    def test_of_the_best_epoch_restores_its_weights(self, tmp_path):
        """They are those of a run that ended there."""
        best = tiny.run("resnet20", epochs=5, optimizer=SGD(lr=0.3, momentum=0.9), select="best-validation-accuracy")
        epochs, outcome = train(best, tmp_path)
        accuracies = [epoch.validation_accuracy for epoch in epochs]
        assert outcome.reported_epoch == accuracies.index(max(accuracies)) + 1 < 5
        ended = tiny.run("resnet20", epochs=outcome.reported_epoch, optimizer=best.recipe.optimizer)
        _, expected = train(ended, tmp_path)
        assert_same_weights(weights_path(tmp_path, best.id), weights_path(tmp_path, ended.id))
        assert outcome.probabilities.tobytes() == expected.probabilities.tobytes()
        assert outcome.measures["epochs"] == 5

    def test_of_the_last_epoch_takes_it(self):
        _, outcome = train(tiny.run())
        assert outcome.reported_epoch == outcome.measures["reported_epoch"] == outcome.measures["epochs"] == 3


class TestNumbers:
    def test_of_the_test_split_are_exact(self, tmp_path):
        """25 images in batches of 16: as when all are evaluated at once by hand."""
        run = tiny.run(l2=L2(1e-2, "weights"))
        _, outcome = train(run, tmp_path)
        net = build("lenet-afif", ImageShape(1, 8, 8), 3)
        net.load_state_dict(load_file(weights_path(tmp_path, run.id)))
        images = torch.from_numpy(DATA.test.images).float() / 255
        labels = torch.from_numpy(DATA.test.labels)
        logits = net.eval()(images).detach().double()
        assert (outcome.predicted == logits.argmax(1).numpy()).all()
        assert outcome.probabilities == pytest.approx(logits.softmax(1).numpy(), abs=1e-3)
        measures = outcome.measures
        assert measures["test_accuracy"] == int((logits.argmax(1) == labels).sum()) / 25
        loss = float(nn.functional.cross_entropy(logits, labels))
        assert measures["test_loss"] == pytest.approx(loss, rel=1e-6)
        weights = [layer.weight for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        squares = sum(float(weight.detach().double().square().sum()) for weight in weights)
        assert measures["test_objective"] == pytest.approx(loss + 0.01 * squares, rel=1e-5)

    def test_of_the_five_best_classes_are_counts_where_there_are_more(self, tmp_path):
        classes = tuple("abcdefgh")
        info = msgspec.structs.replace(DATA.info, classes=classes)
        data = replace(DATA, info=info, train=tiny.images(60, 0, classes=8), test=tiny.images(25, 1, classes=8))
        run = tiny.run()
        _, outcome = train(run, tmp_path, data)
        net = build("lenet-afif", ImageShape(1, 8, 8), 8)
        net.load_state_dict(load_file(weights_path(tmp_path, run.id)))
        logits = net.eval()(torch.from_numpy(data.test.images).float() / 255).detach().numpy()
        true = np.take_along_axis(logits, data.test.labels[:, None], 1)
        assert outcome.measures["test_top5_accuracy"] == ((logits > true).sum(1) < 5).sum() / 25
        assert "test_top5_accuracy" not in train(run)[1].measures

    def test_of_an_epoch_are_means_over_its_images(self, monkeypatch):
        """Without learning, every epoch sees the same loss, however it is cut into batches."""
        still = {"optimizer": SGD(lr=1e-30), "l2": L2(1e-2, "dense"), "validation": "none", "epochs": 1}
        means = []
        for batch_size in (7, 60):
            (epoch,), _ = train(tiny.run(batch_size=batch_size, **still))
            means.append((epoch.train_loss, epoch.train_accuracy))
        assert means[0][0] == pytest.approx(means[1][0], rel=1e-6)
        assert means[0][1] == means[1][1]
        unpenalised = tiny.run(batch_size=60, **still | {"l2": None})
        assert means[0][0] > train(unpenalised)[0][0].train_loss + 0.1

    def test_of_validation_contain_the_penalty(self):
        run = tiny.run(l2=L2(1e-2, "dense"), epochs=1, optimizer=SGD(lr=1e-30))
        plain = tiny.run(epochs=1, optimizer=SGD(lr=1e-30))
        (with_penalty,), _ = train(run)
        (without,), _ = train(plain)
        assert with_penalty.validation_loss - without.validation_loss == pytest.approx(
            with_penalty.train_loss - without.train_loss, rel=1e-4
        )

    def test_of_cost_are_there(self):
        epochs, outcome = train(tiny.run())
        measures = outcome.measures
        net = build("lenet-afif", ImageShape(1, 8, 8), 3)
        assert measures["parameters"] == sum(parameter.numel() for parameter in net.parameters())
        assert measures["flops"] > 10_000
        assert measures["activation_bytes_per_image"] > 1000
        assert 0 < measures["latency_ms_median"] <= measures["latency_ms_p95"]
        assert measures["train_images"] == 45
        assert measures["test_images"] == 25
        assert measures["train_seconds"] == pytest.approx(sum(epoch.train_seconds for epoch in epochs))
        assert all(e.images_per_second == pytest.approx(45 / e.train_seconds) for e in epochs)
        assert measures["images_per_second"] == pytest.approx(3 * 45 / measures["train_seconds"])
        assert measures["peak_memory_bytes"] > 10**6
        assert all(isinstance(value, int | float) and math.isfinite(value) for value in measures.values())

    def test_of_the_rate_are_those_of_the_last_step(self):
        run = tiny.run(schedule=Cosine(), epochs=2)
        epochs, _ = train(run)
        last_steps = [0.05 * (1 + math.cos(math.pi * done / 2)) / 2 for done in (2 / 3, 5 / 3)]
        assert [epoch.learning_rate for epoch in epochs] == pytest.approx(last_steps)

    def test_improve(self):
        epochs, outcome = train(tiny.run(epochs=20, optimizer=Adam(lr=3e-3)))
        assert epochs[-1].train_loss < 0.2 < epochs[0].train_loss
        assert outcome.measures["test_accuracy"] > 0.9


class TestLastBatches:
    def test_of_one_image_join_the_one_before(self):
        steps = []
        data = tiny.dataset(train=33)
        run = tiny.run("resnet20", validation="none", epochs=1)
        _, outcome = train(run, data=data, on_step=lambda epoch, done, of: steps.append((done, of)))
        assert steps == [(1, 2), (2, 2)]
        assert outcome.measures["train_images"] == 33

    def test_of_one_image_throughout_are_reported_where_the_network_cannot(self):
        run = tiny.run("resnet18", batch_size=1, validation="none", epochs=1)
        with pytest.raises(BakeoffError, match="batch_size of 1"):
            train(run)


def test_images_too_small_are_refused():
    with pytest.raises(BakeoffError, match=r"conv .*18×18 .*8×8.*--scale 3"):
        train(tiny.run("conv"))


def test_enlarged_images_reach_the_network():
    _, outcome = train(tiny.run("conv", image=Image(scale=3), epochs=1))
    assert outcome.measures["test_images"] == 25


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(tiny.run())
    assert not list(tmp_path.iterdir())
