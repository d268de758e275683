import json
from pathlib import Path

import pytest


def test_evaluate_says_what_changed(store, photos, bakeoff):
    arguments = ("evaluate", "linear", "--data", f"folder:{photos}", "--split", "test", "--store", str(store))
    found = json.loads(bakeoff(*arguments, "--json").out)
    assert found["change"] == 0 and found["split"] == "test" and len(found["classes"]) == 2
    said = bakeoff(*arguments)
    assert said.code == 0 and "balanced accuracy" in said.out and "within the noise" in said.out


def test_evaluate_takes_a_file_without_its_store(store, photos, tmp_path, bakeoff):
    (path, *_) = Path(f"{store}.files").glob("*.safetensors")
    arguments = ("evaluate", str(path), "--data", str(photos), "--store", str(tmp_path / "none.db"))
    said = bakeoff(*arguments)
    assert said.code == 0 and "nothing to compare with" in said.out and "16 images" in said.out
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("best", "--data", "digits"), "class in common"),
        (("best", "--data", "folder:nowhere"), "nowhere"),
        (("nonet", "--data", "digits"), "nonet"),
        (("best",), "--data"),
    ],
)
def test_evaluate_refuses_in_one_sentence(arguments, word, store, bakeoff):
    said = bakeoff("evaluate", *arguments, "--store", str(store))
    assert said.code == 2 and word in said.err.splitlines()[-1]
