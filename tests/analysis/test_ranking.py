import io
import json
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ranked import RECIPE, failed, result
from rich.console import Console

import tiny
from bakeoff.analysis.ranking import RANK_BY, group_by_table, rank
from bakeoff.api import Results, load
from bakeoff.cli import cli
from bakeoff.errors import BakeoffError
from bakeoff.reporting.row_formats import to_latex
from bakeoff.reporting.tables import ranking_to_markdown, to_csv, to_json
from bakeoff.spec.recipe import SGD
from bakeoff.spec.records import Failure, Result
from bakeoff.spec.run import Run


class TestRows:
    def test_hold_mean_and_interval_over_seeds_and_median_costs(self):
        (row,) = rank(
            result(
                seed=n,
                accuracy=a,
                train_seconds=s,
                trainable_parameters=1000,
                flops=5,
                images_per_second=9,
                test_loss=0.5,
            )
            for n, (a, s) in enumerate([(0.5, 10.0), (0.6, 30.0), (0.7, 11.0)])
        )
        assert (row.net, row.rank, row.seeds, row.planned, row.failed) == ("conv", 1, 3, 3, 0)
        assert row.test_accuracy == pytest.approx(0.6)
        assert row.test_accuracy_sd == pytest.approx(0.1)
        assert row.test_accuracy_high - row.test_accuracy_low == pytest.approx(2 * 4.302653 * 0.1 / 3**0.5)
        assert (row.train_seconds, row.parameters, row.flops, row.test_loss) == (11.0, 1000, 5, 0.5)
        assert row.interval == "95 % t interval over seeds"
        assert row.selection == "last epoch"

    def test_say_which_parameters_they_count(self):
        (row,) = rank([result(accuracy=0.9, trainable_parameters=10, parameters=12)])
        assert (row.parameters, row.parameters_are) == (10, "trainable")
        (row,) = rank([result(accuracy=0.9, parameters=12)])
        assert (row.parameters, row.parameters_are) == (12, "all")
        (row,) = rank([result(accuracy=0.9)])
        assert (row.parameters, row.parameters_are) == (None, None)

    def test_say_why_and_where_runs_failed(self):
        run = Run("conv", "digits", "h", RECIPE, 3)
        why = Failure("error", "ValueError: no", file="/home/me/my_net.py", line=12)
        (row,) = rank([failed(), Result(run.id, run, "failed", failure=why)])
        assert row.failures == (
            {"seed": 0, "kind": "error", "message": "x", "file": None, "line": None},
            {"seed": 3, "kind": "error", "message": "ValueError: no", "file": "/home/me/my_net.py", "line": 12},
        )
        assert json.loads(to_json([row]))[0]["failures"] == list(row.failures)
        assert "seed 0: x; seed 3: ValueError: no" in to_csv([row])
        frame = Results(Path("a.db"), (Result(run.id, run, "failed", failure=why),)).runs_frame()
        assert frame[["failed_file", "failed_line"]].to_numpy().tolist() == [["/home/me/my_net.py", 12]]
        assert frame.loc[0, "failure"] == "ValueError: no"

    def test_of_one_seed_have_no_interval(self):
        (row,) = rank([result(accuracy=0.9)])
        assert (row.test_accuracy_low, row.test_accuracy_high, row.test_accuracy_sd) == (None, None, None)
        assert row.interval == "one seed: no interval"

    def test_never_promise_less_than_nothing_or_more_than_all(self):
        (row,) = rank([result(seed=0, accuracy=1.0), result(seed=1, accuracy=0.1)])
        assert (row.test_accuracy_low, row.test_accuracy_high) == (0.0, 1.0)

    def test_count_what_is_missing_and_what_failed(self):
        (row,) = rank([result(seed=0, accuracy=0.9), result(seed=1), failed(seed=2)])
        assert (row.seeds, row.planned, row.failed) == (1, 3, 1)

    def test_without_a_result_have_no_rank_and_come_last(self):
        rows = rank([failed("drop"), result("conv", accuracy=0.1), result("nin")])
        assert [(row.net, row.rank) for row in rows] == [("conv", 1), ("drop", None), ("nin", None)]
        assert rows[1].test_accuracy is None
        assert rows[1].parameters is None

    def test_name_the_rule_of_selection(self):
        best = msgspec.structs.replace(RECIPE, select="best-validation-accuracy")
        on_test = msgspec.structs.replace(best, validation="test")
        rows = rank([result(accuracy=0.5, recipe=best), result("drop", accuracy=0.6, recipe=on_test)])
        assert [row.selection for row in rows] == [
            "best validation accuracy on the TEST set",
            "best validation accuracy",
        ]


class TestRanks:
    def test_are_shared_by_equals(self):
        rows = rank([result(n, accuracy=a) for n, a in {"a": 0.5, "b": 0.9, "c": 0.5, "d": 0.1}.items()])
        assert [(row.net, row.rank) for row in rows] == [("b", 1), ("a", 2), ("c", 2), ("d", 4)]

    @given(accuracies=st.lists(st.integers(0, 5), min_size=1, max_size=8))
    def test_are_one_more_than_the_number_of_better_ones(self, accuracies):
        rows = rank([result(f"net{i}", accuracy=a / 5) for i, a in enumerate(accuracies)])
        means = [row.test_accuracy for row in rows]
        assert means == sorted(means, reverse=True)
        assert all(row.rank == 1 + sum(m > row.test_accuracy for m in means) for row in rows)

    def test_compare_only_within_one_data_set_and_recipe(self):
        other = msgspec.structs.replace(RECIPE, name="other", epochs=4)
        rows = rank(
            [
                result("a", accuracy=0.5),
                result("a", accuracy=0.2, data="mnist", data_hash="m"),
                result("b", accuracy=0.6),
                result("b", accuracy=0.7, recipe=other),
            ]
        )
        found = [[(row.data, row.recipe, row.net, row.rank) for row in table] for table in group_by_table(rows)]
        assert found == [
            [("digits", "plain", "b", 1), ("digits", "plain", "a", 2)],
            [("mnist", "plain", "a", 1)],
            [("digits", "other", "b", 1)],
        ]

    def test_never_mix_different_images_of_one_name(self):
        """A folder whose images changed, or two folders of one name."""
        rows = rank(
            [
                result("a", accuracy=0.5, data="folder:x/photos", data_hash="aaaaaaaaaa"),
                result("a", accuracy=0.9, data="folder:y/photos", data_hash="bbbbbbbbbb"),
            ]
        )
        assert [(row.data, row.rank) for row in rows] == [
            ("folder:photos (aaaaaa)", 1),
            ("folder:photos (bbbbbb)", 1),
        ]

    def test_put_networks_of_a_study_in_one_table_though_the_recipe_treats_them_differently(self):
        gentle = msgspec.structs.replace(RECIPE, optimizer=SGD(lr=0.01))
        rows = rank([result("a", accuracy=0.5), result("b", accuracy=0.6, recipe=gentle)])
        assert [(row.net, row.rank) for row in rows] == [("b", 1), ("a", 2)]


def test_nothing_has_no_ranking():
    assert rank([]) == []


def test_runs_of_two_protocols_are_never_averaged():
    old = result(accuracy=0.5)
    old = replace(old, run=msgspec.structs.replace(old.run, protocol=1))
    assert sorted(row.test_accuracy for row in rank([old, result(accuracy=0.7)])) == [0.5, 0.7]


def test_validation_accuracies_stand_beside_and_may_decide(tmp_path, capsys):
    """One network has the better validation accuracy, the other the better test accuracy."""
    path = tmp_path / "a.db"
    tiny.finished_store(path, seeds=2)
    results = load(path).results
    assert [row.validation_accuracy for row in rank(results)] == pytest.approx([0.6, 0.6])
    changed = [
        replace(r, epochs=tuple(msgspec.structs.replace(e, validation_accuracy=0.9) for e in r.epochs))
        if r.run.net == rank(results)[-1].net
        else r
        for r in results
    ]
    first, second = rank(changed)
    by_validation = rank(changed, "validation")
    assert [row.net for row in by_validation] == [second.net, first.net]
    assert [row.rank for row in by_validation] == [1, 2]
    assert {row.ranked_by for row in by_validation} == {RANK_BY["validation"]} != {first.ranked_by}
    assert "Ranked by validation accuracy" in ranking_to_markdown(
        by_validation
    ) and "Ranked" not in ranking_to_markdown([first])
    cli.main(["results", "--rank-by", "validation", "--json", "--store", str(path)], standalone_mode=False)
    assert {row["ranked_by"] for row in json.loads(capsys.readouterr().out)} == {RANK_BY["validation"]}
    cli.main(["answer", "--rank-by", "validation", "--json", "--store", str(path)], standalone_mode=False)
    [answer] = json.loads(capsys.readouterr().out)["on_data"]
    assert answer["ranked_by"] == RANK_BY["validation"] and answer["optimism"] == 0
    assert load(path, rank_by="validation").rows[0].ranked_by == RANK_BY["validation"]


@pytest.mark.parametrize("validation", ["none", "test"])
def test_no_ranking_by_accuracies_that_there_are_not(validation):
    result = Result("a", tiny.run(validation=validation), "done", measures={"test_accuracy": 0.5})
    assert rank([result])[0].validation_accuracy is None
    with pytest.raises(BakeoffError, match=rf"validation={validation}.*--set validation=0.1"):
        rank([result], "validation")


def test_seeds_of_one_count_have_an_interval_of_some_images():
    results = [
        Result(str(seed), tiny.run(seed=seed), "done", measures={"test_accuracy": 0.99, "test_images": 200})
        for seed in range(3)
    ]
    [row] = rank(results)
    assert row.test_accuracy_sd == 0 and row.test_accuracy_low == pytest.approx(0.99 - 4.3027 / 200 / 3**0.5, rel=1e-4)
    assert row.test_accuracy_high == 1, "no more than all"
    [row] = rank([replace(r, measures={"test_accuracy": 0.99}) for r in results])
    assert row.test_accuracy_low is None and "alike" in row.interval


@pytest.mark.parametrize("accuracies", [(0.03, 0.99), (0.999, 0.9), (0.5, 0.5001)])
def test_printed_intervals_are_within_what_can_be(accuracies, tmp_path, capsys):
    results = [
        Result(str(s), tiny.run(seed=s), "done", measures={"test_accuracy": a}) for s, a in enumerate(accuracies)
    ]
    rows = rank(results)
    for text in (ranking_to_markdown(rows), to_latex(rows), _terminal(rows)):
        for low, high in re.findall(r"\[(-?[\d.]+), (-?[\d.]+)", text.replace("{[}", "[")):
            assert 0 <= float(low) <= float(high) <= 100
        for half in re.findall(r"± ([\d.]+)%", text):
            assert float(half) < 50


def _terminal(rows):
    from bakeoff.cli.results import ranking_table

    console = Console(width=200, record=True, file=io.StringIO())
    console.print(ranking_table(rows))
    return console.export_text()
