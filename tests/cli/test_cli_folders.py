"""Image folders through the command line."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from bakeoff.cli.options import as_data
from bakeoff.execution.options import StudyOptions
from bakeoff.execution.session import choose_study, make_plan
from bakeoff.reporting.figures.pictures import find_images
from bakeoff.spec.data import data_label
from bakeoff.store.store import Store


def draw(folder: Path, images: int = 6, classes: Iterable[str] = "ab", seed: int = 0) -> Path:
    """Make a folder of different 8×8 pictures of each class."""
    random = np.random.default_rng(seed)
    for label in classes:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for i in range(images):
            pixels = random.integers(0, 256, (8, 8, 3), np.uint8)
            Picture.fromarray(pixels).save(folder / label / f"{seed}-{i}.png")
    return folder


def test_commas_part_data_sets_but_not_the_names_of_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "a,b", " c , d", "e"):
        (tmp_path / name).mkdir()
    assert as_data(()) is as_data(None) is None
    assert as_data(["mnist, digits,"]) == ("mnist", "digits")
    assert as_data(["mnist", "folder:a"]) == ("mnist", "folder:a")
    assert as_data(["folder:a,b,mnist"]) == ("folder:a,b", "mnist")
    assert as_data(["digits,folder:a,b~contrast=0.5,folder:e"]) == ("digits", "folder:a,b~contrast=0.5", "folder:e")
    assert as_data(["folder:a,folder:e"]) == ("folder:a", "folder:e")
    assert as_data(["folder:none,such"]) == ("folder:none", "such")
    assert as_data([f"folder:{'x' * 5000},\0"]) == (f"folder:{'x' * 5000}", "\0")


def test_a_folder_with_a_comma_is_one_data_set(bakeoff, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "x,y")
    given = ["--data", "folder:x,y,digits", "--data", "folder:x,y~colour=0"]
    said = bakeoff("run", "--nets", "lenet-afif", *given, "--scale", "4", "--seeds", "1", "--dry-run", "--json")
    found = [cell["data"] for cell in json.loads(said.out)["cells"]]
    assert found == ["folder:x,y", "digits", "folder:x,y~colour=0"]


def test_a_study_finds_its_folders_from_anywhere(tmp_path, monkeypatch):
    draw(tmp_path / "study" / "photos")
    text = 'name = "own"\nnets = ["lenet-afif"]\ndata = ["folder:photos"]\nseeds = 1\nset = { "image.scale" = 4 }\n'
    (tmp_path / "study" / "own.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    for folder, file in ((tmp_path, "study/own.toml"), (tmp_path / "study", "own.toml")):
        monkeypatch.chdir(folder)
        (run,) = make_plan(choose_study(file, StudyOptions())).runs
        assert data_label(run.data) == "folder:photos"


TINY = ["--nets", "lenet-afif", "--scale", "4", "--seeds", "1", "--epochs", "1", "--set", "validation=none"]


@pytest.fixture(scope="module")
def edited(tmp_path_factory, own_cache, bakeoff) -> tuple[Path, str, list]:
    """A folder that was trained on, edited and trained on again; its store; and what was said each time."""
    root = tmp_path_factory.mktemp("edited")
    photos, store = draw(root / "photos"), str(root / "a.db")
    said = [bakeoff("run", "--data", f"folder:{photos}", *TINY, "--store", store)]
    draw(photos, 2, seed=1)
    (photos / "a" / "0-0.png").unlink()
    (photos / "a" / "0-1.png").rename(photos / "b" / "moved.png")
    said.append(bakeoff("run", "--data", f"folder:{photos}", *TINY, "--store", store, "--json"))
    return photos, store, said


def test_the_table_of_an_edited_folder_says_what_changed(bakeoff, edited):
    _, store, (first, second) = edited
    assert first.code == second.code == 0, first.err + second.err
    assert "newer than" not in first.out
    told = "4 images added, 1 gone, 1 relabelled"
    (row,) = json.loads(second.out)
    assert row["version"].endswith(told) and row["data"].startswith("folder:photos (")
    rows = json.loads(bakeoff("results", "--store", store, "--json").out)
    assert [row["version"].partition(" than")[0] for row in rows] == ["older", "newer"]
    for form in ("table", "markdown", "latex", "csv"):
        assert told in " ".join(bakeoff("results", "--store", store, "--format", form).out.split()), form


def test_marks_of_an_edited_folder_stay(bakeoff, edited):
    _, store, (first, second) = edited
    (row,) = json.loads(second.out)
    assert "single-run" in row["findings"]
    both = bakeoff("results", "--store", store).out
    assert [said.count("lenet-afif") for said in (first.out, both)] == [1, 2]
    marked = [line for line in (first.out + both).split("\n") if "lenet-afif" in line]
    assert all(" !" in line for line in marked)


def test_the_page_of_an_edited_folder_says_what_changed(bakeoff, edited, tmp_path):
    assert bakeoff("report", "--store", edited[1], "--output", str(tmp_path / "a.html")).code == 0
    assert "4 images added, 1 gone, 1 relabelled" in " ".join((tmp_path / "a.html").read_text(encoding="utf-8").split())


def test_what_was_left_out_is_reported_everywhere(bakeoff, tmp_path):
    photos, store, page = draw(tmp_path / "my photos"), str(tmp_path / "a.db"), tmp_path / "a.html"
    (photos / "a" / "cut.png").write_bytes((photos / "a" / "0-0.png").read_bytes()[:60])
    (photos / "a" / "also.jpg").write_bytes(b"no image")
    for i in range(12):
        (photos / "b" / f"{i}.xml").touch()
    reasons = {"not an image (.xml)": 12, "not an image": 1}
    data = f"folder:{photos}"
    described = json.loads(bakeoff("data", data, "--json").out)
    assert reasons.items() <= described["left_out"].items() and len(described["skipped"]) == 14
    shown = bakeoff("data", data).out
    assert "12 × not an image (.xml)" in shown and "and 4 more" in shown
    planned = bakeoff("run", "--data", data, *TINY, "--dry-run", "--json")
    assert json.loads(planned.out)["left_out"]["folder:my photos"] == described["left_out"]
    run = bakeoff("run", "--data", data, *TINY, "--store", store)
    for said in (planned, run):
        assert "12 × not an image (.xml)" in said.err and f"bakeoff data 'folder:{photos}'" in said.err
    (finding,) = [
        f for f in json.loads(bakeoff("audit", "--store", store, "--json").out) if f["kind"] == "files-left-out"
    ]
    assert finding["severity"] == "caution" and finding["evidence"][0]["not an image (.xml)"] == 12
    assert "12 × not an image (.xml)" in " ".join(bakeoff("audit", "--store", store).out.split())
    assert "files-left-out" in json.loads(bakeoff("results", "--store", store, "--json").out)[0]["findings"]
    bakeoff("report", "--store", store, "--output", str(page))
    assert "Left out of folder:my photos: 12 × not an image (.xml)" in page.read_text(encoding="utf-8")
    (photos / "a" / "also.jpg").unlink()
    plan = make_plan(choose_study(None, StudyOptions(nets=["lenet-afif"], data=[data], changes={"image.scale": 4})))
    with Store(store) as opened:
        opened.add(plan.runs, plan.records())
        (record,) = opened.datasets().values()
    assert "not an image" not in record.facts["left_out"], "it is told as it is now"


def test_classes_of_classes_are_noted(bakeoff, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw(draw(Path("X") / "cats", classes=("persian", "siamese")).parent / "dogs", classes=("boxer", "pug"), seed=1)
    Picture.new("RGB", (8, 8)).save("X/cats/stray.png")
    described = json.loads(bakeoff("data", "folder:X", "--json").out)
    assert described["classes"] == ["cats", "dogs"]
    assert described["nesting"] == {"folder": "folder:X/cats", "inner": ["persian", "siamese"]}
    assert json.loads(bakeoff("data", described["nesting"]["folder"], "--json").out)["classes"] == [
        "persian",
        "siamese",
    ]
    shown, run = bakeoff("data", "folder:X").out, bakeoff("run", "--data", "folder:X", *TINY, "--dry-run").err
    assert all("folder:X/cats" in " ".join(said.split()) for said in (shown, run))
    draw(Path("X") / "birds", classes="a", seed=2)
    assert json.loads(bakeoff("data", "folder:X", "--json").out)["nesting"] is None, "one sub-folder is no class"


def test_a_run_says_at_which_size_it_trains(bakeoff, tmp_path):
    photos = draw(tmp_path / "photos")
    for label, size in (("a", (90, 120)), ("b", (70, 70))):
        Picture.new("RGB", size).save(photos / label / "large.png")
    wanted = ["--data", f"folder:{photos}", *TINY, "--store", str(tmp_path / "a.db")]
    for said in (bakeoff("run", *wanted, "--size", "48"), bakeoff("run", *wanted, "--size", "48", "--dry-run")):
        told = " ".join((said.err + said.out).split())
        assert "14 images" in told and told.count("120×90 (1)") == 1 and "48×48, centre-cropped" in told


def test_pictures_are_found_by_content_where_the_folder_was(tmp_path):
    photos = draw(tmp_path / "photos", seed=7)
    given = [f"folder:{photos}", f"folder:{photos}~colour=0"]
    plan = make_plan(
        choose_study(None, StudyOptions(nets=["lenet-afif"], data=given, seeds=1, changes={"image.scale": 4}))
    )
    photos.rename(tmp_path / "elsewhere")
    draw(tmp_path / "photos", seed=8)
    records = {record.content_hash: record for record in plan.records()}
    assert len(plan.runs) == 2
    for run in plan.runs:
        found = find_images(run, records[run.data_hash])
        assert not isinstance(found, str), found
        assert found.info.content_hash == run.data_hash
        assert (found.test.images == found.test.images[:, :1]).all() == ("colour" in run.data)


def test_the_data_folder_may_be_the_working_folder(bakeoff, tmp_path, monkeypatch):
    monkeypatch.chdir(draw(tmp_path / "photos"))
    monkeypatch.setenv("BAKEOFF_CACHE", "cache")
    before = json.loads(bakeoff("data", "folder:.", "--json").out)
    (tmp_path / "photos" / "a" / "0-1.png").unlink()
    assert bakeoff("run", "--data", "folder:.", *TINY).code == 0
    assert bakeoff("report").code == 0
    beside = {path.name for path in (tmp_path / "photos").iterdir()}
    assert {"bakeoff.db", "bakeoff.db.files", "cache", "report.html"} <= beside
    after = json.loads(bakeoff("data", "folder:.", "--json").out)
    assert (after["name"], after["classes"], after["skipped"]) == (before["name"], before["classes"], [])
    assert after["name"] == "folder:photos" and after["content_hash"] != before["content_hash"]
    with Store("bakeoff.db") as opened:
        (result,) = opened.results()
    assert (result.data, result.run.data_hash) == ("folder:photos", after["content_hash"])


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "\u202eabc", "\udcff", "<b>", "[bold]x", "=1+1"])
def test_hostile_names_are_listed_and_not_obeyed(bakeoff, tmp_path, name):
    photos = draw(tmp_path / "photos")
    (photos / "a").rename(photos / name)
    (photos / name / f"{name}.png").write_bytes(b"x")
    (photos / name / f"{name}.txt").touch()
    said = bakeoff("data", f"folder:{photos}")
    assert said.code == 0, said.err
    assert "\x1b" not in said.out and "\u202e" not in said.out
    described = json.loads(bakeoff("data", f"folder:{photos}", "--json").out)
    assert len(described["classes"]) == 2 and len(described["skipped"]) == 2
