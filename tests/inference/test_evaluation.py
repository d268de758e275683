"""Evaluating on other images: the test split gives the store's numbers, and classes are matched by name."""

import shutil

import numpy as np
import PIL.Image
import pytest

from bakeoff.errors import BakeoffError
from bakeoff.inference.choice import load_model
from bakeoff.inference.evaluation import match_classes
from bakeoff.store.store import Store


@pytest.mark.parametrize("ensemble", [False, True])
def test_on_its_own_test_split_nothing_changes(ensemble, store, photos):
    found = load_model("linear", store, ensemble=ensemble).evaluate(photos, split="test", store=store)
    assert found.change == 0 and found.change_by_mix == pytest.approx(0)
    assert found.test_measures == pytest.approx(found.measures, abs=1e-3)
    low, high = found.intervals["accuracy"]
    assert low < found.measures["accuracy"] <= high <= 1
    assert all(one.change == 0 and not one.is_significant for one in found.classes)
    assert np.sum(found.confusion) == found.images == sum(one.images for one in found.classes)


def test_accuracy_is_that_of_the_store(store, photos):
    with Store(store) as opened:
        for result in opened.results():
            found = load_model(result.id, store).evaluate(photos, split="test")
            assert found.measures["accuracy"] == result.measures["test_accuracy"]
            assert found.change is None and not found.test_measures


def test_swapped_labels_show_as_drift(store, photos, tmp_path):
    model = load_model("best", store)
    for label in ("cold", "warm"):
        shutil.copytree(photos / label, tmp_path / {"cold": "warm", "warm": "cold"}[label])
    swapped = model.evaluate(tmp_path, store=store)
    straight = model.evaluate(photos, split="all", store=store)
    assert swapped.images == straight.images == 80
    assert swapped.measures["accuracy"] == pytest.approx(1 - straight.measures["accuracy"])
    assert swapped.change_interval[1] < 0 and all(one.is_significant for one in swapped.classes)
    assert any("own training" in note for note in straight.notes) and not swapped.notes


def test_classes_are_matched_by_name(store, photos, tmp_path):
    for source, target in (("warm", "Warm"), ("cold", "frost")):
        (tmp_path / target).mkdir()
        for file in sorted((photos / source).iterdir())[:9]:
            shutil.copy(file, tmp_path / target)
    found = load_model("best", store).evaluate(tmp_path)
    assert {one.label: one.images for one in found.classes} == {"cold": 0, "warm": 9}
    assert any("frost" in note for note in found.notes) and any("cold" in note for note in found.notes)
    assert match_classes(["a", "B", "b"], ["b", "A", "c"]) == {0: 2, 1: 0}
    with pytest.raises(BakeoffError, match="no class in common"):
        match_classes(["a"], ["b"])


def test_arrays_of_another_size_and_in_grey_are_decoded_as_files_are(store, photos, tmp_path):
    files = [photos / label / f"{number}.jpg" for label in ("cold", "warm") for number in range(5)]
    pixels = [np.asarray(PIL.Image.open(file).resize((30, 20)).convert("L")) for file in files]
    np.savez(tmp_path / "a.npz", images=np.stack(pixels), labels=np.array(["cold"] * 5 + ["warm"] * 5))
    model = load_model("best", store)
    found = model.evaluate(f"npz:{tmp_path / 'a.npz'}", split="all")
    right = [one.label for one in model.predict(pixels)] == np.array(["cold"] * 5 + ["warm"] * 5)
    assert found.measures["accuracy"] == right.mean()


def test_what_is_not_there_gives_one_sentence(store, photos):
    with pytest.raises(BakeoffError, match="has no validation images"):
        load_model("best", store).evaluate(photos, split="validation")
    with pytest.raises(BakeoffError, match="no class in common"):
        load_model("best", store).evaluate("digits")
