"""Probes through the command line, from the run to the page."""

import json
from dataclasses import replace

import pytest

from bakeoff.execution.probing import ProbeSeconds
from bakeoff.nets import NETS
from bakeoff.nets.weights import Weights
from bakeoff.reporting.page import build_page
from bakeoff.store.store import Store

WHAT = ["--nets", "conv", "--data", "digits", "--scale", "3", "--seeds", "2"]


@pytest.fixture(scope="module")
def probed(bakeoff, own_cache, tmp_path_factory):
    store = str(tmp_path_factory.mktemp("probe") / "a.db")
    return store, bakeoff("run", *WHAT, "--recipe", "probe", "--epochs", "7", "--store", store, "--json")


def test_a_network_from_its_seed_can_be_probed(probed):
    """Its features are random; an epoch more or less means nothing to them."""
    store, said = probed
    assert said.code == 0, said.err
    (row,) = json.loads(said.out)
    assert row["recipe"] == "probe (image.scale=3)" and row["seeds"] == 2
    assert row["test_accuracy"] > 0.7
    assert 0 < row["features_seconds"] < row["train_seconds"]
    with Store(store) as opened:
        results = opened.results()
    assert [len(result.epochs) for result in results] == [1, 1]
    assert {result.measures["features_shared"] for result in results} == {0.0}  # each seed has its own network


def test_tables_say_what_seeds_share_and_how_the_penalty_was_chosen(probed, bakeoff):
    for form in ("table", "markdown", "latex"):
        out = " ".join(bakeoff("results", "--store", probed[0], "--format", form).out.split())
        assert "computed once for all seeds" in out
        assert "lowest validation loss" in out


def test_the_audit_finds_nothing_amiss(probed, bakeoff):
    audit = json.loads(bakeoff("audit", "--store", probed[0], "--json").out)
    found = audit["findings"] if isinstance(audit, dict) else audit
    assert {one["kind"] for one in found} <= {"loaded-machine", "label-suspects", "duplicates"}


def test_the_page_shows_the_settings_that_a_probe_has(probed):
    page = build_page(probed[0], pictures=False)
    assert "computed once for all seeds" in page
    assert "probe.strengths" in page
    assert "optimizer.lr" not in page


def test_the_same_command_finds_its_runs_again(probed, bakeoff):
    again = bakeoff("run", *WHAT, "--recipe", "probe", "--epochs", "2", "--store", probed[0])
    assert "2 of 2 runs are already in the store" in again.err


def test_its_weights_are_evaluated_afterwards(probed, bakeoff):
    said = bakeoff("run", *WHAT, "--recipe", "probe", "--store", probed[0], "--robustness")
    assert said.code == 0, said.err
    with Store(probed[0]) as opened:
        first = opened.results()[0].measures
    assert 0.2 < first["accuracy_under_corruption"] <= first["test_accuracy"] + 0.05


def test_a_probe_is_compared_with_other_recipes(probed, bakeoff):
    small = ["--set", "images_per_class=20", "--set", "validation=50", "--seeds", "1"]
    said = bakeoff("run", *WHAT, *small, "--recipe", "probe,quick", "--epochs", "2", "--store", probed[0], "--json")
    assert said.code == 0, said.err
    rows = json.loads(said.out)
    assert {row["recipe"].partition(" ")[0]: row["epochs"] for row in rows} == {"probe": None, "quick": 2}


def test_a_dry_run_counts_features_once_for_pretrained_networks_only(bakeoff, tmp_path, monkeypatch):
    monkeypatch.setattr("bakeoff.console.estimate.measure_probe", lambda *given: ProbeSeconds(100.0, 1.0))
    asked = ["run", *WHAT, "--recipe", "probe", "--workers", "1", "--store", str(tmp_path / "a.db"), "--dry-run"]
    plan = json.loads(bakeoff(*asked, "--json").out)
    assert plan["estimated_seconds"] == 2 * (100 + 1)
    weights = Weights("made-up", "0" * 64, "a test", dict)
    monkeypatch.setitem(NETS, "conv", replace(NETS["conv"], weights=weights))
    plan = json.loads(bakeoff(*asked, "--json").out)
    assert plan["estimated_seconds"] == 100 + 2 * 1
    assert plan["cells"][0]["shared_seconds"] == 100
    assert "1:40 of that, once for all seeds" in bakeoff(*asked).out


def test_folds_share_features(bakeoff, tmp_path, monkeypatch):
    asked = ["run", *WHAT[:-2], "--recipe", "probe", "--set", "normalize=unit", "--folds", "3", "--seeds", "1"]
    asked += ["--workers", "1", "--store", str(tmp_path / "a.db")]
    said = bakeoff(*asked)
    assert said.code == 0, said.err
    with Store(tmp_path / "a.db") as opened:
        results = sorted(opened.results(), key=lambda result: result.run.data)
    assert [result.measures["features_shared"] for result in results] == [0, 1, 1]
    assert 0.5 < results[0].measures["features_seconds"] / results[1].measures["features_seconds"] < 2
    monkeypatch.setattr("bakeoff.console.estimate.measure_probe", lambda *given: ProbeSeconds(100.0, 1.0))
    monkeypatch.setitem(NETS, "conv", replace(NETS["conv"], weights=Weights("made-up", "0" * 64, "a test", dict)))
    plan = json.loads(bakeoff(*asked, "--dry-run", "--json").out)
    assert [cell["shared_seconds"] for cell in plan["cells"]] == [100, 0, 0]
    assert plan["estimated_seconds"] == 100 + 3


def test_a_dry_run_times_a_few_passes(bakeoff, tmp_path):
    said = bakeoff("run", *WHAT, "--recipe", "probe", "--store", str(tmp_path / "a.db"), "--dry-run", "--json")
    assert 0 < json.loads(said.out)["estimated_seconds"] < 600


def test_a_network_that_cannot_be_probed_is_refused_before_training(bakeoff, tmp_path):
    asked = ["--nets", "allconv", *WHAT[2:], "--recipe", "probe", "--store", str(tmp_path / "a.db")]
    said = bakeoff("run", *asked)
    assert said.code == 2 and "something follows it" in said.err
    assert not (tmp_path / "a.db").exists()


def test_a_users_own_network_can_be_probed(bakeoff, tmp_path):
    path = tmp_path / "net.py"
    path.write_text(
        "from torch import nn\n\ndef tiny(images, classes):\n"
        "    flat = images.channels * images.height * images.width\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(flat, 30), nn.ReLU(), nn.Linear(30, classes))\n"
    )
    said = bakeoff(
        "run", "--nets", str(path), *WHAT[2:], "--recipe", "probe", "--store", str(tmp_path / "a.db"), "--json"
    )
    assert said.code == 0, said.err
    assert json.loads(said.out)[0]["test_accuracy"] > 0.5


def test_what_a_probe_has_no_use_for_is_an_error(bakeoff, tmp_path):
    said = bakeoff("run", *WHAT, "--recipe", "probe", "--set", "augment.flip=true", "--store", str(tmp_path / "a.db"))
    assert said.code == 2
    assert "augment" in said.err
