from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

from bakeoff.spec.paths import (
    checkpoint_path,
    delete_drafts,
    move_folder,
    replace_folder,
    weights_path,
    write_whole,
    written_whole,
)


def test_a_file_is_whole_whoever_writes_it_at_once(tmp_path):
    target = tmp_path / "new" / "a.json"
    texts = [letter * 100_000 for letter in "abcd"]
    with ThreadPool(4) as pool:
        pool.map(lambda text: write_whole(target, text), texts)
    assert target.read_text() in texts
    assert [path.name for path in target.parent.iterdir()] == ["a.json"]


def test_the_old_one_stays_where_writing_fails(tmp_path):
    target = tmp_path / "a.json"
    write_whole(target, "as it was é")
    with pytest.raises(ZeroDivisionError), written_whole(target) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert target.read_text(encoding="utf-8") == "as it was é"
    assert list(tmp_path.iterdir()) == [target]


def test_a_name_may_be_as_long_as_file_names_may_be(tmp_path):
    target = tmp_path / ("é" * 122 + ".html")
    write_whole(target, b"x")
    assert list(tmp_path.iterdir()) == [target]


def test_drafts_of_one_command_or_all(tmp_path):
    names = [path(tmp_path, run, draft) for path in (checkpoint_path, weights_path) for run in "ab" for draft in "xy"]
    kept = [checkpoint_path(tmp_path, "a"), weights_path(tmp_path, "a")]
    for path in [*names, *kept, tmp_path / ".a.x.0f.tmp", tmp_path / ".a.0f.tmp"]:
        path.write_bytes(b"")
    delete_drafts(tmp_path, "a", "x")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a.pt", "a.safetensors", ".a.0f.tmp"} | {f"{n}.{e}" for n in ("a.y", "b.x", "b.y") for e in ENDS}
    delete_drafts(tmp_path, "a")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a.pt", "a.safetensors"} | {f"{n}.{e}" for n in ("b.x", "b.y") for e in ENDS}


ENDS = ("pt", "safetensors")


@pytest.mark.parametrize("run_id", ["../../elsewhere", "/etc/x", "..", "*", "a" * 5000, "é\n"])
def test_an_id_from_a_damaged_store_names_no_file_elsewhere(tmp_path, run_id):
    folder = tmp_path / "a.db.files"
    folder.mkdir()
    (tmp_path.parent / "elsewhere.pt").touch()
    (folder / "another.draft.pt").touch()
    for path in (checkpoint_path(folder, run_id), weights_path(folder, run_id, "draft")):
        assert path.resolve().parent == folder.resolve()
        path.touch()
    delete_drafts(folder, run_id)
    assert (folder / "another.draft.pt").exists()


def test_a_folder_is_moved_unless_another_process_was_faster(tmp_path):
    first, second, target = tmp_path / "first", tmp_path / "second", tmp_path / "new" / "folder"
    for folder in (first, second):
        folder.mkdir()
        (folder / folder.name).touch()
    move_folder(first, target)
    move_folder(second, target)
    assert [path.name for path in target.iterdir()] == ["first"]
    assert not first.exists() and second.exists()


def _folder(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "a").write_text(content)
    return path


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_takes_the_place_of_another(tmp_path, exists):
    target = tmp_path / "target"
    if exists:
        _folder(target, "old")
    replace_folder(_folder(tmp_path / ".new.tmp", "new"), target)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert (target / "a").read_text() == "new"


def test_a_folder_stays_if_another_cannot_take_its_place(tmp_path):
    target = _folder(tmp_path / "target", "old")
    with pytest.raises(OSError):
        replace_folder(tmp_path / ".missing.tmp", target)
    assert (target / "a").read_text() == "old"
