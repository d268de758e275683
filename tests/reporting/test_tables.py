import csv
import io
import json
from dataclasses import fields, replace
from types import SimpleNamespace

from findings import finding

from bakeoff.analysis.ranking import Row, rank
from bakeoff.reporting.tables import describe_intervals, ranking_to_markdown, to_csv, to_json
from bakeoff.store.store import Store


def rows(path) -> list[Row]:
    with Store(path) as store:
        return rank(store.results())


def test_json_has_the_fields_of_a_row_and_fractions(make) -> None:
    table = rows(make())
    read = json.loads(to_json(table))
    assert list(read[0]) == [field.name for field in fields(Row)]
    assert [row["test_accuracy"] for row in read] == [row.test_accuracy for row in table]


def test_csv_reads_back_and_leaves_empty_what_is_not_known(make) -> None:
    table = rows(make(seeds=1, data=("digits",)))
    read = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert [row["net"] for row in read] == [row.net for row in table]
    assert float(read[0]["test_accuracy"]) == table[0].test_accuracy
    assert read[0]["test_accuracy_low"] == ""


def test_markdown_names_the_selection_rule_and_escapes_bars(make) -> None:
    text = ranking_to_markdown(rows(make(nets=("conv", "a|b"), waiting=1)))
    assert text.count("### ") == 2
    assert "Reported epoch: last epoch. Interval: 95 % t interval over seeds." in text
    assert "a\\|b" in text
    assert "2 of 3" in text


def test_markdown_explains_below_the_table_what_is_in_doubt(make) -> None:
    doubts = [
        finding(message="not | so"),
        finding(severity="note", kind="label-suspects"),
        finding(nets=("drop", "conv")),
    ]
    text = ranking_to_markdown(rows(make()), doubts)
    (conv,) = (line for line in text.splitlines() if "| conv |" in line and "(a, b)" in line)
    assert conv.split(" | ")[2].endswith("] (a, b)")
    assert text.count("(b) serious, dead classes: not \\| so") == text.count("(a) serious, dead classes: m") == 1
    assert "label" not in text


def test_parameters_that_are_not_known_to_be_trainable_have_a_star(make) -> None:
    old = [replace(row, parameters_are="all") for row in rows(make(data=("digits",)))]
    text = ranking_to_markdown(old)
    assert text.count("269,722\\*") == 1
    assert "\\* All parameters" in text
    assert "*" not in ranking_to_markdown(rows(make(data=("digits",))))


def test_nothing_gives_empty_tables() -> None:
    assert to_json([]) == "[]"
    assert to_csv([]).count("\n") == 1
    assert ranking_to_markdown([]) == ""


def test_methods_of_intervals_are_described_once():
    plain, then = "95 % t interval over seeds", "their deviation is taken as one test image"
    alike, near = f"{plain}, which are alike: {then}", f"{plain}, which differ little: {then}"

    def described(*methods: str | None) -> str:
        return describe_intervals([SimpleNamespace(interval=method) for method in methods])  # type: ignore[misc]

    assert described(plain, plain, None) == plain and described(alike) == alike
    assert described(alike, near) == f"{plain}, which are alike or differ little: {then}"
    assert described(plain, alike) == f"{plain}; where they are alike, {then}"
    assert described(plain, "one seed: no interval") == f"{plain}, one seed: no interval"
