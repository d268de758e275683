"""The studies' recipes against what the studies say and what their training logs show."""

import pytest

from bakeoff import studies
from bakeoff.data import DATASETS, stand_in
from bakeoff.errors import BakeoffError
from bakeoff.execution.estimate import steps_of
from bakeoff.execution.tryout import try_out
from bakeoff.nets import find_net
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.overrides import describe_difference
from bakeoff.spec.recipe import L2, SGD, Adam, Augment, Constant, Image
from bakeoff.spec.records import Epoch
from bakeoff.studies.recipes import RECIPES, clark2020, recipe_for, skoularikis2021, srivastava2020
from bakeoff.studies.tables import GridCell
from bakeoff.training.optimizers import penalised_weights
from bakeoff.training.schedules import has_ended, learning_rate

MNIST, CIFAR = DATASETS["mnist"].info(), DATASETS["cifar10"].info()
STUDIES = [name for name in studies.study_names() if studies.load_study(name).published]


def epochs(validation_losses: list[float]) -> list[Epoch]:
    return [
        Epoch(number, 1.0, 0.5, loss, 0.5, 0.1, 1.0, 1.0, 1.0, 1) for number, loss in enumerate(validation_losses, 1)
    ]


class TestSrivastava2020:
    def test_has_the_steps_of_its_logs(self):
        """422 steps an epoch on MNIST, 352 on CIFAR-10."""
        assert steps_of(srivastava2020("vgg16", MNIST), 60_000, 10) == 422
        assert steps_of(srivastava2020("vgg16", CIFAR), 50_000, 10) == 352

    @pytest.mark.parametrize("net", ["alexnet", "vgg16", "resnet34-leaky"])
    def test_passes_through_the_rates_of_its_logs(self, net):
        """3.1623e-05, 1.0000e-05, 3.1623e-06, 1.0000e-06, 5.0000e-07, three epochs each."""
        recipe = srivastava2020(net, CIFAR)
        flat = epochs([1.0] * 40)
        rates = [learning_rate(recipe, flat[:done], done) for done in range(40)]
        last = ["3.1623e-05", "1.0000e-05", "3.1623e-06", "1.0000e-06", "5.0000e-07"]
        written = [f"{rate:.4e}" for rate in rates]
        start = written.index(last[0])
        assert written[start : start + 15] == [rate for rate in last for _ in range(3)]
        assert set(written[start + 15 :]) == {last[-1]}

    def test_stops_ten_epochs_after_the_best(self):
        recipe = srivastava2020("resnet34-leaky", CIFAR)
        assert not has_ended(recipe, epochs([1.0, 0.5] + [0.6] * 9))
        assert has_ended(recipe, epochs([1.0, 0.5] + [0.6] * 10))
        assert recipe.select == "best-validation-loss"

    def test_treats_networks_as_its_numbers_demand(self):
        rates = {net: srivastava2020(net, MNIST).optimizer.lr for net in ("alexnet", "vgg16", "resnet34-leaky")}
        assert rates == {"alexnet": 1e-3, "vgg16": 1e-4, "resnet34-leaky": 1e-3}
        assert srivastava2020("alexnet", MNIST).l2 is None
        assert (
            srivastava2020("vgg16", MNIST).l2 == srivastava2020("resnet34-keras", MNIST).l2 == L2(1e-4, "convolutions")
        )

    def test_clips_no_loss_and_has_the_adam_of_keras(self):
        recipe = srivastava2020("alexnet", MNIST)
        assert recipe.loss == "cross-entropy"
        assert recipe.optimizer == Adam(1e-3, eps=1e-7, eps_before_correction=True)
        assert recipe.image == Image((64, 64))
        assert recipe.augment == Augment(shift=0.1, flip=True)


class TestSkoularikis2021:
    @pytest.mark.parametrize("net", ["vgg16-tv", "googlenet", "resnet18-improved"])
    def test_trains_on_as_many_images_as_its_logs_show(self, net):
        assert skoularikis2021(net, MNIST).validation == 60_000 - 50_000
        assert skoularikis2021(net, CIFAR).validation == 50_000 - 45_000
        assert skoularikis2021(net, DATASETS["svhn"].info()).validation == 0.1

    def test_is_plain_for_plain_networks(self):
        recipe = skoularikis2021("resnet18", CIFAR)
        assert recipe.optimizer == SGD(0.001, momentum=0.9)
        assert (recipe.schedule, recipe.augment, recipe.image) == (Constant(), Augment(), Image())
        assert (recipe.label_smoothing, recipe.auxiliary_weight) == (0.0, 0.3)

    @pytest.mark.parametrize(
        ("epoch", "rate"),
        [(5, 0.01), (9, 0.001), (13, 0.001), (27, 0.001), (28, 1e-4), (44, 1e-5), (47, 1e-5), (49, 1e-6)],
    )
    def test_has_the_rates_of_its_logs_for_improved_ones(self, epoch, rate):
        recipe = skoularikis2021("vgg16-improved", MNIST)
        before = epochs([1.0] * (epoch - 1))
        for done in (epoch - 1, epoch - 0.01):
            assert learning_rate(recipe, before, done) == pytest.approx(rate)

    def test_changes_photographs_more_than_digits(self):
        digits, photographs = (skoularikis2021("googlenet-improved", data).augment for data in (MNIST, CIFAR))
        assert (digits.rotation, digits.shear, digits.flip, digits.saturation) == (15, 0, False, 0)
        assert (photographs.rotation, photographs.shear, photographs.flip, photographs.saturation) == (
            10,
            10,
            True,
            0.2,
        )
        assert digits.zoom == photographs.zoom == (0.8, 1.2)
        assert digits.fill == "zero"

    def test_enlarges_only_what_vgg_refuses(self):
        assert skoularikis2021("vgg16-tv", MNIST).image == Image((32, 32))
        assert skoularikis2021("vgg16-tv+bn", MNIST).image == Image((32, 32))
        assert skoularikis2021("vgg16-tv", CIFAR).image == skoularikis2021("resnet18", MNIST).image == Image()


class TestClark2020:
    def test_penalises_the_two_dense_layers_of_4096_alone(self):
        net = find_net("vgg-a").build(ImageShape(1, 28, 28), 10)
        penalised = penalised_weights(net, clark2020("vgg-a", MNIST).l2)
        assert [tuple(weight.shape) for weight in penalised] == [(4096, 512), (4096, 4096)]
        assert clark2020("nin", MNIST).l2 is None


class TestQuick:
    @pytest.mark.parametrize(
        ("shape", "size"),
        [(None, (64, 64)), ((96, 128), (64, 64)), ((64, 65), (64, 64)), ((64, 64), None), ((28, 40), None)],
    )
    def test_keeps_the_aspect_of_images_of_a_folder(self, shape, size):
        folder = DataInfo("folder:a", shape and ImageShape(3, *shape), ("a", "b"), "x", 100, 0, 20, True)
        assert RECIPES["quick"]("conv", folder).image == Image(size, fit="crop")
        sized = recipe_for(GridCell("conv", "folder:a", "quick", {"image.size": 32}), folder)
        assert sized.image == Image((32, 32), fit="crop")
        padded = recipe_for(GridCell("conv", "folder:a", "quick", {"image.fit": "pad"}), folder)
        assert padded.image == Image(size, fit="pad")

    def test_leaves_built_in_images_alone(self):
        assert RECIPES["quick"]("conv", MNIST).image == Image()


PHOTOGRAPHS = DataInfo("folder:a", None, ("a", "b"), "x", 2000, 0, 500, True)
DIGITS = DataInfo("digits", ImageShape(1, 8, 8), tuple("0123456789"), "abc", 1437, 0, 360, photographs=False)


class TestModern:
    def test_cuts_windows_of_large_images_and_shifts_small_ones(self):
        large, small = RECIPES["modern"]("conv", PHOTOGRAPHS), RECIPES["modern"]("conv", CIFAR)
        assert (large.augment.resized_crop, large.augment.crop) == ((0.35, 1.0), 0)
        assert (small.augment.resized_crop, small.augment.crop) == ((1.0, 1.0), 4)
        assert (large.image, small.image) == (Image((64, 64), fit="crop"), Image())

    def test_does_not_turn_digits_over(self):
        digits, photographs = RECIPES["modern"]("conv", DIGITS).augment, RECIPES["modern"]("conv", CIFAR).augment
        assert (digits.policy, digits.flip, digits.crop) == ("rand", False, 1)
        assert (photographs.policy, photographs.flip) == ("trivial", True)

    @pytest.mark.parametrize(("images", "epochs"), [(1437, 100), (20_000, 75), (50_000, 30), (10**6, 30)])
    def test_trains_on_as_many_images_whatever_the_size_of_the_data(self, images, epochs):
        data = DataInfo("a", ImageShape(3, 32, 32), ("a", "b"), "x", images, 0, 10, True)
        assert RECIPES["modern"]("conv", data).epochs == epochs


class TestFinetune:
    def test_takes_size_interpolation_and_normalisation_of_the_weights(self):
        recipe = RECIPES["finetune"]("efficientnet-lite1:imagenet", PHOTOGRAPHS)
        probe = RECIPES["probe"]("efficientnet-lite1:imagenet", PHOTOGRAPHS)
        assert (recipe.image, recipe.normalize) == (probe.image, probe.normalize)
        assert (recipe.image, recipe.normalize) == (Image((240, 240), interpolation="bicubic"), "weights")
        assert recipe.epochs == 10
        assert recipe.augment == Augment(resized_crop=(0.35, 1.0), flip=True)

    def test_needs_weights(self):
        with pytest.raises(BakeoffError, match=r"resnet20 does not start from weights.*efficientnet-lite0:imagenet"):
            try_out("resnet20", ImageShape(3, 32, 32), 10, RECIPES["finetune"]("resnet20", CIFAR))


class TestEveryRecipe:
    @pytest.mark.parametrize("name", RECIPES)
    def test_names_itself_and_says_where_it_comes_from(self, name):
        assert RECIPES[name]("conv", CIFAR).name == name
        assert len(RECIPES[name].__doc__ or "") > 200

    @pytest.mark.parametrize("study", STUDIES)
    def test_of_a_study_does_not_look_at_what_stands_in(self, study):
        """A folder of JPEG files in place of CIFAR-10 is trained on as CIFAR-10 is."""
        loaded = studies.load_study(study)
        folder = DataInfo("folder:/a/b", ImageShape(3, 32, 32), CIFAR.classes, "x", 50_000, 0, 10_000, True)
        for net in loaded.nets:
            cell = GridCell(net, "cifar10", loaded.recipe, {})
            assert recipe_for(cell, stand_in(folder, "cifar10")).key == recipe_for(cell, CIFAR).key

    def test_is_called_by_a_variants_label(self):
        cell = GridCell("conv", "mnist", "quick", {"epochs": 2}, {"augment.flip": True}, "with mirroring")
        recipe = recipe_for(cell, MNIST)
        assert recipe.name == "quick (epochs=2) (with mirroring)"
        unlabelled = recipe_for(cell._replace(label=""), MNIST)
        assert unlabelled.name == "quick (augment.flip=true, epochs=2)"
        assert recipe.key == unlabelled.key
        assert describe_difference(recipe, unlabelled) == []


@pytest.mark.parametrize("name", ["srivastava2020", "skoularikis2021"])
def test_what_is_assumed_about_a_study_stands_in_its_recipe_and_in_its_file(name):
    assert "assumed" in (RECIPES[name].__doc__ or "")
    assert any("assumed" in text for text in studies.load_study(name).departures)
