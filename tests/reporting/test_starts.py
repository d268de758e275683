"""What networks start from, in every form of the ranking and in the answer."""

import csv
import io
import json
import re

import pandas as pd
import pytest
from made import seeds_of

import bakeoff
from bakeoff.analysis.cells import group_cells
from bakeoff.cli.results import ranking_table
from bakeoff.console.answers import answer_store
from bakeoff.reporting import page
from bakeoff.reporting.exports import export_ranking
from bakeoff.reporting.starts import describe_starts
from bakeoff.store.store import Store

SHA256 = "579344248a93e230" * 4
PRETRAINED = "efficientnet-lite0:imagenet"
CALLED = "imagenet@57934424"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A store with a pretrained network and one from scratch, two seeds each."""
    path = tmp_path_factory.mktemp("mixed") / "a.db"
    return seeds_of(path, {PRETRAINED: [18, 19], "conv": [12, 11]}, 20, {PRETRAINED: SHA256})


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A store in which all networks start from scratch."""
    return seeds_of(tmp_path_factory.mktemp("plain") / "a.db", {"nin": [18, 19], "conv": [12, 11]}, 20)


def exported(store, form, tmp_path) -> str:
    return export_ranking(store, tmp_path / "out", form).read_text()


def test_files_have_name_and_digest_of_the_weights(mixed, tmp_path):
    rows = json.loads(exported(mixed, "json", tmp_path))
    assert [(row["net"], row["starts_from"], row["weights"]) for row in rows] == [
        (PRETRAINED, CALLED, SHA256),
        ("conv", None, None),
    ]
    read = list(csv.DictReader(io.StringIO(exported(mixed, "csv", tmp_path))))
    assert [row["starts_from"] for row in read] == [CALLED, ""]
    frame = pd.read_parquet(export_ranking(mixed, tmp_path / "out.parquet", "parquet"))
    assert frame["starts_from"].isna().tolist() == [False, True]


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_tables_have_the_column_only_where_a_network_is_pretrained(form, mixed, plain, tmp_path):
    text = exported(mixed, form, tmp_path)
    assert re.search("starts from", text, re.IGNORECASE) and CALLED in text and "scratch" in text
    assert not re.search("starts from|scratch", exported(plain, form, tmp_path), re.IGNORECASE)


def test_every_line_of_a_table_has_all_its_cells(mixed, tmp_path):
    lines = [line for line in exported(mixed, "markdown", tmp_path).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    text = exported(mixed, "latex", tmp_path)
    (columns,) = re.findall(r"begin\{tabular\}\{(\w+)\}", text)
    assert {line.count("&") + 1 for line in text.splitlines() if line.endswith(r"\\")} == {len(columns)}
    assert columns[1:3] == "ll"


def test_the_terminal_has_the_column_only_where_a_network_is_pretrained(mixed, plain):
    headers = [[column.header for column in ranking_table(bakeoff.load(path).rows).columns] for path in (mixed, plain)]
    assert "starts from" in headers[0] and headers[1] == [name for name in headers[0] if name != "starts from"]


def test_data_frames_of_runs_have_the_weights(mixed, plain):
    runs = bakeoff.load(mixed).runs_frame()
    assert runs.set_index("net")["weights"].to_dict()[PRETRAINED] == SHA256
    assert "weights" not in bakeoff.load(plain).runs_frame()


def test_the_answer_says_first_that_networks_start_differently(mixed, plain):
    with Store(mixed) as opened:
        found = answer_store(opened)
    assert found.lines()[0].startswith(f"{PRETRAINED} starts from pretrained weights and conv from scratch: ")
    assert found.to_dict()["on_data"][0]["starts_from"] == {PRETRAINED: CALLED, "conv": None}
    with Store(plain) as opened:
        assert "pretrained" not in str(answer_store(opened))


def test_the_page_says_first_that_networks_start_differently(mixed, plain):
    text = page.build_page(mixed, pictures=False)
    assert text.index("from pretrained weights and") < text.index('class="lead"')
    assert f'data-value="{CALLED}"' in text and f"SHA-256 {SHA256}" in text
    without = page.build_page(plain, pictures=False)
    assert "Starts from" not in without and "pretrained" not in without
    assert CALLED in bakeoff.load(mixed)._repr_html_()
    assert "Starts from" not in bakeoff.load(plain)._repr_html_()


def test_runs_of_one_name_from_different_weights_are_different_rows(mixed, tmp_path):
    store = seeds_of(tmp_path / "a.db", {PRETRAINED: [18, 19]}, 20, {PRETRAINED: SHA256})
    seeds_of(store, {PRETRAINED: [12, 11]}, 20, {PRETRAINED: "ab" * 32})
    with Store(store) as opened:
        assert [cell.starts_from for cell in group_cells(opened.results())] == [CALLED, "imagenet@abababab"]


def test_nothing_is_said_of_networks_that_start_alike():
    assert describe_starts({"a": "", "b": ""}) == describe_starts({"a": "x", "b": "y"}) == describe_starts({}) == ""
    assert describe_starts({"a": "x", "b": "", "c": "y"}).startswith("a and c start from pretrained weights and b from")
