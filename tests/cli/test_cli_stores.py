import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import tiny
from bakeoff.store.store import Store


def test_merge_puts_stores_together(tmp_path, bakeoff, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.finished_store(tmp_path / "a.db", ("nin",))
    tiny.finished_store(tmp_path / "b.db", ("conv",))
    code, out, _ = bakeoff("merge", "a.db", "b.db", "-o", "all.db")
    assert code == 0
    assert out == "all.db: 4 runs; 0 files beside it\n"
    code, _, err = bakeoff("merge", "a.db", "-o", "all.db")
    assert code == 2
    assert "--overwrite" in err
    shutil.copyfile("a.db", "c.db")
    with Store("c.db") as store:
        store._db.execute("DELETE FROM predictions WHERE run = (SELECT min(id) FROM runs)")
    code, out, _ = bakeoff("merge", "c.db", "-o", "d.db", "--json")
    assert code == 1
    assert json.loads(out)["left_out"][0]["store"] == "c.db"
    assert bakeoff("merge", "c.db", "all.db", "-o", "d.db", "--overwrite", "--json")[0] == 0


def test_store_commands_check_repair_compact_and_describe(tmp_path, bakeoff, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.finished_store(tmp_path / "a.db")
    code, out, _ = bakeoff("store", "check", "a.db")
    assert (code, out.splitlines()[-1]) == (0, "a.db: 4 of 4 runs can be read, nothing is damaged")
    code, out, _ = bakeoff("store", "info", "a.db", "--json")
    assert (code, json.loads(out)["states"]) == (0, {"done": 4})
    assert "4 done" in bakeoff("store", "info", "a.db").out
    code, out, _ = bakeoff("store", "repair", "a.db")
    assert code == 0 and "nothing to repair" in out and not list(tmp_path.glob("*.backup"))
    damaged = bytearray((tmp_path / "a.db").read_bytes())
    damaged[4096:8192] = bytes(4096)
    (tmp_path / "a.db").write_bytes(damaged)
    code, out, _ = bakeoff("store", "check", "a.db", "--json")
    assert (code, json.loads(out)["damaged"]) == (1, True)
    code, out, _ = bakeoff("store", "repair", "a.db")
    assert code in (0, 1)
    assert "the damaged file is a.db.damaged.backup" in out
    assert bakeoff("store", "compact", "a.db").code == 0
    assert bakeoff("store", "check", "absent.db").code == 2
    assert bakeoff("store").code == 2


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("store check --store a.db", "bakeoff store check a.db"),
        ("store repair --json --store=a.db", "bakeoff store repair --json a.db"),
        ("merge --store a.db b.db -o c.db", "bakeoff merge a.db b.db -o c.db"),
        ("track --store a.db --to wandb:x", "bakeoff track a.db --to wandb:x"),
    ],
)
def test_commands_that_take_the_store_as_an_argument_say_so(given, meant, bakeoff, monkeypatch):
    monkeypatch.setattr("sys.argv", ["bakeoff", *given.split()])
    code, _, err = bakeoff(*given.split())
    assert code == 2 and f"did you mean {meant}?" in err


def test_what_is_no_store_is_not_given_as_an_option_that_merge_lacks(bakeoff, tmp_path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE a(b)")
    code, _, err = bakeoff("merge", str(tmp_path / "other.db"), "-o", str(tmp_path / "c.db"))
    assert code == 2 and "choose another file" in err


def test_a_finished_command_leaves_one_file(trained):
    store = Path(trained[0])
    assert {path.name for path in store.parent.iterdir()} - {"a.html"} == {"a.db", "a.db.files"}  # another test's page
