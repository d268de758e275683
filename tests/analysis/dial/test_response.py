"""What is read off made-up curves whose truth is known."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dialled
from bakeoff.analysis.dial import default_levels, make_study, read_responses
from bakeoff.analysis.dial.response import Response, family
from bakeoff.data import info
from bakeoff.data.grade import DIALS, IN_THE_RECIPE
from bakeoff.errors import BakeoffError
from bakeoff.reporting.dial import describe_response, list_points, tabulate_response
from bakeoff.store.store import Store
from bakeoff.studies.tables import Turn


def read(path) -> list[Response]:
    with Store(path) as store:
        return read_responses(store)


@pytest.fixture(scope="module")
def crossing(tmp_path_factory) -> Response:
    [one] = read(dialled.crossing_store(tmp_path_factory.mktemp("dial") / "a.db"))
    return one


def test_curves_have_every_network_at_every_level(crossing):
    assert crossing.levels == (1, 0.5, 0.25, 0.125)
    assert [curve.net for curve in crossing.curves] == ["conv", "nin", "lenet-afif"]
    for curve in crossing.curves:
        for point in curve.points:
            assert point.accuracy == pytest.approx(dialled.CROSSING[curve.net, point.level], abs=0.02)
            assert point.seeds == 3 and point.low < point.accuracy < point.high
    assert crossing.chance == (0.1,) * 4
    assert (crossing.finished, crossing.planned) == (36, 36)


def test_who_leads_and_from_where(crossing):
    leaders = [(ahead.level, ahead.net, not ahead.not_clear_of) for ahead in crossing.ahead]
    assert leaders[0] == (1, "conv", True)
    assert leaders[2:] == [(0.25, "nin", True), (0.125, "nin", True)]


def test_which_network_degrades_and_where(crossing):
    falls = {fall.net: fall for fall in crossing.falls}
    assert (falls["conv"].before, falls["conv"].level, falls["conv"].sure) == (0.25, 0.125, True)
    assert falls["nin"].level is None and falls["nin"].least == pytest.approx(0.75 / 0.84, abs=0.05)


def test_which_curves_cross_and_where(crossing):
    shown = {(one.first, one.second): one for one in crossing.crossings if one.shown}
    assert ("conv", "nin") in shown
    one = shown["conv", "nin"]
    assert one.probability > 0.99
    assert 0.25 < one.low < one.place < one.high < 1
    assert one.low < 0.48 < one.high


def test_a_guess_is_held_to_the_runs(crossing):
    [guess] = crossing.guesses
    assert (guess.favours, guess.others, guess.away) == (("nin",), ("conv", "lenet-afif"), 1)
    assert guess.verdict == "borne out"
    assert guess.growth == pytest.approx(0.45, abs=0.03) and guess.low < guess.growth < guess.high


def test_it_is_described_in_words(crossing):
    told = "\n".join(describe_response(crossing))
    assert f"{dialled.ASKS} Borne out: from contrast 1 to 0.125 the lead of nin over conv and lenet-afif" in told
    assert "At contrast 1 conv is significantly ahead of all others." in told
    assert "conv degrades between contrast 0.25 and 0.125." in told
    assert "The curves of conv and nin cross between contrast" in told
    drawn = tabulate_response(crossing)
    assert len(drawn.rows) == 4 and len(drawn.columns) == 5
    assert len(list_points([crossing])) == 12


def test_one_seed_shows_nothing(tmp_path):
    [one] = read(dialled.crossing_store(tmp_path / "a.db", seeds=1))
    assert not any(crossing.shown for crossing in one.crossings)
    assert all(ahead.not_clear_of for ahead in one.ahead)
    assert one.guesses[0].verdict == "open: one seed gives no interval"
    assert not any(fall.sure for fall in one.falls)
    assert "significantly ahead" not in "".join(describe_response(one))


def test_networks_that_are_alike_are_not_distinguished(tmp_path):
    nets, levels = ("conv", "nin"), (1.0, 0.5, 0.25)
    turn = Turn(turn="contrast", data="digits", levels=levels, favours=("nin",), asks="So?", towards=0.25)
    own = dialled.study([turn], nets)
    [one] = read(dialled.fill(tmp_path / "a.db", own, {(net, level): 0.9 for net in nets for level in levels}))
    assert not any(crossing.shown for crossing in one.crossings)
    assert all(ahead.not_clear_of for ahead in one.ahead)
    assert one.guesses[0].verdict == "open"


def test_a_part_is_called_a_part(tmp_path):
    part = {key: value for key, value in dialled.CROSSING.items() if key[1] in (1.0, 0.5) and key[0] != "nin"}
    own = dialled.study([dialled.TURN], ("conv", "nin", "lenet-afif"))
    [one] = read(dialled.fill(tmp_path / "a.db", own, part))
    assert one.levels == (1, 0.5)
    assert "Partial: 12 of 36 runs finished." in describe_response(one)
    assert "Not run" in describe_response(one)[1]


def test_studies_of_other_networks_and_levels_make_one_response(tmp_path):
    path = tmp_path / "a.db"
    for nets, levels in ((("conv",), (1, 0.5)), (("nin",), (1, 0.25))):
        own = dialled.study([msgspec.structs.replace(dialled.TURN, levels=levels)], nets)
        dialled.fill(path, own, dialled.CROSSING)
    [one] = read(path)
    assert one.levels == (1, 0.5, 0.25) and len(one.curves) == 2
    assert [point.level for point in one.curves[1].points] == [1, 0.25]


def test_settings_of_the_recipe_are_dials_too(tmp_path):
    turn = Turn(turn="upscale", data="digits", levels=(1, 2))
    own = dialled.study([turn], ("lenet-afif",))
    [one] = read(dialled.fill(tmp_path / "a.db", own, {("lenet-afif", 1): 0.5, ("lenet-afif", 2): 0.9}))
    assert one.levels == (1, 2) and one.recipe == "quick (epochs=1)"


def test_a_store_without_experiments_has_no_responses(tmp_path):
    import tiny

    tiny.finished_store(tmp_path / "a.db")
    assert read(tmp_path / "a.db") == []


@pytest.mark.parametrize(
    ("net", "of"),
    [
        ("resnet20v1-keras", "resnet"),
        ("resnet20", "resnet"),
        ("vgg-afif", "vgg"),
        ("vgg16-tv", "vgg"),
        ("nin", "nin"),
        ("squeezenet-afif", "squeezenet"),
        ("mobilenetv2", "mobilenet"),
        ("conv", "conv"),
        ("wrn-16-4", "wrn"),
    ],
)
def test_families_are_read_from_names(net, of):
    assert family(net) == of


@given(dial=st.sampled_from([*DIALS, *IN_THE_RECIPE]), steps=st.integers(2, 9))
def test_levels_by_default_can_be_begin_with_the_images_as_they_are_and_grow_stronger(dial, steps):
    levels = default_levels(dial, info("digits"), steps)
    study = make_study("digits", [dial], info("digits"), steps, None, ("conv",))
    study.dials[0].check()
    assert 1 < len(levels) <= steps
    assert list(levels) in (sorted(levels), sorted(levels, reverse=True))
    if dial in DIALS:
        assert levels[0] == (DIALS[dial].original if DIALS[dial].original is not None else 10)


def test_a_curve_takes_two_levels():
    with pytest.raises(BakeoffError, match="at least 2 steps"):
        default_levels("contrast", info("digits"), 1)


def test_where_no_network_is_above_chance_there_is_no_room_to_lead(tmp_path):
    nets = ("conv", "nin")
    turn = Turn(turn="contrast", data="digits", levels=(1, 0.25), favours=("nin",), asks="So?", towards=1)
    table = {("conv", 1): 0.5, ("nin", 1): 0.9, ("conv", 0.25): 0.1, ("nin", 0.25): 0.1}
    [one] = read(dialled.fill(tmp_path / "a.db", dialled.study([turn], nets), table))
    assert one.guesses[0].verdict == "borne out"
    assert "But at contrast 0.25 no network is much above chance" in describe_response(one)[1]
