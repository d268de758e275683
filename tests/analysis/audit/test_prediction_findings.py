import numpy as np
import pytest
from made_up import LABELS, look, predictions, run

COLLAPSED = np.zeros(1000, int)
WITHOUT_ZERO = np.where(LABELS == 0, 5, LABELS)


def test_all_images_of_one_class():
    [finding] = look("collapsed", run(predicted=COLLAPSED))
    assert finding.severity == "serious"
    assert finding.evidence[0] == {"seed": 0, "class": "0", "share_predicted": 1, "share_true": 0.1, "accuracy": 0.1}


def test_what_is_not_a_collapse():
    """Most of one class, or all of one class if the labels are, too."""
    assert not look("collapsed", run(predicted=np.where(np.arange(1000) < 50, LABELS, 0)))
    assert not look("collapsed", run(predicted=np.zeros(1000, int), labels=(np.arange(1000) < 50).astype(int)))


def test_a_class_that_is_never_predicted():
    [finding] = look("dead-classes", run(predicted=WITHOUT_ZERO))
    numbers = finding.evidence[0]
    assert (numbers["classes"], numbers["images"], numbers["ceiling"]) == ("0", 100, 0.9)
    assert "never predicted 0" in finding.message


def test_a_rare_or_an_unpopular_class_is_not_dead():
    once_in_ten = np.where((LABELS == 0) & (np.arange(1000) % 100 != 0), 5, LABELS)
    assert not look("dead-classes", run(predicted=once_in_ten))
    labels = np.where(np.arange(1000) < 8, 0, 1 + np.arange(1000) % 9)
    assert not look("dead-classes", run(predicted=np.where(labels == 0, 5, labels), labels=labels))
    assert not look("dead-classes", run(predicted=COLLAPSED))  # that is a collapse


def test_no_better_than_the_commonest_class():
    labels = (np.arange(1000) % 10 > 6).astype(int)  # 70 % are of class 0
    [finding] = look("no-better-than-majority", run(predicted=predictions(0.71, 0, labels, 2), labels=labels))
    assert finding.evidence[0]["majority"] == 0.7
    assert not look("no-better-than-majority", run(predicted=predictions(0.75, 0, labels, 2), labels=labels))


def test_an_accuracy_that_hides_a_small_class():
    labels = (np.arange(1000) % 10 == 0).astype(int)
    half = np.where(np.arange(1000) % 20 == 0, 0, labels)
    [finding] = look("imbalanced", run(predicted=half, labels=labels, classes="ab"))
    assert (finding.evidence[0]["fewest"], finding.evidence[0]["balanced_accuracy"]) == (100, 0.75)


def test_imbalance_that_hides_nothing():
    labels = (np.arange(1000) % 10 == 0).astype(int)
    fair = np.where(np.arange(1000) % 100 < 10, 1 - labels, labels)
    assert not look("imbalanced", run(predicted=fair, labels=labels, classes="ab"))
    assert not look("imbalanced", run(predicted=WITHOUT_ZERO))


@pytest.mark.parametrize(("sure", "said"), [(0.99, "overconfident"), (0.5, "underconfident")])
def test_probabilities_that_are_not_to_be_believed(sure, said):
    [finding] = look("badly-calibrated", run(predicted=predictions(0.8), sure=sure))
    assert said in finding.message
    assert finding.evidence[0]["calibration_error"] == pytest.approx(abs(0.8 - sure), abs=0.01)


def test_good_calibration_and_too_few_images_to_tell():
    assert not look("badly-calibrated", run(predicted=predictions(0.8), sure=0.84))
    labels = np.arange(20) % 10
    assert not look("badly-calibrated", run(predicted=predictions(0.8, 0, labels), labels=labels, sure=0.9))


def test_images_that_all_networks_get_wrong_the_same_way():
    everyone = [run(net, seed) for net in "ab" for seed in (0, 1)]
    for one in everyone:
        one.predicted[[17, 42]] = (LABELS[[17, 42]] + 3) % 10
    [finding] = look("label-suspects", *everyone)
    positions = finding.evidence[0]["positions"].split(", ")
    assert {"17", "42"} <= set(positions) and len(positions) < 5
    assert "17 (7 predicted as 0)" in finding.message and finding.recipe == ""


def test_errors_that_differ_or_come_from_one_network_suspect_no_label():
    everyone = [run(net, seed, predicted=predictions(0.9, number)) for number, (net, seed) in enumerate([
        ("a", 0), ("a", 1), ("b", 0), ("b", 1)])]  # fmt: skip
    for number, one in enumerate(everyone):
        one.predicted[17] = (7 + 1 + number) % 10
    assert not look("label-suspects", *everyone)
    alike = [run("a", seed, predicted=predictions(0.9)) for seed in range(4)]
    assert not look("label-suspects", *alike)
    poor = [run(net, seed, predicted=predictions(0.4)) for net in "ab" for seed in (0, 1)]
    assert not look("label-suspects", *poor)
