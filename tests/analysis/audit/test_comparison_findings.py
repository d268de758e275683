import numpy as np
import pytest
from made_up import ENVIRONMENT, LABELS, look, run

from bakeoff.spec.recipe import SGD, Augment


def first_right(images: int, among: np.ndarray = LABELS) -> np.ndarray:
    """Predictions that are right for the first images and wrong for the others."""
    return np.where(np.arange(len(among)) < images, among, (among + 1) % 10)


@pytest.mark.parametrize(
    ("differs", "changes", "measures"),
    [
        ("epochs", {"epochs": 30}, {}),
        ("augmentation", {"augment": Augment(flip=True)}, {}),
        ("normalisation", {"normalize": "channel"}, {}),
        ("training images", {}, {"train_images": 5000}),
    ],
)
def test_unequal_conditions_in_one_table(differs, changes, measures):
    [finding] = look("unequal-budgets", run("a"), run("b", measures=measures, **changes))
    assert list(finding.evidence[0]) == [differs]
    assert "(a)" in finding.evidence[0][differs] and "(b)" in finding.evidence[0][differs]


def test_equal_conditions_and_other_tables():
    assert not look("unequal-budgets", run("a"), run("b", optimizer=SGD(lr=0.5)))
    assert not look("unequal-budgets", run("a"), run("b", epochs=30, name="long"))
    assert not look("unequal-budgets", run("a"), run("b", epochs=30, data="digits"))


def test_unequal_conditions_of_one_recipe_and_its_changes():
    """Changes have tables of their own, which can still be compared."""
    longer, shorter = {"epochs": 30, "name": "plain (epochs=30)"}, {"epochs": 3, "name": "plain (epochs=3)"}
    found = look("unequal-budgets", run("a", **longer), run("b", **shorter), run("c"))
    assert [finding.cells for finding in found] == [
        [("mnist", "plain (epochs=30)", "a")], [("mnist", "plain (epochs=3)", "b")], [("mnist", "plain", "c")]
    ]  # fmt: skip
    [message] = {finding.message for finding in found}
    assert "On mnist, recipe plain" in message and "epochs: 30 (a), 3 (b), 8 (c)" in message


def test_one_more_way_beside_that_of_the_others():
    longer = {"epochs": 30, "name": "plain (epochs=30)"}
    assert not look("unequal-budgets", run("a"), run("b"), run("b", **longer))
    assert look("unequal-budgets", run("a"), run("b"), run("c", **longer))


def test_a_recipe_that_was_tuned_for_some_networks_only():
    tuned = {"name": "quick-tuned-for-a@1a2b3c4d"}
    [finding] = look("tuned-unequally", run("a", **tuned), run("b", **tuned))
    assert finding.severity == "caution" and set(finding.nets) == {"a", "b"}
    assert [each["tuned"] for each in finding.evidence] == [True, False]
    own = run("a", optimizer=SGD(lr=0.5), **tuned)
    assert not look("tuned-unequally", own, run("b"))  # tables of their own
    assert not look("tuned-unequally", run("b", **tuned), run("c", **tuned))
    assert not look("tuned-unequally", run("a", name="plain (lr=1)"), run("b", name="plain (lr=1)"))


def test_raw_pixels():
    [finding] = look("not-normalised", run("a", normalize="raw"), run("b"))
    assert finding.nets == ("a",)
    assert not look("not-normalised", run("a"), run("b", normalize="channel"))


def test_runs_of_different_versions():
    newer = run("b", environment=ENVIRONMENT | {"torch": "3"})
    [finding] = look("versions-differ", run("a"), newer)
    assert finding.severity == "caution" and finding.evidence[0] == {"torch": "2 (a), 3 (b)"}
    moved = run("b", environment=ENVIRONMENT | {"before": {"torch": ["1"]}})
    assert look("versions-differ", run("a"), moved)[0].evidence[0] == {"torch": "2 (a), 1 then 2 (b)"}
    elsewhere = run("a", 1, environment=ENVIRONMENT | {"processor": "two"})
    assert look("versions-differ", run("a"), elsewhere)[0].severity == "note"
    assert not look("versions-differ", run("a"), run("b"))
    assert not look("versions-differ", run("a"), run("b", environment=newer.result.environment, data="digits"))


def test_single_runs():
    [finding] = look("single-run", run("a", 0), run("a", 1), run("b", 0))
    assert finding.nets == ("b",)
    assert not look("single-run", run("a", 0), run("a", 1))


def seeds(net: str, right: list[int]) -> list:
    """Runs that get so many of the thousand images right, the same first ones."""
    return [run(net, seed, predicted=first_right(images)) for seed, images in enumerate(right)]


def test_a_lead_within_the_noise_of_the_seeds():
    [finding] = look("within-noise", *seeds("a", [920, 900, 910]), *seeds("b", [900, 910, 900]))
    assert finding.nets == ("a", "b")
    numbers = finding.evidence[0]
    assert numbers["difference"] == pytest.approx(0.02 / 3)
    assert numbers["low"] < 0 < numbers["high"] and numbers["p_value_corrected"] > 0.05
    assert 0.5 < numbers["probability_better"] < 0.975
    assert "more seeds would show it" in finding.advice


def test_a_lead_clear_of_the_noise():
    """Seeds that are good for one are good for the other, so the paired difference is clear."""
    assert not look("within-noise", *seeds("a", [950, 900, 850]), *seeds("b", [910, 861, 810]))
    assert not look("within-noise", *seeds("a", [920]), *seeds("b", [910]))


def test_many_comparisons_are_corrected_for():
    """A lead that is significant between two networks is no longer so among many."""
    a, b = seeds("a", [932, 902, 912, 922]), seeds("b", [900, 895, 880, 905])
    others = [one for net in "cdefgh" for one in seeds(net, [890, 925, 880, 925])]
    assert not look("within-noise", *a, *b)
    [finding] = look("within-noise", *a, *b, *others)
    assert "b" in finding.nets


def test_too_few_test_images():
    few = np.arange(100) % 10
    runs = [run(net, predicted=first_right(right, few), labels=few) for net, right in (("a", 91), ("b", 90))]
    [finding] = look("test-set-too-small", *runs)
    assert finding.evidence[0]["difference"] == pytest.approx(0.01)
    assert finding.evidence[0]["needed"] > 100


def test_enough_test_images():
    assert not look("test-set-too-small", run("a", predicted=first_right(920)), run("b", predicted=first_right(880)))
    assert not look("test-set-too-small", run("a"))


def test_a_single_test_image_compares_nothing():
    one = np.zeros(1, int)
    runs = [run(net, seed, predicted=one, labels=one) for net in "ab" for seed in (0, 1)]
    assert not look("within-noise", *runs)
    assert not look("test-set-too-small", *runs)
