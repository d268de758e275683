import json
from pathlib import Path

import pytest


def test_models_lists_them(store, bakeoff):
    listed = json.loads(bakeoff("models", "--store", str(store), "--json").out)
    assert len(listed) == 4 and {"id", "net", "test_accuracy", "path"} <= listed[0].keys()
    shown = bakeoff("models", "--store", str(store)).out
    assert all(one["id"][:8] in shown for one in listed)
    assert all({"kind", "severity", "message", "advice"} == found.keys() for one in listed for found in one["findings"])
    serious = next(f["kind"] for one in listed for f in one["findings"] if f["severity"] == "serious")
    assert f"!! {serious}" in shown


def test_predict_names_classes(store, photos, bakeoff):
    said = bakeoff("predict", "best", str(photos / "warm"), "--store", str(store), "--top", "2")
    assert said.code == 0
    lines = said.out.splitlines()
    assert len(lines) == 40 and all("warm" in line and "cold" in line for line in lines)


def test_predict_lists_what_cannot_be_read(store, photos, tmp_path, bakeoff):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nonsense")
    files = [str(photos / "warm" / "0.jpg"), str(tmp_path / "broken.jpg")]
    said = bakeoff("predict", "best", *files, "--store", str(store), "--json")
    found = json.loads(said.out)
    assert said.code == 1
    assert [one["file"] for one in found["predictions"]] == files[:1]
    assert [one["file"] for one in found["unreadable"]] == files[1:]


def test_predict_writes_csv_and_copies(store, photos, tmp_path, bakeoff):
    pattern = str(photos / "cold" / "1?.jpg")
    said = bakeoff("predict", "best", pattern, "--store", str(store), "--csv", "--copy-to", str(tmp_path / "out"))
    header, *rows = said.out.splitlines()
    assert header.startswith("file,class,probability,p(cold)") and len(rows) == 10
    copies = [path.name for path in (tmp_path / "out").rglob("*.jpg")]
    assert sorted(copies) == sorted(Path(row.split(",")[0]).name for row in rows)


def test_predict_calibrates_when_asked(store, photos, bakeoff):
    said = bakeoff("predict", "linear", str(photos / "warm"), "--store", str(store), "--calibrate", "--json")
    assert json.loads(said.out)["temperature"] != 1.0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("best", "nowhere.jpg"), "does not exist"),
        (("best", "no*.jpg"), "matches"),
        (("nonet", "a.jpg"), "does not exist"),
        (("best", "a.jpg", "--csv", "--json"), "choose one"),
    ],
)
def test_predict_refuses_in_one_sentence(arguments, word, store, bakeoff):
    said = bakeoff("predict", *arguments, "--store", str(store))
    assert said.code == 2 and word in said.err.splitlines()[-1]


def test_predict_reads_a_list_and_averages_seeds(store, photos, monkeypatch, bakeoff):
    import io

    files = [str(photos / "warm" / "1.jpg"), str(photos / "cold" / "2.jpg")]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\r\n".join([*files, ""]).encode())))
    said = bakeoff("predict", "linear", "-", "--store", str(store), "--ensemble", "--json")
    found = json.loads(said.out)
    assert said.code == 0 and len(found["model"]) == 2
    assert [one["file"] for one in found["predictions"]] == files


def test_copies_stay_in_their_folder_and_none_replaces_another(store, photos, tmp_path, bakeoff):
    import shutil

    files = [tmp_path / "one" / "a.jpg", tmp_path / "two" / "a.jpg", tmp_path / "two" / "new\nline.jpg"]
    for file, number in zip(files, (1, 2, 3), strict=True):
        file.parent.mkdir(exist_ok=True)
        shutil.copy(photos / "warm" / f"{number}.jpg", file)
    elsewhere = tmp_path / "elsewhere"
    for label in ("cold", "warm"):  # a link that leads out of the folder
        (tmp_path / "out" / label).mkdir(parents=True)
        (tmp_path / "out" / label / "a.jpg").symlink_to(elsewhere)
    arguments = ("predict", "linear", *map(str, files), "--store", str(store), "--copy-to", str(tmp_path / "out"))
    said = bakeoff(*arguments)
    assert said.code == 0 and len(said.out.splitlines()) == 3
    copies = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(copies) == 3 and not elsewhere.exists()
    assert {path.read_bytes() for path in copies} == {file.read_bytes() for file in files}
    (tmp_path / "file").write_text("")
    said = bakeoff(*arguments[:-1], str(tmp_path / "file"))
    assert said.code == 2 and len(said.err.splitlines()) == 1


def test_classes_get_folders_of_their_own():
    from bakeoff.cli.models import _folder_names

    names = _folder_names(["a/b", "a:b", "..", ".", "A_B", "\x1b[31m"])
    assert len({name.casefold() for name in names.values()}) == 6
    assert all(name not in (".", "..") and "/" not in name and "\x1b" not in name for name in names.values())


def test_a_model_that_diverged_is_reported(store, photos, tmp_path, bakeoff):
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    from bakeoff.inference.choice import choose_files

    (path,) = choose_files("linear", store).paths
    with safe_open(path, "pt") as file:
        tensors = {name: torch.full_like(file.get_tensor(name), torch.nan) for name in file.keys()}  # noqa: SIM118
        save_file(tensors, tmp_path / "a.safetensors", file.metadata())
    said = bakeoff("predict", str(tmp_path / "a.safetensors"), str(photos / "warm" / "1.jpg"))
    assert said.code == 2 and "diverged" in said.err
