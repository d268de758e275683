"""Ranks, and what stands in a table where a number says less than it seems to."""

import re

import msgspec
import numpy as np
import pytest
from made import seeds_of
from synthetic import NETS, RECIPE

from bakeoff.analysis.answers import on_each_data_set
from bakeoff.analysis.snapshot import read_snapshot
from bakeoff.api import load
from bakeoff.console.answers import describe_data_set
from bakeoff.errors import BakeoffError
from bakeoff.reporting import build_page
from bakeoff.reporting.answer import write_answers
from bakeoff.reporting.loading import load_page_model
from bakeoff.reporting.strips import lay_out_strips
from bakeoff.reporting.tables import format_rank, ranking_to_markdown
from bakeoff.store.store import Store


def ranks(path) -> dict[str, str]:
    return {row.net: format_rank(row) for row in load(path).rows}


def test_networks_that_do_not_differ_share_their_ranks(tmp_path) -> None:
    random = np.random.default_rng(0)
    chances = {"a": 0.95, "b": 0.95, "c": 0.7, "d": 0.5}
    right = {net: [random.random(500) < chance for _ in range(4)] for net, chance in chances.items()}
    path = seeds_of(tmp_path / "a.db", right, 500)
    assert ranks(path) == {"a": "1–2", "b": "1–2", "c": "3", "d": "4"}
    assert "| 1–2 | a |" in ranking_to_markdown(load(path).rows)
    assert re.search(r">1–2</td>\s*<th[^>]*data-value=\"a\"", build_page(path, pictures=False))


def test_single_runs_have_no_rank_of_their_own(make) -> None:
    assert set(ranks(make(seeds=1, data=("digits",))).values()) == {"1–4"}


def test_equal_means_share_a_mean_rank(tmp_path) -> None:
    path = seeds_of(tmp_path / "a.db", {"a": [90, 91], "b": [91, 90], "c": [50, 52]}, 100)
    (table,) = load_page_model(path).tables
    assert table.mean_ranks == {"a": 1.5, "b": 1.5, "c": 3.0}


def test_a_network_that_did_not_learn_is_not_ranked(make) -> None:
    path = make(nets=("conv", "drop", "nin"), data=("digits",), collapsed=("nin",))
    assert ranks(path)["nin"] == "–"
    (table,) = load_page_model(path).tables
    assert [line.label for line in table.lines][-1] == "nin" and table.flaws == {"nin": "collapsed"}
    (answer,) = write_answers(load_page_model(path))
    assert "Not ranked: nin predicts a single class." in answer.cautions and "nin" not in answer.lead
    axis = lay_out_strips(table)
    assert axis and "nin" not in axis.by_label and axis.start > 0.5
    with Store(path) as store:
        (spoken,) = on_each_data_set(read_snapshot(store))
    assert spoken.unusable == {"nin": "collapsed"} and "nin" not in spoken.probability_best
    assert "  not ranked: nin predicts a single class" in describe_data_set(spoken)
    assert "nin predicts a single class" in re.sub(r"\s+", " ", load(path)._repr_html_())


def test_without_a_usable_number_there_is_no_answer(make) -> None:
    path = make(nets=("conv", "nin"), data=("mnist",), collapsed=("conv", "nin"))
    (answer,) = write_answers(load_page_model(path))
    assert answer.lead == "No usable answer: both networks predict a single class." and not answer.points
    with Store(path) as store:
        (spoken,) = on_each_data_set(read_snapshot(store))
    assert spoken.best is None and answer.lead in "\n".join(describe_data_set(spoken))
    with pytest.raises(BakeoffError, match="predicts a single class"):
        load(path).best()


def test_seconds_of_a_loaded_machine_are_not_compared(make) -> None:
    slow = {"conv": (0.958, 93_322, 5_700_000, 4_100.0), "drop": (0.90, 93_322, 5_700_000, 9_900.0)}
    path = make(nets=tuple(slow), data=("digits",), kinds=slow, waited=0.4)
    (answer,) = write_answers(load_page_model(path))
    points = dict(answer.points)
    assert "Faster" not in points and "the machine had other work while conv and drop trained" in points["Time"]
    assert "Training times are not comparable" in build_page(path, pictures=False)
    (quiet,) = write_answers(load_page_model(make(nets=tuple(slow), data=("digits",), kinds=slow)))
    assert "2.4 times as fast" in dict(quiet.points)["Faster"]


@pytest.mark.parametrize(("images", "text"), [(30, "97 %"), (400, "96.8 %"), (2000, "96.50 %")])
def test_digits_fit_the_number_of_test_images(make, images: int, text: str) -> None:
    path = make(nets=("conv",), data=("digits",), images=images, seeds=2, noise=0.0)
    (table,) = load_page_model(path).tables
    lead = write_answers(load_page_model(path))[0].lead.replace("\u202f", " ")
    assert len(re.search(r"reaches (\d+\.?\d*) %", lead)[1]) == len(text.removesuffix(" %")), table.digits


def test_chance_and_majority_stand_in_the_table(make) -> None:
    page = build_page(make(nets=("conv",), data=("digits",)), pictures=False).replace("\u202f", " ")
    assert re.search(r"always naming the most common class gives 1\d\.\d %, chance 10\.0 %", page)


def test_seeds_that_are_alike_say_so(tmp_path) -> None:
    path = seeds_of(tmp_path / "a.db", {"conv": [301, 301], "drop": [290, 296]}, 359)
    (answer,) = write_answers(load_page_model(path))
    assert "says little about how seeds differ" in dict(answer.points)["How sure"]
    assert ", seeds alike</small>" in build_page(path, pictures=False)
    row = next(row for row in load(path).rows if row.net == "conv")
    assert row.test_accuracy_high > row.test_accuracy_low and "alike" in row.interval


def test_nothing_is_said_of_intervals_where_there_are_none(make) -> None:
    page = build_page(make(seeds=1, data=("digits",), nets=tuple(NETS)), pictures=False)
    text = re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.S)
    assert "t intervals" not in text and "the bar its" not in text and "bars their" not in text


def test_test_images_that_were_watched_are_called_so(make) -> None:
    recipe = msgspec.structs.replace(RECIPE, validation="test")
    path = make(data=("digits",), recipe=recipe)
    (table,) = load_page_model(path).tables
    page = build_page(path, pictures=False)
    assert table.validated_on == "test images" and '"validatedOn":"test images"' in page
    assert "test images are evaluated after each epoch, so their accuracy is not one of unseen images" in re.sub(
        r"\s+", " ", page
    )
