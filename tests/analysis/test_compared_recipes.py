"""Which cells share a table when recipes are compared, and their budgets."""

import numpy as np
import pytest

import tiny
from bakeoff.analysis.audit import audit
from bakeoff.analysis.budgets import describe_budget
from bakeoff.analysis.cells import group_cells, group_into_tables
from bakeoff.analysis.race import make_race, race_results
from bakeoff.analysis.ranking import group_by_table, rank
from bakeoff.execution.plan import Plan, make_record
from bakeoff.spec.recipe import Probe
from bakeoff.spec.records import Epoch, Outcome
from bakeoff.store.store import Store
from bakeoff.studies.study import Study
from bakeoff.text.formats import duration
from compared import LONG, OTHER, SHORT, compare, fill


@pytest.fixture
def filled(tmp_path):
    return fill(tmp_path / "a.db")


def tables(path) -> list[list[str]]:
    with Store(path) as store:
        return [[cell.label for cell in table] for table in group_into_tables(group_cells(store.results()))]


def test_recipes_have_tables_of_their_own_until_they_are_compared(filled):
    assert tables(filled) == [["conv", "nin"]] * 3
    compare(filled, (SHORT, LONG))
    short, long = (["conv · short", "nin · short"], ["conv · long", "nin · long"])
    assert tables(filled) == [[*short, *long], ["conv", "nin"]]


def test_comparisons_with_a_recipe_in_common_are_one_table(filled):
    compare(filled, (SHORT, LONG))
    compare(filled, (OTHER, LONG))
    assert len(tables(filled)) == 1
    assert len(tables(filled)[0]) == 6


def test_a_table_ranks_all_its_rows_and_is_named_by_its_recipes(filled):
    compare(filled, (SHORT, LONG))
    with Store(filled) as store:
        rows = rank(store.results())
    together, alone = group_by_table(rows)
    assert {row.table for row in together} == {"short (a=1) and long"}
    assert {row.table for row in alone} == {"other"}
    assert sorted(row.rank or 0 for row in together)[0] == 1
    assert max(row.rank or 0 for row in together) > 2
    assert {(row.recipe, row.epochs, row.images_seen) for row in together} == {
        ("short (a=1)", 3, 3 * 45),
        ("long", 9, 9 * 45),
    }


def test_the_audit_finds_recipes_of_unequal_budgets(filled):
    def found() -> list:
        with Store(filled) as store:
            return [finding for finding in audit(store) if finding.kind == "unequal-budgets"]

    assert not found()
    compare(filled, (SHORT, OTHER))
    assert not found()
    compare(filled, (SHORT, LONG))
    (finding,) = found()
    assert "9 epochs, 405 images seen" in finding.evidence[0]["long"]
    assert "3 epochs, 135 images seen" in finding.evidence[0]["short"]
    assert len(finding.runs) == 12


def test_a_race_is_corrected_for_all_pairs_of_the_table(filled):
    study = Study(name="a", nets=("conv", "nin"), data=("tiny",), recipe=("short", "long"), seeds=2)
    race = make_race(study, ("conv", "nin"))

    def widths() -> list[float]:
        with Store(filled) as store:
            runs = tuple(result.run for result in store.results() if result.run.recipe.name != "other")
        results = race_results(race, Plan(study, runs, {}), filled)
        assert [result.recipe for result in results] == ["short (a=1)", "long"]
        return [(result.high or 1.0) - (result.low or -1.0) for result in results]

    alone = widths()
    compare(filled, (SHORT, LONG))
    assert all(wider >= before for wider, before in zip(widths(), alone, strict=True))


def test_forgetting_all_runs_on_the_images_forgets_the_comparison(filled):
    compare(filled, (SHORT, LONG))
    with tiny.ClaimingStore(filled) as store:
        ids = [result.id for result in store.results()]
        store.forget(ids, "me")
        assert not store._db.execute("SELECT * FROM comparisons").fetchall()


def test_the_features_of_a_probe_are_reported_once(tmp_path):
    path, data = tmp_path / "a.db", tiny.dataset(test=50)
    with tiny.ClaimingStore(path, create=True) as store:
        for recipe in ({"name": "probe", "epochs": 1, "probe": Probe()}, LONG):
            for seed in (0, 1):
                run = tiny.run("conv", seed, **recipe)
                store.add([run], [make_record(data)])
                store.record_epoch(run.id, Epoch(1, 1.0, 0.5, 0.5, 0.6, 0.0, 32.0, 0.0, 22.0, 10**8))
                measures = {"test_accuracy": 0.5, "test_images": 50, "train_images": 45, "train_seconds": 32.0}
                if run.recipe.probe:
                    measures["features_seconds"] = 30.0
                predicted = np.zeros(50, np.uint16)
                store.finish(run.id, Outcome(1, predicted, np.eye(3, dtype=np.float16)[predicted], measures), {})
    with Store(path) as store:
        rows = rank(store.results())
    assert {row.recipe: (row.epochs, row.features_seconds) for row in rows} == {
        "probe": (None, 30.0),
        "long": (9, None),
    }
    probe, long = ([row for row in rows if row.recipe == name] for name in ("probe", "long"))
    assert f"{duration(30.0)} for features, computed once for all seeds" in describe_budget(probe)
    assert describe_budget(long) == ""
    assert "45 images seen" in describe_budget(rows) and "for features" in describe_budget(rows)
