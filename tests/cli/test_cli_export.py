import json

import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def test_export_says_what_it_checked(store, tmp_path, bakeoff):
    said = bakeoff("export", "linear", "--store", str(store), "-o", str(tmp_path / "m.onnx"))
    assert said.code == 0 and "opset 18" in said.out and "test images" in said.out
    found = json.loads(
        bakeoff("export", "best", "--store", str(store), "-o", str(tmp_path / "m.pt2"), "--calibrate", "--json").out
    )
    assert found["format"] == "torch-export" and found["check"]["difference"] <= 1e-4


def test_export_says_what_eight_bits_cost(store, tmp_path, bakeoff):
    arguments = ("--store", str(store), "-o", str(tmp_path / "m.onnx"), "--int8", "--layout", "nchw", "--json")
    said = bakeoff("export", "lenet-afif", *arguments, "--card", str(tmp_path / "card.md"))
    found = json.loads(said.out)["int8"]
    assert found["images"] == 16 and {"batch", "float32", "int8"} == found["latency"][0].keys()
    assert "int8, calibrated on 58 training images" in (tmp_path / "card.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("best", "-o", "m.xyz"), ".onnx"),
        (("best", "-o", "m.onnx", "--format", "onx"), "onnx"),
        (("nonet", "-o", "m.onnx"), "nonet"),
        (("best",), "--output"),
        (("best", "-o", "m.onnx", "--layout", "hwc"), "nhwc"),
        (("best", "-o", "m.pt2", "--int8"), "onnx"),
        (("linear", "-o", "m.onnx", "--ensemble", "--card", "a.md"), "--card"),
    ],
)
def test_export_refuses_in_one_sentence(arguments, word, store, tmp_path, monkeypatch, bakeoff):
    monkeypatch.chdir(tmp_path)
    said = bakeoff("export", *arguments, "--store", str(store))
    assert said.code == 2 and word in said.err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("at", ["model", "card"])
@pytest.mark.parametrize("place", ["folder", "file/below"])
def test_nothing_is_written_where_one_of_the_files_cannot_be(at, place, store, tmp_path, bakeoff):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    places = {"model": tmp_path / "m.safetensors", "card": tmp_path / "card.md"} | {at: tmp_path / place}
    options = ("--format", "safetensors", "-o", str(places["model"]), "--card", str(places["card"]))
    said = bakeoff("export", "lenet-afif", *options, "--store", str(store))
    assert said.code == 2 and said.err.count("\n") == 1 and "cannot write" in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_no_model_is_written_where_there_is_no_card_of_it(store, tmp_path, bakeoff):
    import msgspec

    from bakeoff.inference.choice import choose_files
    from bakeoff.training.bundles import read_description, with_bundle

    (path,) = choose_files("lenet-afif", store).paths
    old = msgspec.structs.replace(read_description(path), measures={}, confusion=())
    (tmp_path / "old.safetensors").write_bytes(with_bundle(path, old))
    names = str(tmp_path / "m.safetensors"), str(tmp_path / "card.md")
    said = bakeoff("export", str(tmp_path / "old.safetensors"), "-o", names[0], "--card", names[1])
    assert said.code == 2 and [one.name for one in tmp_path.iterdir()] == ["old.safetensors"]
