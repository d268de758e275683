import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.analysis.tune.space import Searched, parse_searched, rounded, search_space, tried_values
from bakeoff.errors import BakeoffError
from bakeoff.spec.overrides import change, flatten
from bakeoff.spec.recipe import AdamW, Augment, Probe, Recipe
from bakeoff.spec.values import to_dict

RECIPE = Recipe(
    name="any",
    epochs=8,
    batch_size=64,
    validation=0.1,
    select="last",
    normalize="channel",
    optimizer=AdamW(lr=3e-3, weight_decay=0.05),
    augment=Augment(shift=0.1),
)
OWN = flatten(to_dict(RECIPE, full=True))


def fields(*asked, recipe=RECIPE, fixed=(), photographs=False):
    return {one.field: one for one in search_space(recipe, asked, fixed, photographs=photographs)}


def test_is_around_the_recipes_own_values():
    space = fields()
    assert {"optimizer.lr", "optimizer.weight_decay", "batch_size", "label_smoothing", "augment.shift"} <= space.keys()
    assert space["optimizer.lr"].low == pytest.approx(3e-4) and space["optimizer.lr"].high == pytest.approx(3e-2)
    assert space["batch_size"].choices == (32, 64, 128)
    assert tried_values(RECIPE, tuple(space.values())) is not None


def test_has_only_what_suits_recipe_and_images():
    assert "augment.mixup" not in fields() and "augment.brightness" not in fields()
    assert "augment.brightness" in fields(photographs=True)
    assert "augment.mixup" in fields(recipe=change(RECIPE, {"augment.mixup": 0.2}))
    assert fields(fixed=("optimizer.lr",)).keys() == fields().keys() - {"optimizer.lr"}
    with pytest.raises(BakeoffError, match="leave out one"):
        fields("optimizer.lr=0.1..0.2", fixed=("optimizer.lr",))


def test_takes_other_ranges_and_fields():
    space = fields("optimizer.lr=1e-4..1e-1", "augment.rotation=0..5", "augment.flip=true,false", "augment.cutout=0..8")
    assert (space["optimizer.lr"].low, space["optimizer.lr"].high) == (1e-4, 1e-1)
    assert space["optimizer.lr"].is_logarithmic and not space["augment.rotation"].is_logarithmic
    assert space["augment.flip"].choices == (True, False)
    assert space["augment.cutout"].is_whole
    assert "optimizer.lr" in fields("lr=1e-4..1e-1")


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ("optimizer.lr", "FIELD"),
        ("optimizer.lr=", "FIELD"),
        ("optimizer.lr=1..0.1", "lower"),
        ("optimizer.lr=a..b", "numbers"),
        ("optimizer.lr=0..inf", "finite"),
        ("optimizer.momentum=0..1", "no such field"),
        ("optimizer.lr=-1..1", "optimizer.lr"),
        ("label_smoothing=0..2", "label_smoothing"),
        ("epochs=1..9", "--set"),
        ("augment.fill=zero,blue", "blue"),
    ],
)
def test_refuses_what_cannot_be_searched(asked, word):
    with pytest.raises(BakeoffError, match=word):
        fields(asked)


def test_a_probe_has_nothing_to_search():
    probe = Recipe(
        name="probe",
        epochs=1,
        batch_size=64,
        validation=0.1,
        select="last",
        normalize="channel",
        optimizer=AdamW(lr=1e-3),
        probe=Probe(),
    )
    with pytest.raises(BakeoffError, match="--search"):
        search_space(probe)


@given(st.floats(1e-6, 1e3), st.floats(1.01, 1e4))
def test_ranges_are_read_as_they_are_written(low, by):
    searched = parse_searched(f"optimizer.lr={low!r}..{low * by!r}", OWN)
    assert (searched.low, searched.high) == (low, low * by)
    assert searched.is_logarithmic == (low * by >= 10 * low)


@given(st.floats(1e-9, 1e9))
def test_rounding_keeps_the_value_but_for_a_thousandth(value):
    assert rounded(value) == pytest.approx(value, rel=6e-3)
    assert rounded(rounded(value)) == rounded(value)


def test_recipes_with_other_values_were_not_tried():
    space = (Searched("optimizer.lr", 1e-3, 1e-2), Searched("batch_size", choices=(32, 64)))
    assert tried_values(RECIPE, space) == {"optimizer.lr": 3e-3, "batch_size": 64}
    assert tried_values(change(RECIPE, {"batch_size": 128}), space) is None
    assert tried_values(change(RECIPE, {"optimizer": "sgd", "optimizer.lr": 0.1}), space) is None
