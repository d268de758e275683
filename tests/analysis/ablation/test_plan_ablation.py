import msgspec
import pytest
from hypothesis import given, settings

import tiny
from bakeoff.analysis.ablation import compute_gains
from bakeoff.analysis.ablation.plan import GROUPS, network_changes, plan_ablation, recipe_changes, usual_recipe
from bakeoff.errors import BakeoffError
from bakeoff.execution.options import StudyOptions
from bakeoff.execution.plan import plan
from bakeoff.execution.session import choose_study
from bakeoff.spec.overrides import change, difference
from bakeoff.spec.recipe import Adam, Image, Recipe
from bakeoff.studies.general_recipes import modern, quick
from bakeoff.studies.toml import parse_study, write_study
from generated import RECIPES

DIGITS = {"image.scale": 4, **tiny.DIGITS}


def names(changes) -> list[str]:
    return [each.name for each in changes]


class TestNetworkChanges:
    @pytest.mark.parametrize(
        ("base", "target", "found"),
        [
            ("vgg16-tv", "vgg16-improved", ["bn", "max-pool"]),
            ("vgg16-tv+bn", "vgg16-improved", ["max-pool"]),
            ("vgg16-tv", "vgg16-tv+max-pool", ["max-pool"]),
            ("resnet18", "resnet18-improved", ["stem", "dropout", "initialisation"]),
            ("googlenet", "googlenet-improved", ["stem"]),
            ("resnet34-keras", "resnet34-leaky", ["leaky"]),
            ("conv", "drop", ["network"]),
            ("vgg16-improved", "vgg16-tv", ["network"]),
            ("conv", "conv", []),
        ],
    )
    def test_are_those_that_the_network_names(self, base, target, found):
        assert names(network_changes(base, target)) == found

    def test_say_what_they_are(self):
        (leaky,) = network_changes("resnet34-keras", "resnet34-leaky")
        assert "LeakyReLU" in leaky.what
        assert network_changes("conv", "drop")[0].what == "drop in place of conv"


class TestRecipeChanges:
    @settings(deadline=None)
    @given(old=RECIPES, new=RECIPES)
    def test_together_are_the_whole_difference(self, old, new):
        """Nothing is lost, nothing is made twice, and made together they give the other recipe."""
        groups = recipe_changes(old, new)
        together = {field: value for group in groups for field, value in group.fields.items()}
        assert sorted(together) == sorted(field for group in groups for field in group.fields)
        assert together == difference(old, new)
        assert change(old, difference(old, new)).key == new.key

    def test_put_fields_together_that_belong_together(self):
        old = quick("conv", tiny.dataset().info)
        new = change(
            old,
            {
                "image.size": 64,
                "image.fit": "pad",
                "augment.rotation": 10.0,
                "augment.flip": True,
                "optimizer.lr": 0.1,
                "schedule": "cosine",
                "label_smoothing": 0.1,
                "optimizer.weight_decay": 0.1,
                "epochs": 3,
            },
        )
        found = {group.name: sorted(group.fields) for group in recipe_changes(old, new)}
        assert found == {
            "image size": ["image.fit", "image.size"],
            "augmentation": ["augment.flip", "augment.rotation"],
            "optimiser and schedule": ["optimizer.lr", "schedule"],
            "label smoothing": ["label_smoothing"],
            "weight decay": ["optimizer.weight_decay"],
            "epochs and stopping": ["epochs"],
        }

    def test_have_a_group_for_every_field(self):
        fields = {field for field in Recipe.__struct_fields__ if field != "name"}
        assert fields == {member.partition(".")[0] for members in GROUPS.values() for member in members}

    def test_from_quick_to_modern_are_its_pieces(self):
        info = tiny.dataset().info
        assert sorted(names(recipe_changes(quick("conv", info), modern("conv", info)))) == [
            "augmentation",
            "average of weights",
            "clipping of gradients",
            "epochs and stopping",
            "label smoothing",
            "mixing of images",
            "optimiser and schedule",
        ]

    def test_keep_the_decay_of_another_optimiser_with_it(self):
        old = quick("conv", tiny.dataset().info)
        new = msgspec.structs.replace(old, optimizer=Adam(1e-3, weight_decay=1e-4))
        assert names(recipe_changes(old, new)) == ["optimiser and schedule"]


@pytest.fixture(scope="module")
def ablation():
    return plan_ablation("resnet18-improved", "resnet18", ["digits"], changes=DIGITS)


class TestThePlan:
    def test_has_the_recipe_of_the_study_that_has_both(self, ablation):
        assert ablation.study.recipe == usual_recipe("resnet18-improved", "resnet18") == "skoularikis2021"
        assert usual_recipe("conv", "resnet18") == "quick"

    def test_turns_changes_on_one_at_a_time_and_all_but_one_at_a_time(self, ablation):
        of_net, of_recipe = (
            ["stem", "dropout", "initialisation"],
            [*("optimiser and schedule", "weight decay", "augmentation", "label smoothing", "image size")],
        )
        assert sorted(names(ablation.changes["digits"])) == sorted(of_net + of_recipe)
        sizes = sorted(len(variation.made) for variation in ablation.variations)
        assert sizes == [0, *[1] * 8, *[7] * 8, 8]

    def test_has_the_two_pairs_at_its_ends_as_a_study_trains_them(self, ablation):
        """So an ablation keeps the runs of a reproduction, and the other way round."""
        study = choose_study(
            "skoularikis2021", StudyOptions(nets=["resnet18", "resnet18-improved"], data=["digits"], changes=DIGITS)
        )
        assert {run.id for run in plan(study).runs} <= {run.id for run in plan(ablation.study).runs}

    def test_is_a_study_that_a_file_can_hold(self, ablation):
        again = parse_study(write_study(ablation.study), "here")
        assert again == ablation.study
        assert [run.id for run in plan(again).runs] == [run.id for run in plan(ablation.study).runs]

    def test_trains_what_it_says(self, ablation):
        """Each variation has exactly the changes it names: of the network in its name, of the recipe in its fields."""
        runs = {(run.net, run.recipe.key): run for run in plan(ablation.study).runs}
        old, new = ablation.variations[0].recipe, ablation.variations[-1].recipe
        fields = {each.name: set(each.fields) for each in ablation.changes["digits"]}
        for variation in ablation.variations:
            run = runs[variation.net, variation.recipe.key]
            made = set().union(*(fields[name] for name in variation.made))
            assert set(difference(old, run.recipe)) == made
            assert set(difference(new, run.recipe)) <= set().union(*fields.values()) - made
            of_net = [name for name in ("stem", "dropout", "initialisation") if name in variation.made]
            assert run.net == ("resnet18-improved" if len(of_net) == 3 else "+".join(["resnet18", *of_net]))

    def test_calls_its_runs_by_what_they_change(self, ablation):
        called = {run.recipe.name.partition(")")[2].strip() for run in plan(ablation.study).runs}
        assert {"", "(with label smoothing)", "(without stem)"} <= called

    def test_of_one_change_has_two_cells(self):
        ablation = plan_ablation("drop", "conv", ["digits"], changes=DIGITS)
        assert [variation.net for variation in ablation.variations] == ["conv", "drop"]

    def test_may_compare_two_recipes_for_one_network(self):
        given = {"changes": DIGITS, "recipe": "quick", "base_recipe": "clark2020"}
        ablation = plan_ablation("conv", "conv", ["digits"], **given)
        ends = (ablation.variations[0], ablation.variations[-1])
        assert [end.recipe.name.partition(" ")[0] for end in ends] == ["clark2020", "quick"]
        assert "normalisation" in names(ablation.changes["digits"])

    def test_needs_a_difference(self):
        with pytest.raises(BakeoffError, match="conv and conv do not differ under the recipe clark2020 on digits"):
            plan_ablation("conv", "conv", ["digits"])

    def test_leaves_out_what_cannot_be_trained_and_says_why(self):
        ablation = plan_ablation("vgg16-improved", "vgg16-tv", ["digits"], changes={"image.scale": 1} | tiny.DIGITS)
        impossible = [variation for variation in ablation.variations if variation.impossible]
        assert not impossible  # vgg16 is enlarged by its recipe
        ablation = plan_ablation(
            "googlenet-improved", "googlenet", ["digits"], changes={"image.scale": 1} | tiny.DIGITS
        )
        impossible = [variation for variation in ablation.variations if variation.impossible]
        assert all("image size" not in variation.made for variation in impossible)
        assert "googlenet needs at least 15×15 pixels" in impossible[0].impossible
        assert len(plan(ablation.study).runs) == 3 * (len(ablation.variations) - len(impossible))
        unknown = [gain for gain in compute_gains(ablation, []) if gain.reason]
        assert {gain.verdict for gain in unknown} == {"not run"}
        assert len(unknown) > 5


def test_images_of_several_sizes_cannot_be_left_as_they_are(tmp_path):
    """If a recipe resizes a folder's images to one size, removing that is impossible, and reported as such."""
    from PIL import Image as Picture

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for number in range(8):
            picture = Picture.new("RGB", (20 + number % 2, 20), (number * 20, 30, 200 if name == "one" else 0))
            picture.save(tmp_path / name / f"{number}.png")
    data = f"folder:{tmp_path}"
    ablation = plan_ablation("conv", "conv", [data], recipe="quick", base_recipe="clark2020", changes={"epochs": 1})
    impossible = [variation for variation in ablation.variations if variation.impossible]
    assert impossible
    assert all(variation.recipe.image == Image() for variation in impossible)
    assert "several sizes" in impossible[0].impossible
