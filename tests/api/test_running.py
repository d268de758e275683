import inspect
import json
import os
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import click
import pytest

import bakeoff
import tiny
from bakeoff.cli import cli
from bakeoff.errors import BakeoffError
from bakeoff.execution.executors.local import Pool
from bakeoff.execution.options import RunOptions
from bakeoff.studies.study import Study


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
        ({"recipe": 3}, "recipe takes names"),
        ({"recipe": ["quick", "clark"]}, "clark2020"),
        ({"recipe": []}, "recipe takes names"),
        ({"max_seeds": 4}, "max_seeds goes with until_settled"),
        ({"until_settled": ("conv", "conf")}, "unknown network 'conf'"),
        ({"until_settled": ("conv", "conv")}, "two networks"),
        ({"until_settled": ("conv", "drop"), "nets": ["conv", "nin"]}, "unknown network of the study 'demo' 'drop'"),
        ({"until_settled": ("conv", "drop"), "max_seeds": 10**11}, "max_seeds must be at most 10000"),
        ({"until_settled": ("conv", "drop"), "seeds": 5, "max_seeds": 4}, "max_seeds=4 is below seeds=5"),
    ],
)
def test_errors_come_before_anything_is_made(mistake, words, tmp_path):
    with pytest.raises(BakeoffError) as caught:
        bakeoff.run(**{"store": tmp_path / "a.db", "quiet": True} | mistake)
    assert words in str(caught.value)
    assert not (tmp_path / "a.db").exists()


def test_an_interrupted_notebook_leaves_no_workers(tmp_path, monkeypatch):
    """A notebook keeps the traceback, and with it every frame, alive."""
    pools: list[Pool] = []
    submit = Pool.submit
    monkeypatch.setattr(Pool, "submit", lambda self, run, **_: (pools.append(self), submit(self, run)))
    monkeypatch.setattr("bakeoff.console.live.View.show", lambda self, event: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt) as kept:
        bakeoff.run(nets="lenet-afif", data="digits", changes={"epochs": 1000}, store=tmp_path / "a.db", quiet=True)
    assert kept.tb is not None
    assert pools[0].running == []
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


def test_an_estimate_checks_and_times_what_a_run_would_do(tmp_path, capfd):
    given = {"nets": "lenet-afif", "data": "digits", "changes": tiny.DIGITS, "store": tmp_path / "a.db", "quiet": True}
    plan = bakeoff.estimate(recipe=["quick", "clark2020"], seeds=2, **given)
    assert (plan.runs, plan.left) == (4, 4)
    assert plan.seconds > 0
    assert {recipe.partition(" ")[0] for recipe in plan.to_frame()["recipe"]} == {"quick", "clark2020"}
    assert plan.to_dict()["runs"] == 4
    assert "4 runs" in str(plan) and "lenet-afif" in plan._repr_html_()
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    with pytest.raises(BakeoffError, match="unknown network 'conf'"):
        bakeoff.estimate(nets="conf", quiet=True)
    with pytest.raises(BakeoffError, match="has no argument 'restart'"):
        bakeoff.estimate(restart=True)


def test_everything_public_is_listed_and_there():
    assert set(bakeoff.__all__) <= set(dir(bakeoff))
    assert all(getattr(bakeoff, name).__doc__ for name in bakeoff.__all__)
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        _ = bakeoff.rum


def test_dial_gives_the_curves(tmp_path):
    experiments = bakeoff.dial(
        "digits", "contrast", levels=[1, 0.25], nets="lenet-afif", seeds=1, changes=tiny.DIGITS, store=tmp_path / "a.db"
    )
    frame = experiments.to_frame()
    assert list(frame["level"]) == [1, 0.25] and set(frame["net"]) == {"lenet-afif"}
    assert "contrast" in str(experiments) and experiments.sentences
    assert "<table" in experiments._repr_html_()


def test_reproduce_compares_with_what_was_published(tmp_path):
    frame = bakeoff.reproduce(
        "afif2018",
        nets="lenet-afif",
        data="mnist",
        data_as={"mnist": "digits"},
        seeds=1,
        changes={"images_per_class": 20, "epochs": 1},
        store=tmp_path / "a.db",
        quiet=True,
    )
    measured = frame[(frame["measure"] == "test_accuracy") & frame["measured"].notna()]
    assert list(measured["net"]) == ["lenet-afif"] and measured["measured"].between(0, 1).all()
    assert list(measured["data_used"]) == ["digits"]


def test_progress_is_reported_and_quiet_is_quiet(tmp_path, capfd):
    given = {"nets": "lenet-afif", "data": "digits", "changes": tiny.DIGITS, "store": tmp_path / "a.db"}
    bakeoff.run(seeds=1, **given)
    assert "epoch 2/2" in capfd.readouterr().err
    bakeoff.run(seeds=2, quiet=True, **given)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["run", "reproduce", "ablate", "dial", "pick", "tune"])
def test_the_options_of_a_command_are_arguments_of_its_function(name):
    options = {parameter.name for parameter in cli.get_command(click.Context(cli), name).params}
    arguments = inspect.signature(getattr(bakeoff, name)).parameters.keys()
    how = {field.name for field in fields(RunOptions)} - {"dry_run"}  # that is `bakeoff.estimate`
    assert options & how <= arguments


def test_runs_are_trained_by_other_executors(tmp_path):
    pytest.importorskip("submitit", reason="submitit is not installed: pip install 'bakeoff[slurm]'")
    given = {"nets": "linear", "data": "digits", "seeds": 1, "changes": tiny.DIGITS, "quiet": True, "threads": 1}
    here = bakeoff.run(**given, store=tmp_path / "here.db")
    settings = {"cluster": "debug", "timeout_min": 5}
    there = bakeoff.run(**given, store=tmp_path / "there.db", executor="slurm", slurm=settings)
    assert (tmp_path / "there.db.slurm").is_dir()
    measures = [tiny.without_times(results.results[0].measures) for results in (here, there)]
    assert measures[0] == measures[1]
    with pytest.raises(BakeoffError, match="address goes with executor ray"):
        bakeoff.run(**given, store=tmp_path / "here.db", address="head:6379")
