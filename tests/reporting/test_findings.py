import html
import re
from pathlib import Path

import pytest
from findings import finding
from hypothesis import given, settings
from hypothesis import strategies as some

from bakeoff.analysis.audit import FINDINGS, SEVERITIES, Finding, audit
from bakeoff.reporting import build_page
from bakeoff.reporting.findings import format_evidence, number_findings
from bakeoff.reporting.loading import load_page_model
from bakeoff.reporting.model import ReportModel
from bakeoff.reporting.page import render
from bakeoff.store.store import Store


def findings_of(path: Path) -> list[Finding]:
    with Store(path) as store:
        return audit(store)


def section(page: str) -> str:
    found = re.search(r'<section id="findings".*?</section>', page, re.S)
    assert found
    return found[0]


def check_shown_once(page: str, findings: list[Finding]) -> None:
    """Every finding stands in the section once, and every mark leads to one."""
    part = section(page)
    messages = [html.unescape(text) for text in re.findall(r'finding-number">\d+</span> (.*?)</p>', part, re.S)]
    assert sorted(messages) == sorted(finding.message for finding in findings)
    numbers = re.findall(r'<li id="finding-(\d+)">', part)
    assert numbers == [str(number) for number in range(1, len(findings) + 1)]
    assert set(re.findall(r'href="#finding-(\d+)"', page)) <= set(numbers)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', part)) <= set(ids)


@pytest.mark.parametrize(
    "options",
    [
        {"failing": 2, "waiting": 1},
        {"seeds": 1},
        {"seeds": 2, "nets": ("conv", "<b>"), "data": ("<i>", "digits")},
        {"nets": tuple(f"net{i}" for i in range(20)), "data": ("digits",), "images": 60},
        {"waiting": 24},
    ],
)
def test_every_finding_of_the_audit_is_on_the_page_once(make, options: dict) -> None:
    path = make(**options)
    check_shown_once(
        re.sub(r"<script.*?</script>", "", build_page(path, pictures=False), flags=re.S), findings_of(path)
    )


NAMES = some.sampled_from(["lenet-afif", "conv", "drop", "resnet20", "absent"])
EVIDENCE = some.dictionaries(
    some.sampled_from(["seed", "accuracy", "what"]),
    some.integers() | some.floats() | some.text(max_size=200),
    min_size=1,
)
FINDING = some.builds(
    Finding,
    kind=some.sampled_from([*FINDINGS, "of-another-kind"]),
    severity=some.sampled_from(SEVERITIES),
    message=some.uuids().map(lambda own: f"<{own}> & so on"),
    advice=some.sampled_from(["Do this.", "Do that & this."]),
    data=some.sampled_from(["digits", "mnist", "absent"]),
    recipe=some.sampled_from(["quick", ""]),
    nets=some.lists(NAMES, max_size=4, unique=True).map(tuple),
    runs=some.just(()),
    evidence=some.lists(EVIDENCE, max_size=3).map(tuple),
)


@pytest.fixture(scope="module")
def facts(make) -> ReportModel:
    return load_page_model(make(seeds=1, images=50))


@settings(max_examples=15, deadline=None)
@given(findings=some.lists(FINDING, max_size=30))
def test_every_finding_is_on_the_page_once(facts: ReportModel, findings: list[Finding]) -> None:
    page = render(facts, number_findings(findings, facts.tables), pictures=False)
    check_shown_once(re.sub(r"<script.*?</script>", "", page, flags=re.S), findings)


def test_findings_of_a_line_come_most_serious_first(make) -> None:
    tables = load_page_model(make()).tables
    found = number_findings(
        [
            finding(severity="note", kind="badly-calibrated"),
            finding(),
            finding(severity="caution", kind="label-suspects", recipe="", nets=("conv", "drop")),
        ],
        tables,
    )
    by_label = {line.label: line for line in tables[0].lines}
    assert [m[:2] for m in found.by_severity(tables[0], by_label["conv"])] == [
        ("serious", "!!"),
        ("caution", "!"),
        ("note", "i"),
    ]
    assert found.sort_key(tables[0], by_label["conv"]) == 1_001_001
    assert [item.number for item in found.about(tables[0], by_label["drop"])] == [2]
    assert not found.about(tables[1], tables[1].lines[0]) and not found.about(tables[0], by_label["resnet20"])
    (warning,) = found.warn_about(tables[0])
    assert "serious findings on conv (dead classes)" in warning
    assert found.warn_about(tables[1]) == []


def test_runs_decide_where_a_finding_names_them(make) -> None:
    tables = load_page_model(make()).tables
    line = tables[1].lines[2]
    run = line.cell.results[1]
    (item,) = number_findings([finding(runs=(run.id,), nets=(line.label,), data="mnist")], tables).all
    assert [(t.key, one.label) for t, one, _ in item.affected] == [("t2", line.label)]
    assert item.affected[0].address == "t2-3" and item.seeds == "seed 1"


def test_the_page_marks_the_ranking_and_warns_in_the_answer(make) -> None:
    facts = load_page_model(make(data=("digits",)))
    page = render(facts, number_findings([finding()], facts.tables), pictures=False)
    assert '<a href="#finding-1" data-findings="1">dead classes</a>' in page
    assert re.search(r'<li id="finding-1">\s*<p><span class="finding-number">1</span> m</p>', page)
    assert "serious findings on conv (dead classes)" in re.search(r'id="answer".*?</section>', page, re.S)[0]
    assert "No findings" in section(render(facts, number_findings([], facts.tables), pictures=False))


def test_evidence_in_figures() -> None:
    assert [format_evidence(value) for value in (0.123456, 12345, 12345.2, 3.25e-7, "a,b")] == [
        "0.1235",
        "12,345",
        "12,345",
        "3.25e-07",
        "a,b",
    ]
    assert [format_evidence(value) for value in (float("nan"), float("inf"))] == ["nan", "inf"]
