"""Bundles that are damaged, of another network or written to do harm are refused in one sentence."""

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import weights_path
from bakeoff.training.bundles import KEY, read_bundle
from bakeoff.training.loop import fit

Described = dict[str, Any]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> tuple[dict[str, torch.Tensor], Described]:
    folder, run = tmp_path_factory.mktemp("bundle"), tiny.run(epochs=1)
    list(fit(run, tiny.dataset(), tiny.MACHINE, folder))
    with safe_open(weights_path(folder, run.id), "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(file.metadata()[KEY])


def numbers(shape: list[int], content: bytes) -> Described:
    return {"shape": shape, "values": base64.b64encode(zlib.compress(content)).decode()}


CHANNELS = tiny.dataset().train.images.shape[1]
FLAT = [CHANNELS, 1, 1]
DAMAGED: dict[str, Callable[[Described], Described]] = {
    "no class": lambda own: own | {"classes": []},
    "one class twice": lambda own: own | {"classes": ["a", "a", "b"]},
    "no images": lambda own: own | {"images": {"channels": 3, "height": 0, "width": 0}},
    "huge images": lambda own: own | {"images": {"channels": 3, "height": 10**6, "width": 10**6}},
    "seven channels": lambda own: own | {"images": own["images"] | {"channels": 7}},
    "not base64": lambda own: own | {"scale": {"shape": FLAT, "values": "!"}},
    "not compressed": lambda own: own | {"scale": {"shape": FLAT, "values": "abcd"}},
    "too few numbers": lambda own: own | {"bias": numbers(FLAT, b"")},
    "a negative shape": lambda own: own | {"bias": numbers([-CHANNELS, 1, 1], bytes(12))},
    "another shape": lambda own: own | {"bias": numbers([9, 1, 1], bytes(36))},
    "not finite": lambda own: own | {"bias": numbers(FLAT, np.full(CHANNELS, np.nan, np.float32).tobytes())},
    "a bomb": lambda own: own | {"bias": numbers(FLAT, bytes(10**8))},
    "another matrix": lambda own: own | {"confusion": [[99, 0, 1]]},
    "no run": lambda own: own | {"run": None},
    "an unknown recipe": lambda own: own | {"run": own["run"] | {"recipe": {"name": "x", "nothing": 1}}},
}


def refused(path: Path) -> str:
    with pytest.raises(BakeoffError) as found:
        read_bundle(path)
    assert "\n" not in str(found.value) and len(str(found.value)) < 400
    return str(found.value)


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_descriptions(name, bundle, tmp_path):
    tensors, described = bundle
    path = tmp_path / "a.safetensors"
    save_file(tensors, path, {KEY: json.dumps(described)})
    read_bundle(path)
    save_file(tensors, path, {KEY: json.dumps(DAMAGED[name](described))})
    assert "cannot read the model" in refused(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "[" * 100_000])
def test_what_is_not_a_description(text, bundle, tmp_path):
    save_file(bundle[0], tmp_path / "a.safetensors", {KEY: text})
    assert "cannot read the model" in refused(tmp_path / "a.safetensors")


def test_weights_that_do_not_fit(bundle, tmp_path):
    tensors, described = bundle
    first = next(iter(tensors))
    rest = {name: tensor for name, tensor in tensors.items() if name != first}
    for changed, word in (
        (rest, "missing"),
        (tensors | {"more": torch.zeros(2)}, "unknown"),
        (tensors | {first: torch.zeros(1, 1)}, "shape"),
        ({name: tensor.double() for name, tensor in tensors.items()}, "type"),
        ({"other": torch.zeros(1)}, "missing"),
    ):
        save_file(changed, tmp_path / "a.safetensors", {KEY: json.dumps(described)})
        assert word in refused(tmp_path / "a.safetensors")


def test_files_of_other_kinds(bundle, tmp_path):
    path = tmp_path / "a.safetensors"
    torch.save(bundle[0], path)  # a pickle, which is never loaded
    assert "cannot read the model" in refused(path)
    save_file(*bundle[:1], path)
    whole = path.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"\xff" * 8 + whole[8:]):
        path.write_bytes(content)
        assert "cannot read the model" in refused(path)
    path.unlink()
    path.mkdir()
    assert "cannot read the model" in refused(path)
