import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import tiny
from bakeoff.analysis.audit import FINDINGS, SEVERITIES, audit
from bakeoff.analysis.snapshot import read_snapshot
from bakeoff.cli import cli
from bakeoff.data.dataset import Images
from bakeoff.execution.plan import make_record
from bakeoff.machine.hardware import environment
from bakeoff.reporting.tables import to_json
from bakeoff.store.store import Store
from bakeoff.training.loop import fit


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    tiny.finished_store(path, seeds=1)
    return path


def test_a_store_is_read_whole(store):
    with Store(store) as opened:
        snapshot = read_snapshot(opened)
    assert [cell.net for cell in snapshot.cells] == ["lenet-afif", "nin"]
    for run in snapshot.evaluated.values():
        assert run.accuracy == run.result.measures["test_accuracy"]
        assert run.confusion.sum() == run.reliability.images.sum() == 25


def test_the_studies_printed_parameters(store):
    with Store(store) as opened:
        assert read_snapshot(opened).references["lenet-afif", "mnist", "afif2018", "parameters"] == 150_742


def test_a_real_run_tells_of_its_network_and_its_images(tmp_path):
    """The height concatenation of 2018, and test images that are the first of the training images."""
    data = tiny.dataset(side=20)
    data = replace(data, test=Images(data.train.images[:25], data.train.labels[:25]))
    run = tiny.run("squeezenet-afif", epochs=1)
    *_, outcome = fit(run, data, tiny.MACHINE)
    with tiny.ClaimingStore(tmp_path / "a.db", create=True) as store:
        store.add([run], [make_record(data, search=True)])
        store.finish(run.id, outcome, environment(tiny.MACHINE))
        found = {finding.kind: finding for finding in audit(store)}
    assert found["duplicates"].severity == "serious" and found["duplicates"].evidence[0]["known"] == 25
    assert found["shapes-depart"].evidence[0]["axis"] == "height"


def test_the_serious_comes_first(store):
    with Store(store) as opened:
        findings = audit(opened)
    assert "single-run" in {finding.kind for finding in findings}
    places = [SEVERITIES.index(finding.severity) for finding in findings]
    assert places == sorted(places)
    assert json.loads(to_json(findings))[0]["evidence"]


def test_an_empty_store_has_nothing_to_find(tmp_path):
    with tiny.ClaimingStore(tmp_path / "a.db", create=True) as opened:
        assert audit(opened) == []


def test_every_finding_has_a_test_of_its_own():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*_findings.py"))
    for kind, look in FINDINGS.items():
        assert look.__doc__
        assert re.search(rf'(?<!not )look\(\s*"{kind}"', tests), kind
        assert re.search(rf'not look\(\s*"{kind}"', tests), f"{kind} needs a near-miss"


def test_the_command_prints_findings_or_json(store, capsys):
    cli.main(["audit", "--store", str(store)], standalone_mode=False)
    told = capsys.readouterr().out
    assert "single-run" in told and f"Checked for {len(FINDINGS)} kinds" in told
    cli.main(["audit", "--store", str(store), "--json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    assert {"kind", "severity", "message", "advice", "nets", "runs", "evidence"} <= found[0].keys()


def test_results_mark_what_is_serious_and_count_the_rest(store, capsys, monkeypatch):
    cli.main(["results", "--store", str(store)], standalone_mode=False)
    told = capsys.readouterr().out
    assert "bakeoff audit --store" in told and "!!" not in told
    with Store(store) as opened:
        single = next(finding for finding in audit(opened) if finding.kind == "single-run")
        runs = tuple(result.id for result in opened.results() if result.run.net == "nin")
    dead = replace(single, kind="dead-classes", severity="serious", nets=("nin",), runs=runs)
    monkeypatch.setattr("bakeoff.analysis.shared_ranks.audit_snapshot", lambda *_: [dead])
    cli.main(["results", "--store", str(store)], standalone_mode=False)
    told = capsys.readouterr().out
    assert any("nin" in line and "!!" in line for line in told.splitlines())
    assert "1 serious, no cautions, no notes" in told
    cli.main(["results", "--store", str(store), "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)
