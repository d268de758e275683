"""Cross-validation on the command line: --folds."""

import json

import numpy as np
import pytest

from bakeoff.data import load_dataset
from bakeoff.store.store import Store


@pytest.fixture(scope="module")
def validated(bakeoff, tmp_path_factory):
    """A store with two networks on three folds of the digits, and the command's output."""
    store = tmp_path_factory.mktemp("folds") / "a.db"
    options = ["--nets", "lenet-afif,conv", "--data", "digits", "--folds", "3", "--seeds", "2"]
    options += ["--epochs", "2", "--set", "images_per_class=40", "--scale", "4", "--store", str(store)]
    said = bakeoff("run", *options, "--json")
    assert said.code == 0, said.err
    return store, said, options


def test_a_network_is_one_row_over_all_folds(validated):
    store, said, _ = validated
    rows = json.loads(said.out)
    assert [(row["data"], row["folds"], row["seeds"], row["planned"]) for row in rows] == [
        ("digits~folds=3", 3, 2, 2)
    ] * 2
    assert all(len(set(row["runs"])) == 6 and "Nadeau & Bengio 2003" in row["interval"] for row in rows)
    with Store(store) as opened:
        results = opened.results(rows[0]["runs"])
        labels = [opened.datasets()[result.run.data_hash].test_labels for result in results]
        right = [opened.predicted(r.id) == own for r, own in zip(results, labels, strict=True)]
    assert {result.run.data for result in results} == {f"digits~fold={k}of3" for k in (1, 2, 3)}
    assert rows[0]["test_accuracy"] == pytest.approx(np.concatenate(right).mean())


def test_the_folds_are_tested_in_the_order_of_all_images(validated):
    whole, folds = load_dataset("digits~folds=3"), [load_dataset(f"digits~fold={k}of3") for k in (1, 2, 3)]
    np.testing.assert_array_equal(whole.test.images, np.concatenate([fold.test.images for fold in folds]))
    with Store(validated[0]) as opened:
        record = opened.datasets()[whole.info.content_hash]
    np.testing.assert_array_equal(record.test_labels, whole.test.labels)


def test_nothing_is_trained_twice(bakeoff, validated):
    _, said, options = validated
    again = bakeoff("run", *options, "--json")
    assert json.loads(again.out) == json.loads(said.out)
    assert "epoch" not in again.err


def test_says_how_images_were_divided(bakeoff, validated, tmp_path):
    store = ["--store", str(validated[0])]
    (answer,) = json.loads(bakeoff("answer", *store, "--json").out)["on_data"]
    assert answer["folds"] == 3 and answer["leads"][0]["difference"]["folds"] == 3
    told = bakeoff("answer", *store).out
    assert "Nadeau & Bengio 2003" in told and "3 folds, 2 seeds" in told
    assert "Nadeau" in bakeoff("results", *store, "--format", "latex").out
    assert bakeoff("audit", *store).code == 0
    page = tmp_path / "page.html"
    assert bakeoff("report", *store, "-o", str(page)).code == 0
    assert "one of 3 folds" in page.read_text() and "corrected resampled t" in page.read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--folds", "1"], "2<=x<=100"),
        (["--folds", "3", "--until-settled", "conv,nin"], "leave out --folds"),
        (["--folds", "3", "--data", "digits~contrast=0.5"], "graded versions"),
    ],
)
def test_what_cannot_be_divided_is_refused(bakeoff, options, said):
    found = bakeoff("run", "--nets", "conv,nin", *options, "--dry-run")
    assert found.code != 0 and said in found.err


def test_all_folds_are_forgotten_together(bakeoff, validated):
    said = bakeoff("forget", "--store", str(validated[0]), "--data", "digits~folds=3", "--nets", "conv", "--dry-run")
    assert said.code == 0, said.err
    assert "6 runs" in said.out + said.err
