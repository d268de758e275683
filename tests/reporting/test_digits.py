"""Everything that prints an accuracy prints as many decimals as its test images support."""

import re
from pathlib import Path

import numpy as np
import pytest
from made import seeds_of

from bakeoff.analysis.answers import on_each_data_set
from bakeoff.analysis.audit import audit_snapshot
from bakeoff.analysis.shared_ranks import rank_and_audit
from bakeoff.analysis.snapshot import read_snapshot
from bakeoff.api import load
from bakeoff.cli.results import ranking_table
from bakeoff.console.answers import describe_data_set
from bakeoff.reporting import build_page
from bakeoff.reporting.leads import describe_optimism
from bakeoff.reporting.loading import load_page_model
from bakeoff.reporting.row_formats import to_latex
from bakeoff.reporting.tables import ranking_to_markdown
from bakeoff.store.store import Store
from bakeoff.text.formats import accuracy_digits, bracket, percent, point_digits, signed_points


@pytest.mark.parametrize(
    ("images", "digits"), [(None, 2), (20, 0), (100, 0), (101, 1), (1000, 1), (10_000, 2), (10**6, 3)]
)
def test_an_image_more_changes_the_last_digit(images: int | None, digits: int) -> None:
    assert accuracy_digits(images) == digits
    assert point_digits(images) == max(digits, 1)


def test_there_is_no_minus_zero() -> None:
    assert bracket(-0.0001, 0.02, 1) == " [0.0, 2.0]"
    assert signed_points(-0.0001, 1) == "+0.0" and signed_points(-0.01, 1) == "−1.0"
    assert percent(-0.00001, 1) == "0.0\u202f%"


@pytest.mark.parametrize(("images", "digits"), [(60, 0), (300, 1), (1200, 2)])
def test_everyone_prints_the_same_digits(tmp_path: Path, images: int, digits: int) -> None:
    random = np.random.default_rng(2)
    right = {
        net: [random.random(images) < chance for _ in range(3)]
        for net, chance in [("a", 0.9), ("b", 0.89), ("c", 0.87)]
    }
    path = seeds_of(tmp_path / "a.db", right, images)
    with Store(path) as store:
        snapshot, (rows, _) = read_snapshot(store), rank_and_audit(store, store.results())
    cell = ranking_table(rows).columns[2]._cells
    (answer,) = on_each_data_set(snapshot)
    texts = {
        "results": " ".join(map(str, cell)),
        "markdown": ranking_to_markdown(rows),
        "latex": to_latex(rows).replace("\\,", "\u202f").replace("\\%", "%"),
        "answer": re.search(r"mean, (.*)", describe_data_set(answer)[0])[1],
        "notebook": " ".join(re.findall(r"<td>([\d.]+\u202f%)", load(path)._repr_html_())),
        "page": " ".join(re.findall(r"accuracy\"[^>]*>\s*([\d.]+\u202f%)", build_page(path, pictures=False))),
    }
    for name, text in texts.items():
        found = re.findall(r"(?<!Interval: )\b(\d+)(?:\.(\d+))?\u202f%", text)
        assert found and {len(decimals) for _, decimals in found} == {digits}, (name, text)
    lead = describe_data_set(answer)[2] if "over" in describe_data_set(answer)[2] else describe_data_set(answer)[1]
    assert len(re.search(r"[+−]\d+\.(\d+) points", lead)[1]) == max(1, digits)
    noise = next(f for f in audit_snapshot(snapshot) if f.kind == "within-noise")
    assert len(re.search(r"\.(\d+)\u202fpoints", noise.message)[1]) == max(1, digits)


def test_the_luck_of_the_best_is_the_same_everywhere(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    path = seeds_of(tmp_path / "a.db", {f"net{i}": [random.random(400) < 0.9 for _ in range(3)] for i in range(8)}, 400)
    with Store(path) as store:
        (answer,), (rows, _) = on_each_data_set(read_snapshot(store)), rank_and_audit(store, store.results())
    (table,) = load_page_model(path).tables
    assert rows[0].optimism == pytest.approx(answer.optimism) == pytest.approx(table.ranked[0].row.optimism)
    assert rows[0].optimism > 0.003 and all(row.optimism is None for row in rows[1:])
    said = describe_optimism(answer.optimism, 8, 400)
    assert said in "\n".join(describe_data_set(answer))
    shown = f"{said[0].upper()}{said[1:]}."
    assert shown in ranking_to_markdown(rows) and shown in str(ranking_table(rows).caption)
    assert said[1:] in build_page(path, pictures=False) and said[1:] in load(path)._repr_html_()


def test_little_luck_is_not_mentioned() -> None:
    assert describe_optimism(0.0004, 3, 400) == "" and "0.04" in describe_optimism(0.0004, 3, 10_000)
    assert describe_optimism(None, 3, 400) == ""
