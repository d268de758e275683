import pickle

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bakeoff.errors import BakeoffError
from bakeoff.spec.data import DataInfo, ImageShape, data_label
from bakeoff.spec.recipe import L2, SGD, Augment, Image, Recipe, Steps, Stop
from bakeoff.spec.run import Run, derive_seed, steps_in_epoch
from bakeoff.spec.values import Value, digest, to_dict
from bakeoff.studies.recipes import RECIPES as NAMED
from generated import RECIPES, RUNS

DIGITS = DataInfo("digits", ImageShape(1, 8, 8), tuple("0123456789"), "abc", 1437, 0, 360, photographs=False)
RECIPE = Recipe(
    name="plain",
    epochs=3,
    batch_size=32,
    validation=0.1,
    select="last",
    normalize="unit",
    optimizer=SGD(lr=0.1, momentum=0.9),
    schedule=Steps((2,), 0.1),
)
RUN = Run("conv", "digits", "abc", RECIPE, 0)


class TestIdentity:
    def test_is_a_known_value(self):
        """Changing this number makes every existing store start over: raise PROTOCOL if that is intended."""
        assert RUN.id == "1160430c8a6d135f"

    def test_of_the_first_protocol_stays(self):
        assert msgspec.structs.replace(RUN, protocol=1).id == "8e045d1e2971b42d"

    def test_includes_the_weights_a_network_starts_from(self):
        """A known value too: the one above stays, where there are no weights."""
        assert msgspec.structs.replace(RUN, weights="ab" * 32).id == "e9e3531f8347d77e"

    @given(run=RUNS, nickname=st.text(max_size=5), place=st.text(max_size=5))
    def test_leaves_out_names_and_places(self, run, nickname, place):
        renamed = msgspec.structs.replace(run, recipe=msgspec.structs.replace(run.recipe, name=nickname), data=place)
        assert renamed.id == run.id

    @given(run=RUNS)
    def test_survives_storing_sending_and_spelling_out(self, run):
        stored = msgspec.convert(msgspec.json.decode(msgspec.json.encode(to_dict(run))), Run)
        sent = pickle.loads(pickle.dumps(run))
        spelled_out = msgspec.convert(to_dict(run, full=True), Run)
        assert stored == sent == spelled_out == run
        assert {stored.id, sent.id, spelled_out.id} == {run.id}

    @given(run=RUNS, other=RUNS, data=st.data())
    def test_depends_on_every_other_field(self, run, other, data):
        tables = {"run": Run, "recipe": Recipe}
        table = data.draw(st.sampled_from(list(tables)))
        field = data.draw(st.sampled_from([f for f in tables[table].__struct_fields__ if f not in ("name", "data")]))
        if table == "run":
            value, changed = getattr(other, field), msgspec.structs.replace(run, **{field: getattr(other, field)})
            assume(value != getattr(run, field) and (field != "recipe" or value.key != run.recipe.key))
        else:
            value = getattr(other.recipe, field)
            assume(value != getattr(run.recipe, field))
            try:
                recipe = msgspec.structs.replace(run.recipe, **{field: value})
            except ValueError:
                assume(False)
            changed = msgspec.structs.replace(run, recipe=recipe)
        assert changed.id != run.id

    @given(recipe=RECIPES)
    def test_is_not_changed_by_a_field_added_later(self, recipe):
        class Later(Recipe, frozen=True, kw_only=True):
            invented: int = 0

        later = Later(**{name: getattr(recipe, name) for name in Recipe.__struct_fields__})
        assert later.key == recipe.key
        assert msgspec.structs.replace(later, invented=1).key != recipe.key

    @pytest.mark.parametrize("name", NAMED)
    @pytest.mark.parametrize("net", ["conv", "resnet20", "vgg-a", "lenet-afif"])
    def test_of_a_named_recipe_survives_storing(self, name, net):
        recipe = NAMED[name](net, DIGITS)
        stored = msgspec.convert(msgspec.json.decode(msgspec.json.encode(to_dict(recipe))), Recipe)
        assert stored.key == recipe.key


class TestImageShape:
    @given(sides=st.tuples(*[st.integers(1, 1000)] * 3))
    def test_reads_what_it_writes(self, sides):
        shape = ImageShape(*sides)
        assert ImageShape.parse(str(shape)) == shape
        assert ImageShape.parse("×".join(map(str, sides))) == shape

    @given(text=st.text(max_size=12))
    def test_reads_or_explains(self, text):
        try:
            shape = ImageShape.parse(text)
        except BakeoffError as error:
            assert "CHANNELSxHEIGHTxWIDTH" in str(error)
        else:
            assert min(shape.channels, shape.height, shape.width) >= 1

    @pytest.mark.parametrize("text", ["", "32x32", "0x32x32", "3x-1x4", "3x32x32x1", "axbxc", "1.5x2x2"])
    def test_takes_three_positive_whole_numbers(self, text):
        with pytest.raises(BakeoffError, match="CHANNELSxHEIGHTxWIDTH"):
            ImageShape.parse(text)

    def test_has_a_limit(self):
        with pytest.raises(BakeoffError, match="1,000,000,000"):
            ImageShape.parse("1001x1000x1000")

    def test_follows_resizing_and_enlarging(self):
        own = ImageShape(3, 30, 40)
        assert Image().shape(own) == own
        assert Image(scale=2).shape(own) == ImageShape(3, 60, 80)
        assert Image(size=(8, 6), scale=3).shape(own) == ImageShape(3, 24, 18)


class TestRecipe:
    @pytest.mark.parametrize(
        "fields",
        [
            {"select": "best-validation-loss"},
            {"select": "best-validation-accuracy"},
            {"stop": Stop("validation_loss", 3)},
        ],
    )
    def test_cannot_watch_validation_images_it_has_not(self, fields):
        with pytest.raises(ValueError, match="validation is none"):
            msgspec.structs.replace(RECIPE, validation="none", **fields)

    @pytest.mark.parametrize(
        "table",
        [{"epochs": 0}, {"validation": 1.0}, {"validation": "some"}, {"batch_size": 0}, {"label_smoothing": 1.5}],
    )
    def test_is_checked_when_read(self, table):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(to_dict(RECIPE) | table, Recipe)

    def test_is_hashable(self):
        assert len({RECIPE, msgspec.structs.replace(RECIPE), msgspec.structs.replace(RECIPE, epochs=4)}) == 2


def test_what_has_its_default_is_left_out_unless_asked_for():
    recipe = msgspec.structs.replace(RECIPE, augment=Augment(flip=True), l2=L2(1e-4, "dense"))
    tree = to_dict(recipe)
    assert tree["augment"] == {"flip": True}
    assert tree["optimizer"] == {"name": "sgd", "lr": 0.1, "momentum": 0.9}
    assert "stop" not in tree
    full = to_dict(recipe, full=True)
    assert full["stop"] is None
    assert full["augment"]["zoom"] == [1.0, 1.0]
    assert full["l2"] == {"strength": 1e-4, "on": "dense"}


def test_values_are_spelled_out_inside_tuples_and_dicts():
    class Nested(Value, frozen=True):
        many: tuple[ImageShape, ...]
        named: dict[str, ImageShape]

    shape = ImageShape(1, 2, 3)
    plain = {"channels": 1, "height": 2, "width": 3}
    assert to_dict(Nested((shape,), {"a": shape})) == {"many": [plain], "named": {"a": plain}}


@given(images=st.integers(1, 1000), batch_size=st.integers(1, 100))
def test_an_epoch_has_no_last_batch_of_one(images, batch_size):
    steps = steps_in_epoch(images, batch_size)
    last = images - (steps - 1) * batch_size
    assert 0 < last <= batch_size + (batch_size > 1)
    assert last > 1 or batch_size == 1 or images == 1
    assert steps == -(-images // batch_size) or last == batch_size + 1


class TestSeeds:
    @given(seed=st.integers(-(2**40), 2**40), epoch=st.integers(0, 10**6))
    def test_fit_every_generator(self, seed, epoch):
        assert 0 <= derive_seed(seed, "order", epoch) < 2**63

    def test_of_different_purposes_differ(self):
        purposes = ["init", "split", "sample", "order", "dropout", "shift", "flip"]
        drawn = [derive_seed(seed, p, epoch) for seed in range(5) for p in purposes for epoch in range(20)]
        assert len(set(drawn)) == len(drawn)

    def test_do_not_run_together(self):
        assert derive_seed(1, "a", 23) != derive_seed(1, "a2", 3) != derive_seed(12, "a", 3)
        bits = [bin(derive_seed(0, "order", n) ^ derive_seed(0, "order", n + 1)).count("1") for n in range(200)]
        assert 29 < sum(bits) / len(bits) < 34  # neighbours differ in about half of the 63 bits

    def test_are_known_values(self):
        assert derive_seed(0, "init") == int(digest([0, "init"])[:16], 16) >> 1


@pytest.mark.parametrize(
    ("name", "label"),
    [("mnist", "mnist"), ("folder:/a/photos", "folder:photos"), ("folder:b/c/", "folder:c"), ("folder:x", "folder:x")],
)
def test_labels_of_folders_are_short(name, label):
    assert data_label(name) == label
