import json
import sys

import pytest

import bakeoff as library
import tiny
from bakeoff.errors import BakeoffError
from bakeoff.execution.plan import make_record
from bakeoff.spec.paths import checkpoint_path, weights_path
from bakeoff.spec.records import Failure
from bakeoff.store.store import Store


@pytest.fixture
def store(tmp_path) -> str:
    """Two networks with two finished seeds each; a third seed has failed, waits, or is damaged."""
    path = tmp_path / "a.db"
    tiny.finished_store(path)
    with tiny.ClaimingStore(path) as opened:
        failed, waiting = tiny.run("lenet-afif", 2), tiny.run("nin", 2)
        opened.add([failed, waiting], [make_record(tiny.dataset())])
        opened.fail(failed.id, Failure("error", "made up"), {})
        opened._db.execute("UPDATE measures SET value = 0.99 WHERE run = ?", (tiny.run("nin", 1).id,))
        opened.files.mkdir()
        for result in opened.results():
            weights_path(opened.files, result.id).write_bytes(bytes(1000))
            checkpoint_path(opened.files, result.id).write_bytes(bytes(500))
    return str(path)


def left(store: str) -> list[tuple[str, int, str]]:
    with Store(store) as opened:
        found, unreadable = opened.read()
        runs = [(r.run.net, r.run.seed, r.state) for r in found] + [(r.net, r.seed, r.state) for r in unreadable]
        beside = {path.name.partition(".")[0] for path in opened.files.iterdir()}
        assert beside == {result.id for result in found}
    return sorted(runs)


ALL = [
    ("lenet-afif", 0, "done"), ("lenet-afif", 1, "done"), ("lenet-afif", 2, "failed"),
    ("nin", 0, "done"), ("nin", 1, "damaged"), ("nin", 2, "waiting"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        (["--state", "failed"], [2]),
        (["--state", "failed,damaged,waiting"], [2, 4, 5]),
        (["--nets", "nin"], [3, 4, 5]),
        (["--nets", "nin", "--state", "done"], [3]),
        (["--recipe", "tiny"], range(6)),
        (["--data", "tiny", "--nets", "lenet-afif"], range(3)),
    ],
)
def test_removes_what_matches_all_that_is_asked(options, gone, bakeoff, store):
    asked = ["forget", "--store", store, *options]
    tried = bakeoff(*asked, "--dry-run")
    assert tried.code == 0
    assert f"{len(gone)} run" in tried.out
    assert len(left(store)) == 6
    said = bakeoff(*asked, "--yes", "--json")
    assert said.code == 0
    told = json.loads(said.out)
    assert (len(told["forgotten"]), told["spared"], told["dry_run"]) == (len(gone), [], False)
    assert left(store) == [run for number, run in enumerate(ALL) if number not in gone]


def test_says_what_goes_and_asks(bakeoff, store, monkeypatch):
    said = bakeoff("forget", "--store", store, "--nets", "nin")
    assert said.code == 2
    assert "--yes" in said.err
    assert "nin on tiny, tiny: 1 done, 1 waiting, 1 damaged" in said.out
    for answer, runs in (("n", 6), ("y", 3)):
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("rich_click.confirm", lambda *_, answer=answer, **__: answer == "y")
        assert bakeoff("forget", "--store", store, "--nets", "nin").code == 0
        assert len(left(store)) == runs


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "network, data, recipe or state"),
        (["--nets", "nim"], "unknown network in this store 'nim': did you mean nin?"),
        (["--data", "tinny"], "unknown data set in this store 'tinny': did you mean tiny?"),
        (["--recipe", "tin"], "did you mean tiny?"),
        (["--state", "broken"], "unknown state 'broken'"),
    ],
)
def test_says_what_is_not_there(options, words, bakeoff, store):
    said = bakeoff("forget", "--store", store, *options, "--yes")
    assert (said.code, len(left(store))) == (2, 6)
    assert words in said.err


def test_spares_what_another_command_is_at(bakeoff, store):
    with Store(store) as opened:
        opened.claim(tiny.run("nin", 2).id, "elsewhere.example:1:2")
    said = bakeoff("forget", "--store", store, "--nets", "nin", "--yes")
    assert "1 of them" in said.out
    assert said.code == 1
    assert [run for run in left(store) if run[0] == "nin"] == [("nin", 2, "running")]


def test_from_python_too(store):
    assert len(library.forget(store, nets="nin", dry_run=True)) == 3
    frame = library.forget(store, state=["failed", "damaged"])
    assert sorted(frame["state"]) == ["damaged", "failed"]
    assert len(left(store)) == 4
    with pytest.raises(BakeoffError, match="recipe or state"):
        library.forget(store)
