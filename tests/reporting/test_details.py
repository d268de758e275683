import csv
import io
import json

import numpy as np
import pytest

import tiny
from bakeoff.cli import main
from bakeoff.errors import BakeoffError
from bakeoff.reporting.details import ConfusionCount, count_confusions, list_epochs
from bakeoff.reporting.tables import to_csv
from bakeoff.store.store import Store


@pytest.fixture
def store(tmp_path):
    tiny.finished_store(tmp_path / "a.db")
    with Store(tmp_path / "a.db") as opened:
        yield opened


def test_curves_are_all_epochs_of_all_runs(store):
    points = list_epochs(store.results())
    assert len(points) == 2 * 2 * 3
    assert [(p.net, p.seed, p.epoch) for p in points[:3]] == [("lenet-afif", 0, n) for n in (1, 2, 3)]
    assert points[1].train_loss == 0.5 and points[1].run == store.results()[0].id


def test_confusions_count_every_test_image_once_a_seed(store):
    found = count_confusions(store, "nin")
    labels = tiny.dataset().test.labels
    assert sum(one.images for one in found) == 2 * len(labels)
    right = sum(one.images for one in found if one.true == one.predicted)
    accuracies = [r.measures["test_accuracy"] for r in store.results() if r.run.net == "nin"]
    assert right / (2 * len(labels)) == pytest.approx(np.mean(accuracies))
    for name in "abc":
        assert sum(one.share for one in found if one.true == name) == pytest.approx(1)
    rows = list(csv.DictReader(io.StringIO(to_csv(found, ConfusionCount))))
    assert len(rows) == 9 and rows[0]["seeds"] == "2"


def test_a_network_that_is_not_there_is_reported(store):
    with pytest.raises(BakeoffError, match="no finished run of 'nim': did you mean nin"):
        count_confusions(store, "nim")


def printed(capsys, monkeypatch, *arguments) -> str:
    monkeypatch.setattr("sys.argv", ["bakeoff", *arguments])
    main()
    return capsys.readouterr().out


def test_the_command_line_prints_them(store, capsys, monkeypatch):
    asked = ["results", "--store", str(store.path)]
    assert printed(capsys, monkeypatch, *asked, "--curves").splitlines()[0].startswith("data,recipe,net,seed,run,epoch")
    told = json.loads(printed(capsys, monkeypatch, *asked, "--confusion", "NiN", "--json"))
    assert {one["true"] for one in told} == {"a", "b", "c"}
    with pytest.raises(SystemExit):
        printed(capsys, monkeypatch, *asked, "--curves", "--format", "latex")


def test_a_table_for_a_paper_has_a_label_and_marks_unless_told_otherwise(store, capsys, monkeypatch):
    asked = ["results", "--store", str(store.path), "--format", "latex"]
    marked = printed(capsys, monkeypatch, *asked)
    assert "\\caption{" in marked and "\\label{tab:tiny-tiny}" in marked and "\\footnotesize (a)" in marked
    unmarked = printed(capsys, monkeypatch, *asked, "--no-marks")
    assert "\\footnotesize (" not in unmarked and "\\footnotesize Picking the best of 2" in unmarked
