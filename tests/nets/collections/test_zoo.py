"""Networks of the collections, from their lists to their weights: run by `make zoo`, without a network."""

import json
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import save_file

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.execution.checking.network import check_network
from bakeoff.execution.names import known_network
from bakeoff.execution.worker import check_weights
from bakeoff.nets import build, find_net
from bakeoff.nets.classifier import find_classifier
from bakeoff.nets.collections import COLLECTIONS, shared
from bakeoff.nets.summary import summarize, trainable
from bakeoff.spec.data import ImageShape
from bakeoff.spec.records import Epoch, Outcome
from bakeoff.store.store import Store
from bakeoff.training.loop import fit

timm = pytest.importorskip("timm")
torchvision = pytest.importorskip("torchvision")
transformers = pytest.importorskip("transformers")
hub = pytest.importorskip("huggingface_hub")

pytestmark = pytest.mark.zoo

SHAPE = ImageShape(3, 32, 32)
SMALL = {"timm": "timm:test_convnext", "torchvision": "torchvision:mobilenet_v3_small", "hf": "hf:mobilenet_v2"}
"""A small network of each collection."""
OTHERS = (
    *("timm:test_vit", "timm:resnet10t", "timm:test_efficientnet", "timm:mobilenetv3_small_050", "timm:test_byobnet"),
    *("torchvision:resnet18", "torchvision:googlenet", "torchvision:vit_b_32", "torchvision:shufflenet_v2_x0_5"),
    *("hf:resnet", "hf:vit", "hf:convnext", "hf:regnet"),
)
SIZES = {"timm": 1000, "torchvision": 70, "hf": 30}
"""Networks that a collection has at least."""


@pytest.fixture(params=SMALL)
def name(request) -> str:
    return SMALL[request.param]


@pytest.fixture(autouse=True)
def without_network(monkeypatch, tmp_path):
    """Empty caches, and no host in reach."""
    monkeypatch.setattr(shared, "is_reachable", lambda url: False)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_collection_lists_networks_that_can_be_found(collection):
    names = COLLECTIONS[collection].names()
    assert len(names) > SIZES[collection]
    assert SMALL[collection] in names
    assert all(name.startswith(f"{collection}:") for name in names)


@pytest.mark.parametrize("images", [SHAPE, ImageShape(1, 32, 32), ImageShape(3, 64, 64)], ids=str)
@pytest.mark.parametrize("net", [*SMALL.values(), *OTHERS])
def test_parameters_flops_layers_and_classifier_are_known(net, images):
    summary = summarize(net, images, 7)
    module = build(net, images, 7)
    assert summary.trainable == trainable(module)
    assert summary.blanks == {}
    assert summary.flops
    module.eval()
    with torch.no_grad():
        assert module(torch.zeros(2, images.channels, images.height, images.width)).shape == (2, 7)
    classifier = module.get_submodule(find_classifier(net, images, 7).path)
    assert 7 in classifier.weight.shape


def test_a_network_that_needs_values_is_counted_on_the_cpu(name, monkeypatch):
    expected = summarize(name, SHAPE, 7)
    plain = torch.nn.Conv2d.forward

    def forward(self, images):
        images.flatten()[0].item()  # fails on the meta device
        return plain(self, images)

    monkeypatch.setattr(torch.nn.Conv2d, "forward", forward)
    found = summarize(name, SHAPE, 7)
    assert (found.total, found.flops, len(found.layers)) == (expected.total, expected.flops, len(expected.layers))


def test_a_network_passes_every_check(name):
    """From weights by seed to gradients, resuming from a checkpoint, the meta device and export."""
    with torch.random.fork_rng():
        checks = list(check_network(name, SHAPE, 5))
    assert {check.state for check in checks} == {"passed"}, checks
    assert len(checks) > 6


def test_a_stopped_run_continues_with_the_same_bits(name, tmp_path):
    run, images = tiny.run(name, epochs=2), tiny.dataset(side=32)

    def train(folder: Path, epochs: int) -> list:
        found = []
        for item in fit(run, images, tiny.MACHINE, folder):
            found.append(item)
            if len(found) == epochs:
                break
        return found

    whole = train(tmp_path / "whole", 9)
    first = train(tmp_path / "parts", 1)
    rest = train(tmp_path / "parts", 9)
    losses = [item.train_loss for item in whole if isinstance(item, Epoch)]
    assert len(losses) == 2
    assert [item.train_loss for item in (*first, *rest) if isinstance(item, Epoch)][-2:] == losses
    (outcome,) = (item for item in rest if isinstance(item, Outcome))
    assert "torch" in outcome.environment
    package = COLLECTIONS[name.partition(":")[0]].package
    assert package in outcome.environment


@pytest.mark.parametrize("recipe", ["quick", "probe"])
def test_a_study_of_all_collections(recipe, tmp_path, monkeypatch):
    from bakeoff import api

    results = api.run(
        nets=[*SMALL.values(), "lenet-afif"],
        data="digits",
        recipe=recipe,
        seeds=1,
        changes={"images_per_class": 10, "image.scale": 4} | ({"epochs": 2} if recipe == "quick" else {}),
        store=tmp_path / "a.db",
    )
    with Store(tmp_path / "a.db") as store:
        states = {result.run.net: result.state for result in store.results()}
    assert states == dict.fromkeys([*SMALL.values(), "lenet-afif"], "done")
    assert len(results.to_frame()) == 4


def test_weights_come_from_a_file_of_your_own(name, tmp_path):
    torch.manual_seed(5)
    given = build(name, SHAPE, 9).state_dict()
    save_file({key: value.contiguous() for key, value in given.items()}, tmp_path / "mine.safetensors")
    called = known_network(f"{name}:{tmp_path / 'mine.safetensors'}")
    assert called.startswith(f"{name}:mine@")
    check_starts_from(called, given)
    assert find_net(called).weights.sha256


def check_starts_from(name: str, given: dict[str, torch.Tensor], shape: ImageShape = SHAPE) -> None:
    """Check that a network starts from these values, but for the classifier."""
    torch.manual_seed(6)
    found = build(name, shape, 4).state_dict()
    other = {key for key in found if not torch.equal(found[key].float(), given[key].float())}
    assert 0 < len(other) <= 2
    assert all(4 in found[key].shape for key in other)


def keep(repository: str) -> Path:
    """Return the folder of the hub's cache that has the files of a repository."""
    folder = Path(hub.constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    snapshot = folder / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    return snapshot


def test_published_weights_of_timm_are_found_in_the_cache():
    tagged = next(name for name in timm.list_pretrained() if name.startswith("test_convnext."))
    facts = timm.get_pretrained_cfg(tagged)
    given = timm.create_model("test_convnext").state_dict()
    save_file(given, keep(facts.hf_hub_id) / "model.safetensors")
    net = find_net(f"timm:{tagged}")
    assert net.weights.size == tuple(facts.input_size[1:])
    assert net.weights.mean == tuple(facts.mean)
    check_starts_from(f"timm:{tagged}", given)


def test_weights_for_one_size_of_images_refuse_others():
    tagged = next(name for name in timm.list_pretrained() if name.startswith("test_vit."))
    facts = timm.get_pretrained_cfg(tagged)
    given = timm.create_model("test_vit").state_dict()
    save_file(given, keep(facts.hf_hub_id) / "model.safetensors")
    height, width = facts.input_size[1:]
    with pytest.raises(BakeoffError, match=f"add --size {height}"):
        build(f"timm:{tagged}", SHAPE, 4)
    check_starts_from(f"timm:{tagged}", given, ImageShape(3, height, width))


def test_published_weights_of_torchvision_are_found_in_the_cache():
    weights = torchvision.models.get_model_weights("mobilenet_v3_small").IMAGENET1K_V1
    given = torchvision.models.get_model("mobilenet_v3_small").state_dict()
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    path.parent.mkdir(parents=True)
    torch.save(given, path)
    name = "torchvision:mobilenet_v3_small:IMAGENET1K_V1"
    assert (find_net(name).weights.size, find_net(name).weights.interpolation) == ((224, 224), "bilinear")
    check_starts_from(name, given)


def test_models_of_the_hub_are_found_in_the_cache():
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=6
    )
    model = transformers.ResNetForImageClassification(config)
    folder = keep("acme/tiny-resnet")
    model.save_pretrained(folder)
    images = {"size": {"height": 48, "width": 48}, "image_mean": [0.5] * 3, "image_std": [0.25] * 3, "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(images))
    name = "hf:acme/tiny-resnet"
    weights = find_net(name).weights
    assert (weights.size, weights.mean, weights.interpolation) == ((48, 48), (0.5,) * 3, "bicubic")
    check_starts_from(name, {f"model.{key}": value for key, value in model.state_dict().items()})
    before = weights.sha256
    config.hidden_act = "gelu"
    config.save_pretrained(folder)
    assert find_net(name).weights.sha256 != before


def test_weights_that_change_during_a_study_fail_its_runs():
    tagged = next(name for name in timm.list_pretrained() if name.startswith("test_convnext."))
    path = keep(timm.get_pretrained_cfg(tagged).hf_hub_id) / "model.safetensors"
    save_file(timm.create_model("test_convnext").state_dict(), path)
    name = f"timm:{tagged}"
    run = msgspec.structs.replace(tiny.run(name), weights=find_net(name).weights.sha256)
    check_weights(run)
    save_file(timm.create_model("test_convnext").state_dict(), path)
    with pytest.raises(BakeoffError, match="have changed since the study started"):
        check_weights(run)


@pytest.mark.parametrize(
    ("missing", "what"),
    [
        ("timm:resnet18.a1_in1k", "hf download timm/resnet18.a1_in1k"),
        ("torchvision:resnet18:IMAGENET1K_V1", "download https://download.pytorch.org/models/resnet18-"),
        ("hf:microsoft/resnet-18", "hf download microsoft/resnet-18"),
    ],
)
def test_a_hub_out_of_reach_says_how_to_get_the_weights(missing, what):
    with pytest.raises(BakeoffError) as caught:
        find_net(missing)
    assert what in str(caught.value)
    assert "cannot be reached" in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("timm:resnet19", "timm:resnet18"),
        ("timm:resnet18.a1_in2k", "timm:resnet18.a1_in1k"),
        ("torchvision:resnet_18", "torchvision:resnet18"),
        ("torchvision:resnet18:IMAGENET", "torchvision:resnet18:IMAGENET1K_V1"),
        ("hf:resnt", "hf:resnet"),
    ],
)
def test_a_misspelled_name_suggests_those_of_the_collection(typed, meant):
    with pytest.raises(BakeoffError, match="did you mean") as caught:
        find_net(typed)
    assert meant in str(caught.value)
