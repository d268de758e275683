import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import bakeoff
import tiny
from bakeoff.analysis.audit import audit
from bakeoff.cli.results import findings_about
from bakeoff.errors import BakeoffError
from bakeoff.execution.executors.local import Pool
from bakeoff.reporting.exports import written
from bakeoff.reporting.severity import gravest
from bakeoff.store.store import Store
from bakeoff.studies.study import Study


@pytest.fixture(scope="module")
def results(tmp_path_factory, own_cache) -> bakeoff.Results:
    """Two networks with two seeds on the real digits."""
    return bakeoff.run(
        nets=["lenet-afif", "nin"],
        data=["digits"],
        seeds=2,
        changes=tiny.DIGITS,
        store=tmp_path_factory.mktemp("api") / "a.db",
        quiet=True,
    )


def test_run_gives_results_to_work_on(results):
    assert [row.rank for row in results.rows] == [1, 2]
    assert len(results.results) == 4
    assert results.table().startswith("### digits, recipe quick (")
    assert str(results) == results.table()
    assert "4 of 4 runs finished" in repr(results) and len(repr(results)) < 300
    frame = results.to_frame()
    assert list(frame["net"]) == [row.net for row in results.rows]
    assert frame["test_accuracy"].between(0, 1).all()
    runs = results.runs_frame()
    assert len(runs) == 4
    assert set(runs["seed"]) == {0, 1}
    assert (runs["state"] == "done").all()
    assert set(runs["recipe"]) == {row.recipe for row in results.rows}
    assert "<table" in results._repr_html_()


def test_marks_are_those_of_the_command_line(results):
    """In print, in the frame and in a notebook: what the audit finds about these runs."""
    with Store(results.store) as store:
        assert list(results.findings) == audit(store)
    serious = [finding for finding in results.findings if finding.severity != "note"]
    assert serious and all(finding.message in str(results).replace("\\*", "*") for finding in serious)
    printed = json.loads(written(results.rows, findings_about(results.rows, results.store), "json"))
    assert [list(kinds) for kinds in results.to_frame()["findings"]] == [row["findings"] for row in printed]
    marked = [row for row in results.rows if gravest(results.findings, row)]
    assert marked and results._repr_html_().count(" !") == len(marked)
    part = replace(results, results=tuple(r for r in results.results if r.run.net == "nin"))
    assert part.findings and all(set(finding.runs) & {r.id for r in part.results} for finding in part.findings)


def test_time_to_an_accuracy_is_that_of_the_epochs(results):
    never, at_once = results.time_to(1.01), results.time_to(0.0)
    assert list(never.columns) == ["id", "net", "data", "recipe", "seed", "seconds"]
    assert never["seconds"].isna().all()
    assert list(at_once["seconds"]) == [result.epochs[0].train_seconds for result in results.results]


def test_load_opens_what_was_stored(results):
    assert bakeoff.load(results.store).rows == results.rows
    assert bakeoff.load(str(results.store)).rows == results.rows


def test_running_again_keeps_what_is_there(results, capfd):
    again = bakeoff.run(
        nets=("nin",), data="digits", seeds=1, changes=tiny.DIGITS, store=str(results.store), quiet=True
    )
    assert len(again.results) == 1
    assert again.results[0] in results.results
    assert capfd.readouterr() == ("", "")


def test_seeds_are_added_until_it_is_settled(tmp_path):
    given = {"data": "digits", "changes": tiny.DIGITS, "store": tmp_path / "a.db", "quiet": True}
    results = bakeoff.run(until_settled=("lenet-afif", "nin"), seeds=2, max_seeds=4, **given)
    (settled,) = results.settled
    assert (settled.first, settled.second, settled.data) == ("lenet-afif", "nin", "digits")
    assert 3 <= settled.seeds <= 4
    assert len(results.results) == 2 * settled.seeds
    accuracies = {net: [r.measures["test_accuracy"] for r in results.results if r.run.net == net] for net in NETS}
    means = {net: sum(own) / len(own) for net, own in accuracies.items()}
    assert settled.difference == pytest.approx(means["lenet-afif"] - means["nin"])
    assert bakeoff.run(nets=["lenet-afif"], seeds=1, **given).settled == ()


NETS = ("lenet-afif", "nin")


def test_ablate_tells_what_each_change_gained(tmp_path):
    frame = bakeoff.ablate(
        "lenet-afif",
        "lenet-afif",
        "digits",
        recipe="quick",
        base_recipe="afif2018",
        changes=tiny.DIGITS | {"normalize": "unit", "augment.shift": 0.0, "batch_size": 64},
        seeds=2,
        store=tmp_path / "a.db",
        quiet=True,
    )
    assert list(frame.columns)[:4] == ["data", "change", "how", "gain"]
    assert frame["change"].iloc[-1] == "all changes"
    assert (frame["seeds"] == 2).all()
    assert frame["gain"].between(-1, 1).all()
    with pytest.raises(BakeoffError, match="unknown network 'lenet-afiv'"):
        bakeoff.ablate("lenet-afiv", "lenet-afif", ["digits"], store=tmp_path / "a.db")


def test_a_study_may_be_a_value_or_a_file(tmp_path):
    study = Study(name="tiny", nets=("lenet-afif",), data=("digits",), seeds=1, set=tiny.DIGITS)
    first = bakeoff.run(study, store=tmp_path / "a.db", quiet=True)
    path = tmp_path / "tiny.toml"
    path.write_text('name = "tiny"\nnets = ["lenet-afif"]\ndata = ["digits"]\nseeds = 1\n')
    second = bakeoff.run(path, changes=tiny.DIGITS, store=tmp_path / "a.db", quiet=True)
    assert [result.id for result in first.results] == [result.id for result in second.results]


def test_report_writes_the_page(results, tmp_path):
    page = bakeoff.report(results.store, tmp_path / "a.html", title="Digits")
    assert page == tmp_path / "a.html"
    assert "lenet-afif" in page.read_text()


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"nets": ["conf"]}, "unknown network 'conf'"),
        ({"nets": "conf"}, "unknown network 'conf'"),
        ({"data": ["digit"]}, "unknown data set 'digit'"),
        ({"study": "demmo"}, "unknown study 'demmo'"),
        ({"seeds": 0}, "seeds: expected int >= 1"),
        ({"first_seed": 10**20}, "first_seed: expected int"),
        ({"seeds": "3"}, "seeds: expected int, got str"),
        ({"workers": 0}, "workers must be 1 to 1024"),
        ({"threads": 0}, "threads must be 1 to 1024"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"precision": "fp64"}, "unknown precision 'fp64': choose auto, fp32, tf32 or bf16"),
        ({"changes": {"epocs": 3}}, "did you mean epochs"),
        ({"max_seeds": 4}, "max_seeds goes with until_settled"),
        ({"until_settled": ("conv", "conf")}, "unknown network 'conf'"),
        ({"until_settled": ("conv", "conv")}, "between two networks"),
        ({"until_settled": ("conv", "drop"), "nets": ["conv", "nin"]}, "unknown network of the study 'demo' 'drop'"),
        ({"until_settled": ("conv", "drop"), "max_seeds": 10**11}, "max_seeds must be at most 10000"),
        ({"until_settled": ("conv", "drop"), "seeds": 5, "max_seeds": 4}, "max_seeds=4 is below seeds=5"),
    ],
)
def test_mistakes_are_told_before_anything_is_made(mistake, words, tmp_path):
    with pytest.raises(BakeoffError) as caught:
        bakeoff.run(**{"store": tmp_path / "a.db", "quiet": True} | mistake)
    assert words in str(caught.value)
    assert not (tmp_path / "a.db").exists()


def test_an_absent_store_is_told(tmp_path):
    for function in (bakeoff.load, bakeoff.report):
        with pytest.raises(BakeoffError, match="no store at"):
            function(tmp_path / "absent.db")


def test_an_interrupted_notebook_leaves_no_workers(tmp_path, monkeypatch):
    """A notebook keeps the traceback, and with it every frame, alive."""
    pools: list[Pool] = []
    submit = Pool.submit
    monkeypatch.setattr(Pool, "submit", lambda self, run: (pools.append(self), submit(self, run)))
    monkeypatch.setattr("bakeoff.console.live.View.show", lambda self, event: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt) as kept:
        bakeoff.run(nets="lenet-afif", data="digits", changes={"epochs": 1000}, store=tmp_path / "a.db", quiet=True)
    assert kept.tb is not None
    assert pools[0].at_work == []
    assert [result.state for result in bakeoff.load(tmp_path / "a.db").results] == ["waiting"] * 3


def test_a_script_needs_no_main_guard(tmp_path):
    """Workers never run the caller's script again."""
    script = tmp_path / "script.py"
    script.write_text(
        "import json, bakeoff\n"
        "print('once')\n"
        f"r = bakeoff.run(nets=['lenet-afif'], data=['digits'], seeds=2, changes={tiny.DIGITS!r}, quiet=True)\n"
        "print(json.dumps([result.state for result in r.results]))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(bakeoff.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    once, states = done.stdout.splitlines()
    assert once == "once"
    assert json.loads(states) == ["done", "done"]
    assert (tmp_path / "bakeoff.db").exists()


def test_everything_public_is_listed_and_there():
    assert set(bakeoff.__all__) <= set(dir(bakeoff))
    assert all(getattr(bakeoff, name).__doc__ for name in bakeoff.__all__)
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        _ = bakeoff.rum
