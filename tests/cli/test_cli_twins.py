"""Images that are nearly the same, from the description of a data set to the page."""

import json

import numpy as np
import pytest


@pytest.fixture(scope="module")
def twins(own_cache, tmp_path_factory):
    """An archive in which image 3 nearly is image 20 with another label, and a test image a training image."""
    random = np.random.default_rng(0)
    clouds = random.integers(0, 256, (60, 7, 7), np.uint8).repeat(4, axis=1).repeat(4, axis=2).astype(int)
    labels = np.arange(60) % 2
    clouds[20] = clouds[3] + random.integers(-9, 9, (28, 28))
    clouds[55] = clouds[7] + random.integers(-9, 9, (28, 28))
    images = clouds.clip(0, 255).astype(np.uint8)
    path = tmp_path_factory.mktemp("twins") / "twins.npz"
    np.savez(path, x_train=images[:48], y_train=labels[:48], x_test=images[48:], y_test=labels[48:])
    return f"npz:{path}"


@pytest.fixture(scope="module", params=[[], ["--folds", "2"]], ids=["own splits", "folds"])
def trained(request, bakeoff, twins, tmp_path_factory):
    store = str(tmp_path_factory.mktemp("trained") / "a.db")
    asked = ["--nets", "lenet-afif", "--data", twins, "--seeds", "1", "--epochs", "1", "--workers", "1"]
    said = bakeoff("run", *asked, *request.param, "--store", store)
    assert said.code == 0, said.err
    return store, bool(request.param)


def test_the_description_shows_both_kinds(bakeoff, twins):
    said = json.loads(bakeoff("data", twins, "--json").out)["twins"]
    assert (said["across"], said["within"], said["conflicting"]) == ({"train-test": 1}, {"train": 2, "test": 0}, 2)
    first, second = said["examples"]
    assert {one["index"] for one in (first["first"], first["second"])} == {3, 20}
    assert (second["first"]["index"], second["second"]["index"]) == (7, 7)
    text = " ".join(bakeoff("data", twins).out.split())
    assert "1 across train-test, 2 within train with different labels" in text
    assert "train 3 (1), train 20 (0)" in text


def test_the_audit_counts_the_contradicting_images(bakeoff, trained):
    store, _ = trained
    found = [f for f in json.loads(bakeoff("audit", "--store", store, "--json").out) if f["kind"] == "near-duplicates"]
    sizes = [f["evidence"][0] for f in found if "conflicting" in f["evidence"][0]]
    assert [(one["conflicting"], one["images"]) for one in sizes] == [(2, 60)]


def test_the_page_shows_the_contradicting_pair(bakeoff, trained, tmp_path):
    store, folded = trained
    assert bakeoff("report", "--store", store, "-o", str(tmp_path / "a.html")).code == 0
    page = (tmp_path / "a.html").read_text()
    assert "2 images are nearly the same as one with another label" in page
    assert "train 3 (1) and train 20 (0)" in page and 'class="pairs"' in page
    assert ("in one of 2 folds" in page) == folded
