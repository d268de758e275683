"""Data sets given to Python as arrays, paths and values."""

import numpy as np
import pytest
import torch
from msgspec.structs import replace

import bakeoff
import tiny
from bakeoff.analysis.ablation import choose_ablation
from bakeoff.errors import BakeoffError
from bakeoff.execution.names import known_data_sets
from bakeoff.execution.options import StudyOptions
from bakeoff.execution.plan import plan
from bakeoff.spec.recipe import SGD, Augment

TRAIN, TEST = tiny.images(60, 0, side=28), tiny.images(30, 1, side=28)
QUICK = StudyOptions(data="digits", recipe="quick")
GIVEN = {"nets": "lenet-afif", "seeds": 1, "changes": {"epochs": 2}, "quiet": True}


def test_a_pair_of_arrays_is_trained_on(tmp_path):
    results = bakeoff.run(data=(TRAIN.images, TRAIN.labels), store=tmp_path / "a.db", **GIVEN)
    (result,) = results.results
    assert result.state == "done" and result.measures["test_images"] == 12
    again = bakeoff.run(data=[(torch.from_numpy(TRAIN.images), TRAIN.labels)], store=tmp_path / "a.db", **GIVEN)
    assert again.results == results.results
    assert bakeoff.report(tmp_path / "a.db", tmp_path / "a.html").exists()


def test_a_data_set_of_arrays_can_be_named_graded_and_stand_in(tmp_path):
    dots = bakeoff.Dataset.from_arrays(
        (TRAIN.images, TRAIN.labels), test=(TEST.images, TEST.labels), classes=["a", "b", "c"], name="dots"
    )
    changes = {"epochs": 2, "validation": "none", "images_per_class": 5}
    results = bakeoff.run(data=[dots, "digits"], store=tmp_path / "a.db", **GIVEN | {"changes": changes})
    assert [row.net for row in results.rows if row.data == dots.info.name] == ["lenet-afif"]
    assert list(results.confusion("lenet-afif", data=dots.info.name).index) == ["a", "b", "c"]
    experiments = bakeoff.dial(dots, "contrast", levels=[1, 0.5], store=tmp_path / "b.db", **GIVEN)
    assert len(experiments.to_frame()) == 2
    used = bakeoff.run(data="mnist", data_as={"mnist": dots}, store=tmp_path / "a.db", **GIVEN)
    assert used.runs[0].data_hash == dots.info.content_hash


def test_a_recipe_may_be_a_value(tmp_path):
    recipe = bakeoff.Recipe(
        name="mine",
        epochs=2,
        batch_size=16,
        validation="none",
        select="last",
        normalize="unit",
        optimizer=SGD(lr=0.05, momentum=0.9),
        augment=Augment(zoom=(0.9, 1.1)),
        images_per_class=10,
    )
    given = GIVEN | {"changes": None, "data": "digits", "store": tmp_path / "a.db"}
    results = bakeoff.run(recipe=recipe, **given)
    assert [run.recipe.key for run in results.runs] == [recipe.key]
    assert results.rows[0].recipe.startswith("quick (")
    longer = bakeoff.run(recipe=recipe, **given | {"changes": {"epochs": 3, "optimizer.lr": 0.1}}).runs[0].recipe
    assert longer.key == replace(recipe, epochs=3, optimizer=SGD(lr=0.1, momentum=0.9)).key
    known = replace(results.runs[0].recipe, name="afif2018 (epochs=4)", epochs=4)
    assert bakeoff.run(recipe=known, **given).rows[0].recipe.startswith("afif2018 (")


def test_an_ablation_goes_from_one_recipe_to_another_of_which_either_may_be_a_value():
    mine = bakeoff.Recipe(
        name="mine", epochs=2, batch_size=16, validation=0.2, select="last", normalize="unit", optimizer=SGD(lr=0.05)
    )
    for options, base_recipe in ((StudyOptions(data="digits", recipe=mine), "quick"), (QUICK, mine)):
        ablation = choose_ablation("lenet-afif", "lenet-afif", base_recipe, options)
        names = {change.name for change in ablation.changes["digits"]}
        assert {"epochs and stopping", "batch size", "optimiser and schedule", "augmentation"} <= names
        recipes = [variation.recipe for variation in ablation.variations]
        assert any(recipe.key == mine.key for recipe in (recipes[0], recipes[-1]))
        assert {run.recipe.key for run in plan(ablation.study).runs} == {recipe.key for recipe in recipes}


def test_a_text_is_the_path_of_a_folder_unless_a_data_set_is_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("my-photos", "digits", "labels.csv"):
        (tmp_path / folder).mkdir()
    (tmp_path / "labels.tsv").touch()
    assert known_data_sets("my-photos,digits") == ("folder:my-photos", "digits")
    assert known_data_sets([str(tmp_path / "my-photos"), "labels.csv", "labels.tsv", "Digits"]) == (
        f"folder:{tmp_path / 'my-photos'}",
        "folder:labels.csv",
        "csv:labels.tsv",
        "digits",
    )
    assert known_data_sets(["absent", "", "x" * 5000]) == ("absent", "", "x" * 5000)
    with pytest.raises(BakeoffError, match="folder:my-photos"):  # of a study, it would depend on where the study runs
        bakeoff.run(bakeoff.Study(name="a", nets=("lenet-afif",), data=("my-photos",)), quiet=True)


def test_paths_are_folders_of_images(tmp_path):
    with pytest.raises(BakeoffError, match="my-photos"):
        bakeoff.run(data=tmp_path / "my-photos", **GIVEN)


@pytest.mark.parametrize("given", [3, [None], [np.zeros(3)]])
def test_what_is_not_a_data_set_is_refused(given, tmp_path):
    with pytest.raises(BakeoffError, match="data takes names"):
        bakeoff.run(data=given, store=tmp_path / "a.db", **GIVEN)
