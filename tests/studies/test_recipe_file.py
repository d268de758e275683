import pytest

from bakeoff.errors import BakeoffError
from bakeoff.execution.names import known_recipes
from bakeoff.execution.options import StudyOptions
from bakeoff.execution.plan import plan
from bakeoff.execution.session import choose_study
from bakeoff.studies.recipe_file import RecipeFile, read_recipe, tuned_for, write_recipe
from bakeoff.studies.recipes import RECIPES

BY_HAND = 'recipe = "quick"\n[set]\n"optimizer.lr" = 0.002\nepochs = 3\n'


def written(folder, text=BY_HAND, name="mine.toml"):
    path = folder / name
    path.write_text(text)
    return path


def test_is_used_like_any_recipe(tmp_path):
    path = str(written(tmp_path))
    made = plan(choose_study(None, StudyOptions(nets=["linear"], data=["digits"], recipe=f"quick,{path}", seeds=1)))
    plain, changed = (run.recipe for run in made.runs)
    assert changed.name.startswith("mine@") and plain.name == "quick"
    assert (changed.epochs, changed.optimizer.lr) == (3, 0.002)
    assert changed.batch_size == plain.batch_size


def test_has_a_name_that_its_settings_decide(tmp_path):
    first, same = written(tmp_path), written(tmp_path, f"# a comment\n{BY_HAND}")
    assert read_recipe(first) == read_recipe(same)
    assert read_recipe(first) != read_recipe(written(tmp_path, BY_HAND.replace("3", "4")))


def test_says_for_which_network_it_was_tuned(tmp_path):
    recipe = RecipeFile(recipe="quick", set={"epochs": 2}, tuned={"net": "resnet20", "trials": 12})
    name = known_recipes(str(written(tmp_path, write_recipe(recipe))))
    assert name in RECIPES and tuned_for(name) == "resnet20"
    assert tuned_for(f"{name} (epochs=3)") == "resnet20"
    as_before = RecipeFile(recipe="quick", tuned={"net": "resnet20", "is_better": False})
    assert tuned_for(read_recipe(written(tmp_path, write_recipe(as_before)))) is None
    assert tuned_for("quick") is None and tuned_for("mine@1a2b3c4d") is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "recipe"),
        ("recipe = ", "TOML"),
        ('recipe = "quickk"', "quick"),
        ('recipe = "quick"\nsett = {}', "set"),
        ('recipe = "quick"\n[set]\n"optimizer.lrr" = 1', "optimizer.lr"),
    ],
)
def test_refuses_what_is_not_a_recipe(tmp_path, text, word):
    path = written(tmp_path, text)
    with pytest.raises(BakeoffError, match=word):
        plan(choose_study(None, StudyOptions(nets=["linear"], data=["digits"], recipe=str(path), seeds=1)))


def test_refuses_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BakeoffError, match="cannot read"):
        read_recipe(tmp_path / "none.toml")
