import json
from dataclasses import replace

import numpy as np
import pytest

import bakeoff
import tiny
from bakeoff.analysis.audit import audit
from bakeoff.errors import BakeoffError
from bakeoff.reporting.row_formats import format_rows
from bakeoff.reporting.severity import worst_symbol
from bakeoff.store.store import Store


def test_run_gives_results_to_work_on(results):
    assert {row.net for row in results.rows} == {"lenet-afif", "nin"}
    assert all(row.flaw for row in results.rows if row.rank is None)  # two epochs may be too few to learn anything
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
    """What the audit finds about these runs: when printed, in the frame and in a notebook."""
    with Store(results.store) as store:
        assert list(results.findings) == audit(store)
    serious = [finding for finding in results.findings if finding.severity != "note"]
    assert serious and all(finding.message in str(results).replace("\\*", "*") for finding in serious)
    printed = json.loads(format_rows(results.rows, results.findings, "json"))
    assert [list(kinds) for kinds in results.to_frame()["findings"]] == [row["findings"] for row in printed]
    marked = [row for row in results.rows if worst_symbol(results.findings, row)]
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


def test_runs_are_the_settings_of_the_results(results):
    assert all(isinstance(run, bakeoff.Run) for run in results.runs)
    assert [run.id for run in results.runs] == [result.id for result in results.results]


def test_best_is_the_first_of_the_ranking(tmp_path):
    tiny.finished_store(tmp_path / "a.db", clarity=1)
    results = bakeoff.load(tmp_path / "a.db")
    assert results.best() == results.rows[0] == results.best("tiny")
    with pytest.raises(BakeoffError, match="data='tiny'"):
        results.best("mnist")
    with pytest.raises(BakeoffError, match="no runs"):
        replace(results, results=()).best()
    other = replace(results.results[0], data="other", run=replace_data(results.results[0].run))
    with pytest.raises(BakeoffError, match="data='other'"):
        replace(results, results=(*results.results, other)).best()


def replace_data(run: bakeoff.Run) -> bakeoff.Run:
    return bakeoff.Run(run.net, "other", "other", run.recipe, run.seed)


def test_curves_have_every_epoch(results):
    curves = results.curves()
    assert len(curves) == sum(len(result.epochs) for result in results.results)
    first = results.results[0]
    own = curves[curves["run"] == first.id]
    assert list(own["train_loss"]) == [epoch.train_loss for epoch in first.epochs]


def test_confusion_counts_the_test_images_of_all_seeds(results):
    confusion = results.confusion("nin")
    runs = [result for result in results.results if result.run.net == "nin"]
    assert list(confusion.index) == list(confusion.columns) == [str(digit) for digit in range(10)]
    right = sum(result.measures["test_accuracy"] * result.measures["test_images"] for result in runs)
    assert np.trace(confusion.to_numpy()) == pytest.approx(right)
    alone = replace(results, results=tuple(runs[:1])).confusion("nin")
    assert confusion.to_numpy().sum() == 2 * alone.to_numpy().sum() == 2 * runs[0].measures["test_images"]
    with pytest.raises(BakeoffError, match="resnet20"):
        results.confusion("resnet20")


def test_predictions_are_those_of_one_run(results):
    result = results.results[0]
    frame = results.predictions(result.run)
    assert frame.equals(results.predictions(result)) and frame.equals(results.predictions(result.id))
    assert (frame["true"] == frame["predicted"]).mean() == pytest.approx(result.measures["test_accuracy"])
    assert np.allclose(frame.filter(like="P(").sum(axis=1), 1, atol=0.01)
    with pytest.raises(BakeoffError, match="not among these results"):
        results.predictions("0" * 16)
