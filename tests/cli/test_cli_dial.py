import json

import pytest

import dialled

TINY = ["--epochs", "2", "--set", "images_per_class=20", "--set", "validation=50", "--seeds", "1"]


@pytest.fixture(scope="module")
def turned(bakeoff, tmp_path_factory):
    """A store that `bakeoff dial` filled, and its output."""
    store = str(tmp_path_factory.mktemp("dial") / "a.db")
    asked = ["dial", "digits", "--turn", "contrast,label-noise", "--steps", "2", "--nets", "lenet-afif,nin", *TINY]
    return store, asked, bakeoff(*asked, "--store", store)


def test_turns_trains_and_tells(turned):
    _, _, said = turned
    assert said.code == 0
    assert "Contrast: fraction of the contrast that is kept. Recipe quick" in said.out
    assert "Label-noise: fraction of wrong training labels" in said.out
    assert said.err.count("on the test images") == 6  # the images as they are belong to both
    assert "chance" in said.out and "0.0625" in said.out


def test_continues_where_it_was_and_gives_json_and_csv(turned, bakeoff):
    store, asked, _ = turned
    again = bakeoff(*asked, "--store", store, "--json")
    assert "6 of 6 runs are already in the store" in again.err
    told = json.loads(again.out)
    assert [(one["turn"], one["levels"]) for one in told] == [("contrast", [1, 0.0625]), ("label-noise", [0, 0.8])]
    assert {curve["net"] for one in told for curve in one["curves"]} == {"lenet-afif", "nin"}
    table = bakeoff(*asked, "--store", store, "--format", "csv").out.splitlines()
    assert table[0] == "data,turn,recipe,net,level,chance,test_accuracy,low,high,seeds" and len(table) == 9


def test_all_classes_are_the_images_as_they_are_with_their_runs(turned, bakeoff):
    store, _, _ = turned
    asked = ["dial", "digits", "--turn", "classes", "--levels", "10,3", "--nets", "lenet-afif,nin", *TINY]
    said = bakeoff(*asked, "--store", store, "--json")
    assert "2 of 4 runs are already in the store" in said.err
    assert [(one["turn"], one["levels"]) for one in json.loads(said.out)] == [("classes", [10, 3])]


def test_its_versions_are_data_sets_for_every_command(bakeoff):
    said = bakeoff("data", "digits~classes=3", "--json")
    facts = json.loads(said.out)
    assert facts["name"] == "digits~classes=3" and len(facts["classes"]) == 3


def test_plans_without_training(bakeoff, tmp_path):
    store = tmp_path / "a.db"
    said = bakeoff("dial", "digits", "--turn", "upscale", "--nets", "lenet-afif", *TINY, "--dry-run", "--json",
                   "--store", str(store))  # fmt: skip
    plan = json.loads(said.out)
    assert plan["runs"] == 5 and not store.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--turn", "contrst"], "unknown dial 'contrst': did you mean contrast"),
        (["--turn", "colour"], "digits has no colours"),
        (["--turn", "contrast", "--levels", "1,much"], "--levels takes numbers"),
        (["--turn", "contrast", "--levels", "2"], "contrast expects a number from 0 to 1"),
        (["--turn", "contrast", "--steps", "1"], "at least 2 steps"),
    ],
)
def test_errors_are_one_sentence(bakeoff, tmp_path, arguments, told):
    said = bakeoff("dial", "digits", *arguments, "--nets", "lenet-afif", "--store", str(tmp_path / "a.db"))
    assert said.code == 2 and told in said.err and said.err.count("\n") == 1


def test_the_built_in_study_lists_its_questions(bakeoff):
    told = json.loads(bakeoff("studies", "dials", "--json").out)
    assert len(told["questions"]) == 5 and told["runs"] == 162
    assert "colour at 1, 0.5, 0" in bakeoff("studies", "dials").out


def test_a_store_of_experiments_can_be_shown_again(bakeoff, tmp_path):
    path = dialled.crossing_store(tmp_path / "a.db")
    told = bakeoff("answer", "--store", str(path))
    assert told.code == 0
