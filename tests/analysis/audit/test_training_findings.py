import numpy as np
import pytest
from made_up import CALM, curve, failed, look, predictions, run

from bakeoff.spec.recipe import Constant, OneCycle, Plateau, Probe, Stop

NOISY = [0.9, 0.93, 0.95, 0.94, 0.96, 0.9718, 0.955]


def test_a_diverged_run():
    [finding] = look("diverged", run(), failed("a", "diverged"))
    assert finding.severity == "serious" and finding.runs == ("a-failed",)
    assert finding.evidence[0]["epoch"] == 2
    assert not look("diverged", run(), failed("a", "out-of-memory"))


def test_a_training_loss_that_rose():
    [finding] = look("diverged", run(history=curve(CALM, train_loss=[2.5, 2, 2, 2, 5, 6, 7, 8])))
    assert finding.evidence[0]["last_loss"] == 8
    assert not look("diverged", run(history=curve(CALM, train_loss=[2.5, 2, 1, 1, 1, 1, 1, 2.4])))


def test_an_accuracy_that_was_still_rising():
    rising = [0.8 - 0.5 / epoch for epoch in range(1, 11)]
    [finding] = look("under-trained", run(history=curve(rising)))
    assert finding.evidence[0]["gain"] == pytest.approx(0.5 / 20)
    assert "2.5 points more at 20 epochs" in finding.message


def test_what_is_not_still_rising():
    assert not look("under-trained", run(history=curve(CALM)))
    nearly_done = [0.98 - 0.05 / epoch for epoch in range(1, 11)]  # a quarter of a point to come
    assert not look("under-trained", run(history=curve(nearly_done)))
    rising = curve([0.8 - 0.5 / epoch for epoch in range(1, 11)])
    assert not look("under-trained", run(history=rising, schedule=OneCycle()))
    assert not look("under-trained", run(history=rising[:4]))


def test_noise_alone_seldom_counts_as_still_rising():
    random = np.random.default_rng(0)
    found = sum(bool(look("under-trained", run(history=curve(0.8 + random.normal(0, 0.01, 10))))) for _ in range(400))
    assert found / 400 < 0.08


def test_images_learned_by_heart():
    epochs = curve([0.8] * 8, train=[*CALM[:7], 0.99], loss=[0.9, 0.7, 0.6, 0.6, 0.7, 0.8, 0.9, 1.2])
    [finding] = look("over-fitted", run(predicted=predictions(0.81), history=epochs))
    numbers = finding.evidence[0]
    assert (numbers["train_accuracy"], numbers["loss_ratio"], numbers["lowest_epoch"]) == (0.99, 2, 3)


def test_a_training_that_has_only_begun_is_not_over_fitted():
    epochs = curve([0.4] * 3, train=[0.3, 0.4, 0.51], loss=[1.4, 1.5, 1.6])
    begun = run(predicted=predictions(0.4), history=epochs, measures={"train_images": 216.0}, epochs=3)
    assert look("under-trained", begun) and not look("over-fitted", begun)
    assert look("over-fitted", run(predicted=predictions(0.4), history=epochs, epochs=3))


def test_a_poor_epoch_is_not_over_fitting():
    epochs = curve([*NOISY, 0.8], train=[0.99] * 8, loss=[*[0.3] * 7, 0.9])
    poor = run(predicted=predictions(0.8), history=epochs)
    assert look("lucky-epoch", poor) and not look("over-fitted", poor)


def test_a_gap_without_a_turned_loss_is_not_over_fitting():
    epochs = curve([0.8] * 8, train=[*CALM[:7], 0.99], loss=[0.9, 0.8, 0.7, 0.7, 0.65, 0.6, 0.6, 0.62])
    assert not look("over-fitted", run(predicted=predictions(0.81), history=epochs))
    epochs = curve([0.8] * 8, train=[0.84] * 8, loss=[0.5, *[0.9] * 7])
    assert not look("over-fitted", run(predicted=predictions(0.81), history=epochs))


def test_a_poor_last_epoch():
    """The published curve of a residual network on digits: 97.18 % at epoch 8, 92.46 % at epoch 10."""
    [finding] = look("lucky-epoch", run(history=curve([*NOISY, 0.9246]), validation="test"))
    assert "a poor one" in finding.message
    assert finding.evidence[0]["best_neighbour"] == 0.9718


def test_a_lucky_epoch():
    jumping = [0.70, 0.82, 0.71, 0.80, 0.93, 0.72, 0.81, 0.70, 0.79]
    chosen = run(history=curve(jumping), measures={"reported_epoch": 5}, select="best-validation-accuracy")
    [finding] = look("lucky-epoch", chosen)
    assert "a lucky one" in finding.message and finding.evidence[0]["off"] > 0.1


def test_calm_and_climbing_curves_have_no_luck():
    assert not look("lucky-epoch", run(history=curve(CALM)))
    assert not look("lucky-epoch", run(history=curve([0.1 * n for n in range(1, 9)])))
    assert not look("lucky-epoch", run(history=curve([*NOISY, 0.965]), validation="test"))
    assert not look("lucky-epoch", run(history=curve([0.9, 0.8])))


NORMALISED = [{"name": "1", "type": "BatchNorm2d", "input": [4, 8, 8], "output": [4, 8, 8]}]
LEARNED = [0.3, 0.6, 0.75, 0.8, 0.85, 0.9, 0.92, 0.95]


def test_running_statistics_that_lag_behind():
    """A residual network with Keras' momentum after 240 steps."""
    behind = curve([0.1, 0.1, 0.15, 0.17, 0.1, 0.13, 0.23, 0.52], train=LEARNED)
    [finding] = look("lagging-statistics", run(history=behind, layers=NORMALISED))
    numbers = finding.evidence[0]
    assert (numbers["early_epoch"], numbers["early_train"], numbers["early_validation"]) == (3, 0.75, 0.15)
    assert (numbers["epoch"], numbers["validation"]) == (8, 0.52)
    turned = curve([0.1, 0.1, 0.15, 0.17, 0.1, 0.13, 0.23, 0.2], train=LEARNED, loss=[1, 1, 1, 1, 1, 1, 1, 2])
    lagging = run(history=turned, layers=NORMALISED, predicted=predictions(0.2))
    assert not look("over-fitted", lagging) and look("over-fitted", run(history=turned, predicted=predictions(0.2)))
    assert not look("lagging-statistics", run(history=behind))  # not known to have batch normalisation


def test_statistics_that_caught_up_and_images_learned_by_heart():
    caught_up = curve([0.1, 0.1, 0.15, 0.5, 0.7, 0.8, 0.88, 0.9], train=LEARNED)
    assert not look("lagging-statistics", run(history=caught_up, layers=NORMALISED))
    by_heart = curve([0.3, 0.5, 0.58, 0.6, 0.6, 0.6, 0.6, 0.6], train=LEARNED)
    assert not look("lagging-statistics", run(history=by_heart, layers=NORMALISED))


@pytest.mark.parametrize(
    ("settings", "decided"),
    [
        ({"select": "best-validation-accuracy"}, "reported epoch"),
        ({"stop": Stop("validation_loss", 3)}, "end of training"),
        ({"schedule": Plateau("validation_loss", 0.5, 3)}, "learning rate"),
        ({"probe": Probe(), "epochs": 1}, "penalty of the classifier"),
    ],
)
def test_a_choice_made_on_the_test_set(settings, decided):
    [finding] = look("chosen-on-test", run("a", validation="test", **settings), run("b"))
    assert finding.severity == "serious" and finding.nets == ("a",)
    assert finding.evidence[0]["decided"] == decided
    assert not look("chosen-on-test", run(validation=0.1, **settings))


def test_a_test_set_that_is_only_watched_decides_nothing():
    on_training = Plateau("train_loss", 0.5, 3)
    assert not look("chosen-on-test", run(validation="test", schedule=Constant()))
    assert not look("chosen-on-test", run(validation="test", schedule=on_training, stop=Stop("train_loss", 3)))
    assert not look("chosen-on-test", run(validation="test", epochs=1, probe=Probe((0.1,))))


@pytest.mark.parametrize("kind", ["under-trained", "lagging-statistics", "over-fitted"])
def test_a_probe_has_no_curve_to_judge(kind):
    """Few steps, but all training images right: the network was trained, so its result means something."""
    once = {"history": curve([0.6], train=[1.0]), "layers": NORMALISED, "measures": {"train_images": 500}, "epochs": 1}
    assert not look(kind, run(predicted=predictions(0.6), probe=Probe(), **once))


def test_one_epoch_that_is_no_probe_is_judged():
    behind = {"history": curve([0.6], train=[0.85]), "measures": {"train_images": 500}, "epochs": 1}
    assert look("under-trained", run(predicted=predictions(0.6), **behind))
    assert look("lagging-statistics", run(layers=NORMALISED, **behind))


def test_statistics_that_never_change_do_not_lag():
    behind = {"history": curve([0.6], train=[0.85]), "measures": {"train_images": 500}, "epochs": 1}
    assert not look("lagging-statistics", run(layers=NORMALISED, frozen_norm=True, **behind))


def test_two_recipes_for_one_network_are_distinguished():
    rising = curve([0.8 - 0.5 / epoch for epoch in range(1, 11)])
    longer = run("a", history=rising, name="plain (epochs=10)", epochs=10)
    [finding] = look("under-trained", run("a"), longer)
    assert finding.message.startswith("a on mnist, recipe plain (epochs=10), seed 0: ")


def test_one_finding_for_all_seeds_of_a_cell():
    rising = curve([0.8 - 0.5 / epoch for epoch in range(1, 11)])
    runs = [run("a", 0), run("a", 1, history=rising), run("a", 2, history=rising)]
    [finding] = look("under-trained", *runs)
    assert "2 of 3 seeds (here seed 1)" in finding.message
    assert [numbers["seed"] for numbers in finding.evidence] == [1, 2]
