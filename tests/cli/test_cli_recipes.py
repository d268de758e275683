"""Comparing recipes: a row for each network and recipe in one table per data set, in all that shows results."""

import json

import pytest

import bakeoff as api
from bakeoff.reporting.page import build_page
from bakeoff.text.safe import latex
from compared import OTHER, SHORT, compare, fill

LABELS = {"conv · short", "conv · other", "nin · short", "nin · other"}
SMALL = ["--set", "images_per_class=20", "--set", "validation=50", "--set", "image.scale=1", "--set", "stop=none"]
TRAINED = ["run", "--nets", "lenet-afif,nin", "--data", "digits", "--seeds", "2", "--epochs", "2", *SMALL, "--json"]


def test_a_run_of_several_recipes_ranks_each_network_by_each(bakeoff, tmp_path):
    store = ["--store", str(tmp_path / "a.db")]
    alone = json.loads(bakeoff(*TRAINED, "--recipe", "quick", *store).out)
    assert {row["label"] for row in alone} == {"lenet-afif", "nin"}
    said = bakeoff(*TRAINED, "--recipe", "quick,clark2020", *store)
    assert said.code == 0, said.err
    rows = json.loads(said.out)
    assert {(row["net"], row["recipe"].partition(" ")[0]) for row in rows} == {
        (net, recipe) for net in ("lenet-afif", "nin") for recipe in ("quick", "clark2020")
    }
    assert {row["label"] for row in rows} == {f"{row['net']} · {row['recipe'].partition(' ')[0]}" for row in rows}
    assert len({row["table"] for row in rows}) == 1
    assert {(row["epochs"], row["images_seen"]) for row in rows} == {(2, 300)}
    assert "nin · clark2020 · digits · seed 1" in said.err
    again = json.loads(bakeoff(*TRAINED, "--recipe", "quick", *store).out)
    assert {tuple(row["runs"]) for row in again} == {tuple(row["runs"]) for row in alone}
    assert {row["label"] for row in json.loads(bakeoff("results", *store, "--json").out)} == {r["label"] for r in rows}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store of two networks under three recipes, of which two are compared."""
    path = fill(tmp_path_factory.mktemp("recipes") / "a.db")
    compare(path, (SHORT, OTHER))
    return str(path)


def test_all_formats_of_the_ranking_name_the_recipes(store, bakeoff):
    for form in ("table", "markdown", "latex", "csv"):
        out = bakeoff("results", "--store", store, "--format", form).out
        assert all((latex(label) if form == "latex" else label) in out for label in LABELS), form
        assert "126 images seen" in " ".join(out.split()) or form == "csv", form
    assert bakeoff("results", "--store", store, "--format", "latex").out.count("\\begin{table}") == 2


def test_the_answer_compares_every_pair_of_network_and_recipe(store, bakeoff):
    together, alone = json.loads(bakeoff("answer", "--store", store, "--json").out)["on_data"]
    assert {together["best"], *(lead["net"] for lead in together["leads"])} == LABELS
    assert set(together["probability_best"]) == LABELS
    assert len(together["compared"]) == 2
    assert "3 epochs" in together["budget"]
    assert (alone["compared"], alone["budget"]) == ([], "")


def test_curves_and_confusions_name_network_and_recipe(store, bakeoff):
    curves = bakeoff("results", "--store", store, "--curves").out.splitlines()
    assert len(curves) == 1 + 2 * 2 * (3 + 3 + 9)
    counts = bakeoff("results", "--store", store, "--confusion", "nin").out
    assert all(recipe in counts for recipe in ("short (a=1)", "other", "long"))


def test_the_page_has_one_ranking_of_all(store):
    page = build_page(store, pictures=False)
    assert page.count('class="ranking"') == 2
    assert all(label in page for label in LABELS)
    assert "budgets: short 3 epochs" in page.lower()
    assert "<title>2 networks with 2 recipes on tiny" in page


def test_python_ranks_them_together_and_picks_single_ones_by_recipe(store):
    results = api.load(store)
    rows = [row for row in results.rows if row.label in LABELS]
    best = results.best(recipe=rows[0].table)
    assert best == rows[0]
    assert results.best(recipe=best.recipe) == best
    assert set(results.to_frame()["label"]) > LABELS
    assert results.confusion("nin", recipe="other").to_numpy().sum() == 2 * 50
    assert all(label in results._repr_html_() for label in LABELS)
    with pytest.raises(api.BakeoffError, match="short"):
        results.best()


@pytest.mark.parametrize("command", ["run", "dial"])
def test_a_dry_run_plans_every_recipe(command, bakeoff, tmp_path):
    what = {
        "run": ["run", "--data", "digits"],
        "dial": ["dial", "digits", "--turn", "images-per-class", "--levels", "10"],
    }
    arguments = ["--nets", "lenet-afif", "--recipe", "quick,clark2020", "--seeds", "1", "--set", "image.scale=1"]
    said = bakeoff(*what[command], *arguments, "--dry-run", "--json", "--store", str(tmp_path / "a.db"))
    assert {cell["recipe"].partition(" ")[0] for cell in json.loads(said.out)["cells"]} == {"quick", "clark2020"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "--recipe", "quick,quick"], "quick"),
        (["run", "--recipe", "quick,clark202"], "clark2020"),
        (["ablate", "vgg16-improved", "--from", "vgg16-tv", "--data", "digits", "--recipe", "quick,clark2020"], "one"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments, named, bakeoff, tmp_path):
    said = bakeoff(*arguments, "--store", str(tmp_path / "a.db"))
    assert said.code == 2
    assert named in said.err
