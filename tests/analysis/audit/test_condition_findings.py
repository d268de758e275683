import numpy as np
import pytest
from made_up import CALM, ENVIRONMENT, LABELS, curve, look, predictions, run

from bakeoff.analysis.audit.conditions import grown_maps
from bakeoff.spec.records import Unreadable


def test_times_taken_on_a_loaded_machine():
    slowed = run("a", history=curve(CALM, speed=[100, 1000, 1000, 1000, 1000, 600, 1000, 1000]))
    [finding] = look("loaded-machine", slowed)
    assert finding.evidence[0]["ratio"] == pytest.approx(1000 / 600)
    steady = curve(CALM, speed=[100, 1000, 1000, 1000, 1000, 700, 1000, 1000])
    assert not look("loaded-machine", run("a", history=steady))
    elsewhere = run("a", 1, history=curve(CALM, speed=[9000.0] * 8), environment=ENVIRONMENT | {"device": "cuda"})
    assert not look("loaded-machine", run("a"), elsewhere)


def test_a_parameter_count_unlike_the_published_one():
    references = {("a", "mnist", "plain", "parameters"): 1001.0}
    [finding] = look("parameters-depart", run("a"), references=references)
    assert finding.evidence[0]["published"] == 1001 and finding.severity == "serious"
    assert not look("parameters-depart", run("a"), references={("a", "mnist", "plain", "parameters"): 1000.0})
    assert not look("parameters-depart", run("a", name="plain (image.scale=2)"), references=references)


def test_a_parameter_count_that_changed_between_runs():
    other = run("a", 1, measures={"parameters": 900})
    [finding] = look("parameters-depart", run("a"), other)
    assert (finding.evidence[0]["least"], finding.evidence[0]["most"]) == (900, 1000)
    assert not look("parameters-depart", run("a"), run("b", measures={"parameters": 900}))


def shared(share: float, **changes) -> dict[str, float]:
    """Measures of a run of a hundred seconds that waited for a CPU in that share of them."""
    return {"train_seconds": 100.0, "waiting_seconds": 100 * share, "other_processor_seconds": 150.0} | changes


def test_a_run_that_waited():
    environment = ENVIRONMENT | {"cores": 2}
    free = run("a", 0, measures=shared(0.02), environment=environment)
    [finding] = look("loaded-machine", free, run("a", 1, measures=shared(0.4), environment=environment))
    assert finding.evidence == ({"seed": 1, "share_waited": 0.4, "others": 1.5, "cores": 2},)
    assert finding.runs == ("a-mnist-1-0",)
    assert "waited for a CPU in 40.0" in finding.message and "1.5 of the machine's 2" in finding.message
    assert not look("loaded-machine", free)
    four_threads = ENVIRONMENT | {"threads": 4}
    assert not look("loaded-machine", run("a", measures=shared(0.3), environment=four_threads))
    unknown = {name: value for name, value in shared(0.4).items() if name != "waiting_seconds"}
    assert not look("loaded-machine", run("a", measures=unknown))


def test_threads_that_wait_together_do_not_wait_longer_than_the_training():
    [finding] = look("loaded-machine", run("a", measures=shared(1.1), environment=ENVIRONMENT | {"cores": 2}))
    assert finding.evidence[0]["share_waited"] == 1
    assert "together waited for a CPU for as long as it trained" in finding.message and "110" not in finding.message


def speed(gflops: float) -> dict[str, float]:
    """Measures of a run beside which convolutions ran at this rate."""
    return {f"calibration_{when}_convolution_flops_per_second": gflops * 1e9 for when in ("before", "after")}


def test_a_machine_that_was_not_always_equally_fast():
    slow, fast = run("a", measures=speed(60)), run("b", measures=speed(100))
    [finding] = look("speeds-differ", slow, fast)
    assert finding.evidence[0]["ratio"] == pytest.approx(100 / 60)
    assert finding.nets == ("a", "b")
    assert not look("speeds-differ", slow, run("b", measures=speed(70)))
    assert not look("speeds-differ", slow, run("b"))
    assert not look(
        "speeds-differ", slow, run("b", measures=speed(100), environment=ENVIRONMENT | {"processor": "two"})
    )


def layer(given: tuple[int, ...], gives: tuple[int, ...], kind: str = "Conv2d", name: str = "") -> dict:
    return {"name": name or kind, "type": kind, "input": list(given), "output": list(gives)}


FIRE = [
    layer((1, 28, 28), (8, 13, 13)),
    layer((8, 13, 13), (4, 13, 13)),
    layer((4, 13, 13), (6, 13, 13), name="one"),
    layer((4, 13, 13), (6, 13, 13), name="three"),
]
"""A layer, a squeezing one and the two branches of what follows it."""


def test_branches_joined_along_the_image():
    joined = [*FIRE, layer((6, 26, 13), (6, 26, 13), "ReLU"), layer((6, 26, 13), (6, 26, 13))]
    [finding] = look("shapes-depart", run("a", layers=joined))
    assert finding.severity == "serious"
    expected = {"layer": "ReLU", "type": "ReLU", "axis": "height", "side": 26, "across": 13, "before": 13}
    assert finding.evidence == (expected,)
    [sideways] = grown_maps([*FIRE, layer((6, 13, 26), (6, 6, 13), "MaxPool2d")])
    assert (sideways["axis"], sideways["side"]) == ("width", 26)


def test_branches_joined_along_the_channels():
    assert not look("shapes-depart", run("a", layers=[*FIRE, layer((12, 13, 13), (12, 13, 13), "ReLU")]))
    assert not look("shapes-depart", run("a"))


@pytest.mark.parametrize(
    "layers",
    [
        [layer((4, 13, 13), (4, 26, 26), "Upsample"), layer((4, 26, 26), (2, 26, 26))],
        [layer((12, 17, 17), (2, 8, 8))],  # padded or interpolated between layers: in both directions
        [layer((6, 13, 13), (6, 13, 6), "MaxPool2d"), layer((6, 13, 6), (6, 6, 6), "MaxPool2d")],
        [layer((6, 13, 13), (6, 1, 1), "AdaptiveAvgPool2d"), layer((6, 14, 1), (6, 14, 1))],  # not an image any more
        [layer((1014,), (10,), "Linear")],
    ],
)
def test_maps_that_a_layer_or_padding_enlarges(layers):
    assert not grown_maps([*FIRE, *layers])


def known(*positions: int, conflicting: int = 0) -> dict:
    return {"mnist": {"duplicates": {"known": list(positions), "conflicting": conflicting}}}


def test_test_images_that_were_trained_on():
    ours = run("a", predicted=np.where(np.arange(1000) < 900, LABELS, (LABELS + 1) % 10))
    [finding] = look("duplicates", ours, run("b", predicted=predictions(0.5)), facts=known(*range(100)))
    assert finding.severity == "serious" and finding.nets == ("a", "b") and finding.recipe == ""
    numbers = finding.evidence[0]
    assert (numbers["known"], numbers["share"], numbers["accuracy"]) == (100, 0.1, 0.9)
    assert numbers["accuracy_without"] == pytest.approx(800 / 900)
    assert "a has 90.0" in finding.message and "88.9" in finding.message
    assert look("duplicates", ours, facts=known(1, 2, 3))[0].severity == "caution"
    [all_of_them] = look("duplicates", ours, facts=known(*range(1000)))
    assert "accuracy_without" not in all_of_them.evidence[0]


def test_identical_images_with_different_labels():
    [finding] = look("duplicates", run("a"), facts=known(conflicting=3))
    assert finding.severity == "note" and finding.evidence[0] == {"conflicting": 3}


def test_no_duplicates_and_none_looked_for():
    assert not look("duplicates", run("a"), facts=known())
    assert not look("duplicates", run("a"), facts={"mnist": {}})
    assert not look("duplicates", run("a"), facts={"other": known(1)["mnist"]})


def left_out(images: int, **counts: int) -> dict:
    return {"mnist": {"train_images": images, "test_images": 0, "left_out": counts}}


def test_files_that_were_left_out():
    [finding] = look("files-left-out", run("a"), run("b"), facts=left_out(90, cut=2, empty=1))
    assert (finding.severity, finding.nets, finding.recipe) == ("caution", ("a", "b"), "")
    assert finding.evidence == ({"used": 90, "cut": 2, "empty": 1},)
    assert "2 × cut, 1 × empty" in finding.message
    [finding] = look("files-left-out", run("a"), facts=left_out(900, cut=2, **{"no image (.xml)": 900}))
    assert finding.severity == "note"
    [finding] = look("files-left-out", run("a"), facts={"mnist": {"skipped": [["a/1.jpg", "cut"]]}})
    assert finding.evidence == ({"used": 0, "cut": 1},)


def test_nothing_was_left_out():
    assert not look("files-left-out", run("a"), facts=left_out(90))
    assert not look("files-left-out", run("a"), facts={"mnist": {"skipped": []}, "other": left_out(9, cut=1)["mnist"]})


@pytest.mark.parametrize(("state", "advice"), [("damaged", "forget --state damaged"), ("newer", "newer")])
def test_runs_that_cannot_be_read(state, advice):
    lost = Unreadable("1234", "a", "folder:/x/mnist", "quick", 1, state, "it is damaged: so and so")
    [finding] = look("unreadable", run("a"), unreadable=(lost,))
    assert (finding.severity, finding.nets, finding.data, finding.recipe) == (
        "caution",
        ("a",),
        "folder:mnist",
        "quick",
    )
    assert (finding.runs, finding.evidence) == (("1234",), ({"seed": 1, "state": state},))
    assert "seed 1: it is damaged: so and so" in finding.message
    assert advice in finding.advice
    assert not look("unreadable", run("a"))
