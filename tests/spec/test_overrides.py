import math
import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.errors import BakeoffError
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.overrides import (
    CHOICES,
    change,
    difference,
    field_names,
    flatten,
    parse_assignment,
    parse_seconds,
    parse_size,
)
from bakeoff.spec.recipe import L2, SGD, Adam, AdamW, Cosine, OneCycle, Stop
from bakeoff.spec.values import to_dict
from bakeoff.studies.general_recipes import quick
from bakeoff.studies.recipes import RECIPES as NAMED
from bakeoff.studies.recipes import clark2020
from bakeoff.studies.study import Study
from bakeoff.studies.tables import Exceptional
from generated import RECIPES

DIGITS = DataInfo("digits", ImageShape(1, 8, 8), tuple("0123456789"), "abc", 1437, 0, 360, photographs=False)
QUICK = quick("conv", DIGITS)
CLARK = clark2020("conv", DIGITS)


class TestTreatment:
    STUDY = Study(
        name="a",
        nets=("conv", "drop"),
        data=("digits", "mnist"),
        recipe="quick",
        set={"epochs": 1, "batch_size": 8},
        cells=(
            Exceptional(nets=("drop",), recipe="clark2020", set={"epochs": 2}),
            Exceptional(data=("mnist",), set={"epochs": 3}),
        ),
    )

    @pytest.mark.parametrize(
        ("net", "data", "recipe", "epochs"),
        [
            ("conv", "digits", "quick", 1),
            ("drop", "digits", "clark2020", 2),
            ("conv", "mnist", "quick", 3),
            ("drop", "mnist", "clark2020", 3),
        ],
    )
    def test_of_a_cell_is_the_studys_with_later_exceptions_winning(self, net, data, recipe, epochs):
        assert self.STUDY.treatment(net, data) == (recipe, {"epochs": epochs, "batch_size": 8})


class TestChange:
    @given(recipe=RECIPES, wanted=RECIPES)
    def test_reaches_every_field(self, recipe, wanted):
        """Field by field, any recipe becomes any other."""
        tree = to_dict(wanted, full=True)
        changes = {}
        for name, value in tree.items():
            if isinstance(value, dict) and name in ("image", "augment", "optimizer", "schedule"):
                changes |= {f"{name}.{field}": inner for field, inner in value.items()}
            elif name != "name":
                changes[name] = value
        first = {name: value for name, value in changes.items() if name.endswith(".name")}
        assert change(recipe, first | changes).key == wanted.key

    @given(recipe=RECIPES)
    def test_to_the_same_value_is_none(self, recipe):
        tree = to_dict(recipe, full=True)
        assert change(recipe, {"epochs": recipe.epochs, "optimizer.lr": tree["optimizer"]["lr"]}) is recipe
        assert change(recipe, {}) is recipe

    def test_is_told_in_the_name_only(self):
        changed = change(QUICK, {"epochs": 3, "augment.flip": True})
        assert changed.name == "quick (augment.flip=true, epochs=3)"
        assert changed.key == msgspec.structs.replace(changed, name="quick").key

    @given(recipe=RECIPES, wanted=RECIPES, order=st.randoms())
    def test_names_a_recipe_by_what_it_is_not_by_how_it_was_asked_for(self, recipe, wanted, order):
        """In any order, with changes that change nothing among them, and in more words than needed."""
        changes = difference(recipe, wanted)
        name = change(recipe, changes).name
        kept = {f"{table}.name" for table in ("optimizer", "schedule")} | {"epochs", "batch_size"}
        spare = {field: value for field, value in flatten(to_dict(wanted, full=True)).items() if field in kept}
        items = [*changes.items(), *spare.items()]
        first = [item for item in items if item[0] in CHOICES]  # their fields come after them
        order.shuffle(items)
        assert change(recipe, dict([*first, *items])).name == name

    @pytest.mark.parametrize("changes", [{"optimizer": "sgd", "optimizer.lr": 3e-3}, {"optimizer.name": "sgd"}])
    def test_that_say_the_same_are_named_alike(self, changes):
        assert change(QUICK, changes).name == "quick (optimizer=sgd)"

    def test_of_the_optimiser_starts_from_its_own_defaults_at_the_same_rate(self):
        assert isinstance(QUICK.optimizer, AdamW)
        lr = QUICK.optimizer.lr
        assert change(QUICK, {"optimizer": "sgd"}).optimizer == SGD(lr)
        assert change(QUICK, {"optimizer.name": "adam", "optimizer.beta1": 0.5}).optimizer == Adam(lr, beta1=0.5)
        assert change(QUICK, {"optimizer": {"name": "sgd", "lr": 1}}).optimizer == SGD(1.0)
        assert change(QUICK, {"schedule": "cosine"}).schedule == Cosine()
        assert change(QUICK, {"schedule.peak_at": 0.5}).schedule == OneCycle(peak_at=0.5)

    def test_of_the_size_takes_one_side_or_two(self):
        assert change(QUICK, {"image.size": 48}).image.size == (48, 48)
        assert change(QUICK, {"image.size": [48, 64]}).image.size == (48, 64)
        assert change(QUICK, {"image.size": "48x64"}).name == "quick (image.size=48x64)"
        assert change(QUICK, {"image.size": 32}).name == "quick (image.size=32x32)"

    def test_fills_and_empties_what_may_be_absent(self):
        assert change(QUICK, {"l2.strength": 1e-4, "l2.on": "dense"}).l2 == L2(1e-4, "dense")
        assert change(QUICK, {"stop.monitor": "train_loss", "stop.patience": 2}).stop == Stop("train_loss", 2)
        assert CLARK.stop is not None
        assert change(CLARK, {"stop": "none"}).stop is None
        assert change(CLARK, {"stop": "–"}).stop is None
        sized = change(QUICK, {"image.size": 8, "images_per_class": 5})
        emptied = change(sized, {"image.size": "none", "images_per_class": "none"})
        assert (emptied.image.size, emptied.images_per_class) == (None, None)
        assert change(QUICK, {"validation": "none"}).validation == "none"

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("epocs", 3, "unknown recipe field 'epocs': did you mean epochs?"),
            ("optimizer.moment", 1, "did you mean optimizer"),
            ("optimizer.lr.x", 1, "unknown recipe field 'optimizer.lr.x'"),
            ("epochs.x", 1, "did you mean epochs?"),
            ("augment.flipp", 1, "did you mean augment.flip"),
            ("stop.patients", 1, "did you mean stop.patience?"),
            ("optimizer", "adan", "unknown optimizer 'adan': did you mean adam"),
            ("schedule", "cosin", "unknown schedule 'cosin': did you mean cosine?"),
            ("epochs", 0, "cannot set epochs=0: epochs: expected int >= 1"),
            ("epochs", "many", "cannot set epochs=many: epochs: expected int, got str"),
            ("optimizer.lr", -1, "optimizer.lr: expected float > 0.0"),
            ("optimizer.lr", math.inf, "optimizer.lr: expected float <= 1e+100"),
            ("optimizer.beta1", 1, "optimizer.beta1: expected float < 1.0"),
            ("augment.zoom", [2, 1], "zoom takes the smaller magnification first"),
            ("optimizer", {"name": "sgd"}, "missing required field lr"),
            ("augment.zoom", [1], "augment.zoom: expected array of length 2"),
            ("normalize", "std", "cannot set normalize=std: "),
            ("stop.patience", 3, "stop: object missing required field monitor"),
            ("epochs", "none", "epochs: expected int, got str"),
            ("optimizer", 3, "unknown optimizer '3'"),
            ("optimizer", {"lr": 1}, "needs a name (sgd"),
            ("optimizer", {}, "needs a name"),
            ("name", "mine", "cannot set name"),
            ("image.size", "64by64", "image.size takes a side"),
            ("optimizer.momentum", 0.9, "unknown recipe field 'optimizer.momentum'"),
            ("", 1, "unknown recipe field ''"),
        ],
    )
    def test_says_what_is_wrong(self, name, value, words):
        with pytest.raises(BakeoffError) as caught:
            change(QUICK, {name: value})
        assert words in str(caught.value)

    def test_that_contradicts_itself_is_refused(self):
        with pytest.raises(BakeoffError, match="validation is none, but"):
            change(QUICK, {"validation": "none", "select": "best-validation-loss"})

    @pytest.mark.parametrize("recipe", NAMED)
    def test_of_every_listed_field_works(self, recipe):
        named = NAMED[recipe]("resnet20", DIGITS)
        tree = to_dict(named, full=True)
        for name in field_names(tree):
            table, _, field = name.partition(".")
            value = tree[table][field] if field else tree[table]
            if value is not None and name != "name":
                assert change(named, {name: value}) is named


class TestAssignments:
    @given(name=st.text(string.ascii_lowercase + "._", min_size=1), value=st.integers() | st.booleans())
    def test_are_a_name_and_a_toml_value(self, name, value):
        assert parse_assignment(f"{name}={str(value).lower()}") == (name, value)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("epochs=3", ("epochs", 3)),
            ("optimizer.lr = 1e-2", ("optimizer.lr", 0.01)),
            ("augment.flip=true", ("augment.flip", True)),
            ("image.size=[32, 48]", ("image.size", [32, 48])),
            ("optimizer=sgd", ("optimizer", "sgd")),
            ('optimizer="sgd"', ("optimizer", "sgd")),
            ("select= best-validation-loss ", ("select", "best-validation-loss")),
            ("optimizer={name='sgd', lr=1.0}", ("optimizer", {"name": "sgd", "lr": 1.0})),
            ("a=b=c", ("a", "b=c")),
            ("a=", ("a", "")),
        ],
    )
    def test_may_leave_out_quotes(self, text, expected):
        assert parse_assignment(text) == expected

    @pytest.mark.parametrize("text", ["epochs", "=3", " =3", ""])
    def test_need_both_sides(self, text):
        with pytest.raises(BakeoffError, match="--set takes FIELD=VALUE"):
            parse_assignment(text)

    @given(text=st.text())
    def test_are_read_or_explained(self, text):
        try:
            parse_assignment(text)
        except BakeoffError as error:
            assert "FIELD=VALUE" in str(error)


class TestSizes:
    @pytest.mark.parametrize(("text", "size"), [("64", [64, 64]), ("48x64", [48, 64]), ("48 × 64", [48, 64])])
    def test_are_a_side_or_two(self, text, size):
        assert parse_size(text) == size

    @pytest.mark.parametrize("text", ["", "0", "-3", "1x2x3", "ax3", "1.5", "x"])
    def test_are_explained(self, text):
        with pytest.raises(BakeoffError, match="--size takes"):
            parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200),
        ("90m", 5400),
        ("1h30m", 5400),
        ("1h 30min", 5400),
        ("45s", 45),
        ("1.5H", 5400),
        ("30", 30),
        (2.5, 2.5),
    ],
)
def test_time_limits_are_read(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "h", "-1h", "0", "1d", "1h30", "nan", "inf", "9" * 400])
def test_what_is_not_a_time_limit_is_reported(text):
    with pytest.raises(BakeoffError, match="2h, 90m or 1h30m"):
        parse_seconds(text)
