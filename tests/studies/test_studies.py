"""The built-in study files: what they name exists, and what they print fits together."""

import math
import re

import pytest

from bakeoff import studies
from bakeoff.data import DATASETS
from bakeoff.errors import BakeoffError
from bakeoff.execution.estimate import Speed, study_seconds
from bakeoff.nets import find_net
from bakeoff.nets.summary import summarize
from bakeoff.studies.recipes import recipe_for
from bakeoff.studies.study import Study
from bakeoff.studies.tables import Published
from bakeoff.studies.toml import parse_study, write_study

PUBLISHED = {name: study for name in studies.study_names() if (study := studies.load_study(name)).published}
PRINTED = [(study, printed) for study in PUBLISHED.values() for printed in study.published]
CLASSES = {
    "mnist": tuple("0123456789"),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}
MNIST_TEST = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
"""Test images of each digit."""


def of(study: str, **wanted: str) -> list[Published]:
    return [p for p in PUBLISHED[study].published if all(getattr(p, name) == value for name, value in wanted.items())]


def test_there_are_four_the_demonstration_and_the_experiments():
    assert set(PUBLISHED) == {"afif2018", "srivastava2020", "clark2020", "skoularikis2021"}
    assert set(studies.study_names()) == {*PUBLISHED, "demo", "dials"}


@pytest.mark.parametrize("name", PUBLISHED)
class TestEachStudy:
    def test_says_what_it_is(self, name):
        study = PUBLISHED[name]
        assert study.name == name
        assert study.recipe == name
        assert study.about and study.citation and study.questions and study.departures
        assert name[-4:] in study.citation

    def test_survives_being_written(self, name):
        assert parse_study(write_study(PUBLISHED[name]), "here") == PUBLISHED[name]

    def test_has_networks_that_take_its_images(self, name):
        for cell in PUBLISHED[name].grid():
            entry = DATASETS[cell.data]
            recipe = recipe_for(cell, entry.info())
            find_net(cell.net).check(cell.net, recipe.image.shape(entry.shape))

    def test_has_each_run_once(self, name):
        cells = PUBLISHED[name].grid()
        keys = {(c.net, c.data, recipe_for(c, DATASETS[c.data].info()).key) for c in cells}
        assert len(keys) == len(cells)

    def test_has_no_other_variants_than_it_names(self, name):
        study = PUBLISHED[name]
        assert all(set(variant.nets) <= set(study.nets) for variant in study.variants)

    def test_prints_nothing_about_cells_it_has_not(self, name):
        cells = [(cell.net, cell.data, cell.variant) for cell in PUBLISHED[name].grid()]
        for printed in PUBLISHED[name].published:
            assert (printed.net, printed.data, printed.set) in cells

    def test_takes_a_time_that_is_known_beforehand(self, name):
        slow, fast = Speed(1e-4, 1e-11, 1), Speed(1e-5, 1e-12, 2)
        assert study_seconds(PUBLISHED[name], slow) == pytest.approx(20 * (study_seconds(PUBLISHED[name], fast) or 0))


@pytest.mark.parametrize(("study", "printed"), PRINTED, ids=lambda value: getattr(value, "net", ""))
class TestEachPrintedCell:
    def test_prints_something(self, study, printed):
        numbers = [
            getattr(printed, name) for name in Published.__struct_fields__ if name not in ("net", "data", "note")
        ]
        assert any(isinstance(number, float | int) or (isinstance(number, dict) and number) for number in numbers)

    def test_names_the_classes_of_its_data(self, study, printed):
        assert set(printed.class_accuracy) <= set(CLASSES.get(printed.data, ()))
        assert len(printed.class_accuracy) in (0, 1, 10)

    def test_is_far_above_chance_or_says_why_not(self, study, printed):
        if printed.test_accuracy is not None and printed.test_accuracy < 0.3:
            assert printed.not_reproducible


@pytest.mark.parametrize("printed", [p for _, p in PRINTED if p.parameters], ids=lambda p: f"{p.net} {p.data}")
def test_printed_parameters_are_those_of_our_networks(printed):
    summary = summarize(printed.net, DATASETS[printed.data].shape, DATASETS[printed.data].classes)
    assert summary.total == printed.parameters
    assert printed.trainable_parameters in (None, summary.trainable)


class TestAfif2018:
    def test_took_47_hours(self):
        """The sum of its table of execution times."""
        cells = {(p.net, p.data): p.seconds for p in PUBLISHED["afif2018"].published if not p.set and p.seconds}
        assert len(cells) == 20
        assert math.fsum(cells.values()) == 170_630

    def test_has_the_best_of_its_table_where_its_text_says(self):
        def best(data: str) -> str:
            cells = [p for p in of("afif2018", data=data) if p.seconds]
            return max(cells, key=lambda p: p.test_accuracy or 0.0).net

        named = {
            "mnist": "vgg-afif",
            "fashion-mnist": "vgg-afif",
            "cifar10": "resnet20v1-keras",
            "svhn": "resnet20v2-keras",
        }
        assert {data: best(data) for data in named} == named

    def test_marks_its_accidents_and_its_unequal_budgets(self):
        reasons = {(p.net, p.data) for p in PUBLISHED["afif2018"].published if p.not_reproducible}
        assert reasons == {
            ("vgg-afif", "svhn"),
            ("resnet20v1-keras", "fashion-mnist"),
            ("lenet-afif", "svhn"),
            ("squeezenet-afif", "svhn"),
        }

    def test_has_a_collapse_that_is_the_share_of_one_class(self):
        (collapsed,) = of("afif2018", net="vgg-afif", data="svhn")
        assert collapsed.test_accuracy == round(1744 / 26_032, 3)


class TestSkoularikis2021:
    @pytest.mark.parametrize("printed", PUBLISHED["skoularikis2021"].published, ids=lambda p: f"{p.net} {p.data}")
    def test_has_accuracies_that_follow_from_those_of_the_classes(self, printed):
        sizes = MNIST_TEST if printed.data == "mnist" else (1000,) * 10
        values = [printed.class_accuracy[name] for name in CLASSES[printed.data]]
        right = sum(round(value * size) for value, size in zip(values, sizes, strict=True))
        assert printed.test_accuracy == pytest.approx(right / 10_000, abs=1e-9)

    def test_improves_by_what_its_text_says(self):
        """CIFAR-10: 75 % on average before, GoogLeNet gains 2.5 points. (Its 85 % after is not its table's.)"""
        accuracy = {p.net: p.test_accuracy or 0.0 for p in of("skoularikis2021", data="cifar10")}
        plain = [accuracy[net] for net in ("vgg16-tv", "resnet18", "googlenet")]
        improved = [accuracy[f"{net}-improved"] for net in ("vgg16", "resnet18", "googlenet")]
        assert sum(plain) / 3 == pytest.approx(0.75, abs=0.01)
        assert sum(improved) / 3 == pytest.approx(0.82, abs=0.01)
        assert improved[2] - plain[2] == pytest.approx(0.025, abs=0.005)

    def test_has_the_hardest_classes_that_it_names(self):
        def mean(data: str, name: str) -> float:
            return math.fsum(p.class_accuracy[name] for p in of("skoularikis2021", data=data)) / 6

        assert min(CLASSES["cifar10"], key=lambda name: mean("cifar10", name)) == "cat"


class TestSrivastava2020:
    def test_prints_every_number_of_every_cell(self):
        cells = PUBLISHED["srivastava2020"].published
        assert len(cells) == 9
        for printed in cells:
            train, test = printed.train_accuracy, printed.test_accuracy
            assert train and test and train > test
            assert printed.train_loss and printed.test_loss and printed.train_loss < printed.test_loss
            assert printed.validation_accuracy and printed.validation_loss


def test_data_of_unknown_size_have_no_known_time():
    study = Study(name="a", nets=("conv",), data=("folder:somewhere",))
    assert study_seconds(study, Speed(1.0, 1.0, 1)) is None
    stand_in = Study(name="a", nets=("conv",), data=("cifar10",), data_as={"cifar10": "folder:somewhere"})
    assert study_seconds(stand_in, Speed(1.0, 1.0, 1)) is None


def test_a_wrong_field_of_a_published_cell_is_named_with_its_line():
    begin = 'name = "a"\nnets = ["conv"]\ndata = ["digits"]\n\n'
    text = f'{begin}[[published]]\nnet = "conv"\ndata = "digits"\ntest_acuracy = 1'
    with pytest.raises(BakeoffError, match=re.escape("a.toml, line 8: unknown field 'test_acuracy': did you mean")):
        parse_study(text, "a.toml")
    with pytest.raises(BakeoffError, match=r"a.toml, line 8: published\[0\].test_accuracy: expected float <= 1.0"):
        parse_study(text.replace("test_acuracy = 1", "test_accuracy = 98.3"), "a.toml")
