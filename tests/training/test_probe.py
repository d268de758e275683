import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from torch import nn
from trained import DATA, assert_same, assert_same_weights, train

import bakeoff.nets
import tiny
from bakeoff.data.local_folders import cache_folder
from bakeoff.errors import BakeoffError
from bakeoff.nets import Net, build
from bakeoff.nets.classifier import find_classifier, watch_features
from bakeoff.spec.data import ImageShape
from bakeoff.spec.overrides import change
from bakeoff.spec.paths import checkpoint_path, weights_path
from bakeoff.spec.recipe import Probe
from bakeoff.spec.run import Run, derive_seed
from bakeoff.training import feature_files, logistic, probe
from bakeoff.training.partition import partition_data

SHAPE = ImageShape(1, 8, 8)


def probed(net: str = "lenet-afif", seed: int = 0, strengths=(0.1, 0.01), **changes) -> Run:
    return tiny.run(net, seed, epochs=1, probe=Probe(strengths), **changes)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))


class Pretrained:
    """Builds a network whose body is always the same, as that of pretrained ones is."""

    def __call__(self, shape: ImageShape, classes: int) -> nn.Module:
        with torch.random.fork_rng([]):
            torch.manual_seed(99)
            body = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.BatchNorm1d(20), nn.ReLU(), nn.Dropout(0.5))
        return body.append(nn.Linear(20, classes))


@pytest.fixture
def pretrained(monkeypatch) -> str:
    monkeypatch.setitem(bakeoff.nets.NETS, "pretrained", Net(Pretrained(), "mine", 0, "", 1))
    return "pretrained"


def features_of(net: nn.Module, run: Run, images: np.ndarray) -> np.ndarray:
    normalizer = partition_data(run, DATA, "cpu").normalizer
    with torch.no_grad(), watch_features(net.eval(), find_classifier(run.net, SHAPE, 3).path) as seen:
        net(normalizer(torch.from_numpy(images)))
    return seen[0].double().numpy()


def test_the_network_becomes_scikit_learns_classifier_of_its_features(tmp_path, pretrained):
    run = probed(pretrained, strengths=(0.03,))
    (epoch,), outcome = train(run, tmp_path)
    net, parts = build(pretrained, SHAPE, 3), partition_data(run, DATA, "cpu")
    own, test = (features_of(net, run, split.images) for split in (DATA.train, DATA.test))
    rows = parts.train_indices.numpy()
    mean, deviation = own[rows].mean(0), own[rows].std(0)
    deviation[deviation == 0] = 1
    reference = LogisticRegression(C=1 / (0.03 * len(rows)), tol=1e-8, max_iter=10_000)
    reference.fit((own[rows] - mean) / deviation, DATA.train.labels[rows])
    np.testing.assert_allclose(outcome.probabilities, reference.predict_proba((test - mean) / deviation), atol=5e-3)
    assert epoch.train_accuracy == reference.score((own[rows] - mean) / deviation, DATA.train.labels[rows])
    assert outcome.measures["test_accuracy"] > 0.8


@pytest.mark.parametrize("net", ["lenet-afif", "resnet20"])
def test_only_the_classifier_changes(net, tmp_path):
    """The running statistics of batch normalisation stay, too."""
    run = probed(net, seed=4)
    train(run, tmp_path)
    torch.manual_seed(derive_seed(4, "init"))
    before, after = build(net, SHAPE, 3).state_dict(), load_file(weights_path(tmp_path, run.id))
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    path = find_classifier(net, SHAPE, 3).path
    assert changed == {f"{path}.weight", f"{path}.bias"}


def test_the_strength_with_the_lowest_validation_loss_is_taken(pretrained):
    strengths = (1.0, 0.1, 0.01, 1e-3)
    losses = {one: train(probed(pretrained, strengths=(one,)))[0][0].validation_loss for one in strengths}
    (epoch,), outcome = train(probed(pretrained, strengths=strengths))
    best = min(losses, key=losses.get)
    assert outcome.measures["probe_strength"] == best
    assert epoch.validation_loss == pytest.approx(losses[best], rel=0.02)  # it starts from another head


def test_weaker_penalties_are_not_tried_when_two_in_a_row_were_worse(pretrained, monkeypatch):
    losses = iter([0.5, 0.6, 0.4, 0.5, 0.45, 0.1])
    tried, real = [], probe.loss_and_accuracy
    monkeypatch.setattr(probe, "minimise", lambda *given: (tried.append(given[2]), logistic.minimise(*given))[1])
    monkeypatch.setattr(
        probe,
        "loss_and_accuracy",
        lambda head, rows, standard: (next(losses), 0.5) if len(rows) == 15 else real(head, rows, standard),
    )
    _, outcome = train(probed(pretrained, strengths=(6.0, 5.0, 4.0, 3.0, 2.0, 1.0)))
    assert tried == [6.0, 5.0, 4.0, 3.0, 2.0]
    assert outcome.measures["probe_strength"] == 4.0


def test_all_seeds_share_the_features_of_a_pretrained_network(pretrained, monkeypatch):
    calls, real = [], feature_files.fill_file
    monkeypatch.setattr(feature_files, "fill_file", lambda *given: (calls.append(given[0]), real(*given))[1])
    outcomes = [train(probed(pretrained, seed))[1] for seed in range(3)]
    assert [given.dtype for given in calls] == [np.float16, np.float32]  # of training and of test images
    assert [one.measures["features_shared"] for one in outcomes] == [0, 1, 1]
    assert len({one.measures["features_seconds"] for one in outcomes}) == 1
    assert len({one.measures["test_loss"] for one in outcomes}) == 3  # the split differs


def test_the_test_images_go_through_the_network_once_and_give_the_same_bits(pretrained, tmp_path, monkeypatch):
    seen, real = [], probe.compute_logits
    monkeypatch.setattr(probe, "compute_logits", lambda *given: (seen.append(given[-1]), real(*given))[1])
    for seed in range(2):
        run = probed(pretrained, seed)
        _, outcome = train(run, tmp_path)
        net = build(pretrained, SHAPE, 3)
        net.load_state_dict(load_file(weights_path(tmp_path, run.id)))
        logits, _ = real(net, run, partition_data(run, DATA, "cpu"), partition_data(run, DATA, "cpu").test)
        assert outcome.probabilities.tobytes() == logits.softmax(1).numpy().astype(np.float16).tobytes()
    assert [rows.tolist() for rows in seen] == 2 * [[*range(16)], [*range(16, 25)]]  # to check that they do


def test_features_that_give_other_bits_are_not_used(pretrained, cache):
    expected = train(probed(pretrained))
    (file,) = (cache_folder() / "features").glob("*/values.f32")
    file.write_bytes(bytes(file.stat().st_size))
    again = train(probed(pretrained))
    assert_same(expected, again)


def test_training_time_includes_the_features_and_the_ledger_only_what_the_run_spent(pretrained):
    for shared in (False, True):
        (epoch,), outcome = train(probed(pretrained))
        measures = outcome.measures
        assert measures["features_shared"] == shared
        assert epoch.train_seconds > measures["features_seconds"]
        assert measures["train_seconds"] == epoch.train_seconds
        fitting = epoch.train_seconds - measures["features_seconds"]
        assert measures["step_seconds"] == pytest.approx(fitting, abs=0.01)


@pytest.mark.parametrize("net", ["pretrained", "lenet-afif"])
def test_results_are_the_same_on_repeat_with_and_without_the_cache(net, pretrained, tmp_path, monkeypatch):
    first = train(probed(net), tmp_path)
    weights = weights_path(tmp_path, probed(net).id)
    weights.rename(tmp_path / "first")
    for cached in ("cache", "empty"):
        monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / cached))
        checkpoint_path(tmp_path, probed(net).id).unlink()
        again = train(probed(net), tmp_path)
        assert_same(first, again)
        assert_same_weights(tmp_path / "first", weights)


def test_a_run_stopped_after_the_fit_resumes_to_the_same_bits(tmp_path):
    whole = train(probed(), tmp_path / "whole")
    run = bakeoff.training.loop.fit(probed(), DATA, tiny.MACHINE, tmp_path / "cut")
    next(run)
    run.close()
    resumed = train(probed(), tmp_path / "cut")
    assert_same(whole, resumed)
    assert_same_weights(weights_path(tmp_path / "whole", probed().id), weights_path(tmp_path / "cut", probed().id))


def test_progress_counts_images_and_heads():
    seen = []
    train(probed(strengths=(0.1, 0.05, 0.02)), on_step=lambda *step: seen.append(step))
    assert seen[-1] == (1, 63, 63)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


@pytest.mark.parametrize("validation", ["own", "test", "none"])
def test_the_validation_images_may_be_any(validation):
    data = tiny.dataset(validation=12)
    (epoch,), _ = train(probed(strengths=(0.1,), validation=validation), data=data)
    assert (epoch.validation_loss is None) == (validation == "none")


@pytest.mark.parametrize(
    ("net", "side", "why"),
    [
        ("lenet5", 8, "the classifier of lenet5 ends in"),
        ("allconv", 16, "something follows it"),
        ("airbench", 32, "has no bias"),
    ],
)
def test_a_network_whose_classifier_cannot_be_replaced_is_refused(net, side, why):
    with pytest.raises(BakeoffError, match=why):
        train(probed(net), data=tiny.dataset(side=side))


class TestRecipe:
    PROBE = msgspec.structs.replace(tiny.RECIPE, epochs=1, probe=Probe())

    def test_a_number_of_epochs_is_ignored(self):
        assert change(self.PROBE, {"epochs": 20}) == self.PROBE

    @pytest.mark.parametrize(
        ("field", "value"),
        [("augment.flip", True), ("stop.patience", 3), ("label_smoothing", 0.1), ("schedule", "cosine")],
    )
    def test_what_a_probe_has_no_use_for_is_refused(self, field, value):
        with pytest.raises(BakeoffError, match="cannot set"):
            change(self.PROBE, {field: value})

    def test_several_strengths_need_validation_images(self):
        with pytest.raises(BakeoffError, match=r"probe\.strengths"):
            change(self.PROBE, {"validation": "none"})
        one = change(self.PROBE, {"validation": "none", "probe.strengths": [0.1]})
        assert one.probe == Probe((0.1,))

    def test_none_clears_it(self):
        assert change(self.PROBE, {"probe": "none"}).probe is None

    def test_it_is_part_of_the_key_only_if_there_is_one(self):
        plain = msgspec.structs.replace(tiny.RECIPE, epochs=1)
        assert plain.key != self.PROBE.key != change(self.PROBE, {"probe.strengths": [0.1]}).key
