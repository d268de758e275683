"""Weights from users' own files."""

import pickle
import struct
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from bakeoff.errors import BakeoffError
from bakeoff.execution.names import known_network
from bakeoff.nets import build, find_net, user_file, user_weights
from bakeoff.nets.pretrained import find_weights, statistics_of
from bakeoff.nets.summary import summarize
from bakeoff.spec.data import ImageShape
from bakeoff.spec.run import is_own, without_versions

COLOUR, GREY = ImageShape(3, 32, 32), ImageShape(1, 32, 32)


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(user_weights, "ADDED", {})
    monkeypatch.setattr(user_file, "FOLDERS", [])


def entries(shape: ImageShape = COLOUR, classes: int = 4, net: str = "resnet20") -> dict[str, torch.Tensor]:
    torch.manual_seed(9)
    return build(net, shape, classes).state_dict()


@pytest.fixture
def file(tmp_path) -> Path:
    save_file(entries(), tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


def test_a_network_is_called_by_the_name_and_content_of_the_file(file):
    name = known_network(f"ResNet20:{file}")
    assert name == f"resnet20:mine@{user_weights.sha256_of(file)[:8]}"
    assert known_network(name) == name
    assert find_weights(name).sha256 == user_weights.sha256_of(file)
    renamed = file.rename(file.with_name("a copy, of +mine.safetensors"))
    assert known_network(f"resnet20:{renamed}").startswith("resnet20:a-copy--of--mine@")


def test_all_but_the_classifier_starts_from_the_file(file):
    made, given = build(known_network(f"resnet20:{file}"), COLOUR, 4).state_dict(), entries()
    assert {name for name in made if not torch.equal(made[name], given[name])} == {"13.weight"}


@pytest.mark.parametrize("ending", ["pth", "pt", "PTH"])
@pytest.mark.parametrize(
    "wrap",
    [
        dict,
        lambda found: {"epoch": 3, "state_dict": found},
        lambda found: OrderedDict((f"module.{name}", value) for name, value in found.items()),
        lambda found: {"model": {name: value.half() for name, value in found.items()}, "args": {"lr": 0.1}},
    ],
)
def test_files_of_torch_are_read_as_training_scripts_write_them(tmp_path, ending, wrap):
    path = tmp_path / f"mine.{ending}"
    torch.save(wrap(entries()), path)
    made = build(known_network(f"resnet20:{path}"), COLOUR, 7).state_dict()
    torch.testing.assert_close(made["0.weight"], entries()["0.weight"], rtol=0, atol=1e-3)


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path("harm"),)


def test_nothing_in_a_file_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": torch.zeros(1), "harm": Harmful()}, tmp_path / "a.pth")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(Harmful(), 2))
    for name in ("a.pth", "b.pt"):
        with pytest.raises(BakeoffError, match="nothing else is unpickled"):
            known_network(f"resnet20:{name}")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
@given(content=st.binary(max_size=60))
def test_any_bytes_are_refused_in_one_sentence(tmp_path_factory, ending, content):
    path = tmp_path_factory.getbasetemp() / f"any.{ending}"
    path.write_bytes(content)
    with pytest.raises(BakeoffError, match=r"any\.\w+:? "):
        user_weights.register_weights(path)


def test_a_file_that_is_not_there_or_holds_no_names(tmp_path):
    with pytest.raises(BakeoffError, match=r"absent\.pth: No such file"):
        known_network(f"resnet20:{tmp_path / 'absent.pth'}")
    torch.save(torch.zeros(3), tmp_path / "bare.pth")
    with pytest.raises(BakeoffError, match="no weights by name"):
        known_network(f"resnet20:{tmp_path / 'bare.pth'}")


def test_weights_of_another_network_are_refused(file):
    with pytest.raises(BakeoffError, match=r"do not fit resnet32:mine@\w+: \d+ entries are missing"):
        build(known_network(f"resnet32:{file}"), COLOUR, 4)
    with pytest.raises(BakeoffError, match="already starts from weights"):
        find_net(known_network(f"efficientnet-lite0:imagenet:{file}"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda value: value * 100 // 1, None),
        (lambda value: (value * 100).to(torch.int8), r"of another type \(0.weight: int8 instead of float32"),
        (lambda value: value.to(torch.complex64), "of another type"),
        (lambda value: value.bfloat16(), None),
        (lambda value: value * float("nan"), r"1 entry is not finite \(0.weight\)"),
        (lambda value: value / 0, "not finite"),
    ],
)
def test_values_that_are_no_weights_are_refused(tmp_path, change, said):
    given = entries()
    given["0.weight"] = change(given["0.weight"])
    save_file(given, tmp_path / "odd.safetensors")
    name = known_network(f"resnet20:{tmp_path / 'odd.safetensors'}")
    if said is None:
        build(name, COLOUR, 4)
    else:
        with pytest.raises(BakeoffError, match=said):
            build(name, COLOUR, 4)


def safetensors_of(header: bytes, size: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if size is None else size) + header


@pytest.mark.parametrize(
    "content",
    [
        safetensors_of(b"{}", 2**62),
        safetensors_of(b"{" + b" " * 100, 90_000_000),
        safetensors_of(b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'),
        pickle.dumps(Harmful()),
        None,
    ],
    ids=["huge header", "missing header", "huge tensor", "pickle", "half a file"],
)
def test_a_hostile_file_is_refused_in_one_sentence(file, content, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    file.write_bytes(file.read_bytes()[:-100] if content is None else content)
    with pytest.raises(BakeoffError, match=r"cannot read the weights .*mine\.safetensors"):
        known_network(f"resnet20:{file}")
    assert not (tmp_path / "harm").exists()


def test_what_is_not_a_file_is_refused_and_a_link_followed(file, tmp_path):
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "loop.safetensors").symlink_to("loop.safetensors")
    (tmp_path / "link.safetensors").symlink_to(file)
    for name, why in (("folder", "not a file"), ("loop", "cannot read the weights")):
        with pytest.raises(BakeoffError, match=why):
            known_network(f"resnet20:{tmp_path / name}.safetensors")
    assert known_network(f"resnet20:{tmp_path / 'link.safetensors'}").endswith(user_weights.sha256_of(file)[:8])


def test_a_file_without_a_classifier_is_enough(tmp_path):
    given = entries()
    del given["13.weight"], given["13.bias"]
    save_file(given, tmp_path / "body.safetensors")
    made = build(known_network(f"resnet20:{tmp_path / 'body.safetensors'}"), COLOUR, 4).state_dict()
    assert torch.equal(made["0.weight"], given["0.weight"])


def test_grey_images_are_repeated_only_for_weights_of_colour_images(tmp_path, file):
    assert summarize(known_network(f"resnet20:{file}"), GREY, 4).layers[0].type == "RepeatChannels"
    save_file(entries(GREY), tmp_path / "grey.safetensors")
    assert summarize(known_network(f"resnet20:{tmp_path / 'grey.safetensors'}"), GREY, 4).layers[0].type == "Conv2d"


def test_how_to_normalise_is_not_known(file):
    with pytest.raises(BakeoffError, match="do not say how"):
        statistics_of(known_network(f"resnet20:{file}"))


def test_a_kept_file_is_found_when_the_first_is_gone(file, tmp_path):
    name = known_network(f"resnet20:{file}")
    user_weights.save_copy(name.rpartition(":")[2], tmp_path / "kept")
    file.unlink()
    user_weights.ADDED.clear()
    with pytest.raises(BakeoffError, match=r"give that, such as resnet20:mine\.safetensors"):
        find_net(name)
    user_file.FOLDERS.append(tmp_path / "kept")
    assert torch.equal(build(name, COLOUR, 3).state_dict()["0.weight"], entries()["0.weight"])


def test_a_file_that_changed_is_noticed(file, tmp_path):
    name = known_network(f"resnet20:{file}")
    user_weights.save_copy(name.rpartition(":")[2], tmp_path)
    save_file(entries(classes=5), file)
    with pytest.raises(BakeoffError, match="has changed"):
        build(name, COLOUR, 3)
    user_weights.ADDED.clear()
    user_file.FOLDERS.append(tmp_path)
    build(name, COLOUR, 3)
    save_file(entries(classes=5), tmp_path / f"{name.rpartition(':')[2]}.safetensors")
    user_weights.ADDED.clear()
    with pytest.raises(BakeoffError, match="has changed"):
        build(name, COLOUR, 3)


def test_another_ending_is_explained():
    with pytest.raises(BakeoffError, match=r"your own weights: resnet20:FILE, which ends in \.safetensors"):
        find_net("resnet20:mine.bin")


@pytest.mark.parametrize(
    ("net", "own", "short"),
    [
        ("resnet20", False, "resnet20"),
        ("resnet20:mine@1a2b3c4d", False, "resnet20:mine"),
        ("TinyNet@1a2b3c4d", True, "TinyNet"),
        ("TinyNet@1a2b3c4d:mine@5a6b7c8d", True, "TinyNet:mine"),
    ],
)
def test_names_without_the_versions_of_files(net, own, short):
    assert (is_own(net), without_versions(net)) == (own, short)
