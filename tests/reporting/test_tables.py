import csv
import io
import json
from dataclasses import fields

from bakeoff.ranking import Row, rank
from bakeoff.reporting.tables import to_csv, to_json, to_markdown
from bakeoff.store import Store


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
    text = to_markdown(rows(make(nets=("conv", "a|b"), waiting=1)))
    assert text.count("### ") == 2
    assert "Reported epoch: last epoch. Interval: 95% t interval over seeds." in text
    assert "a\\|b" in text
    assert "2 of 3" in text


def test_nothing_gives_empty_tables() -> None:
    assert to_json([]) == "[]"
    assert to_csv([]).count("\n") == 1
    assert to_markdown([]) == ""
