import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from synthetic import RECIPE

from bakeoff import studies
from bakeoff.analysis.published import PublishedComparison, compare_with_published
from bakeoff.reporting import build_page
from bakeoff.reporting.markup import sortable
from bakeoff.reporting.published import PublishedStudy, compare_published, summarize_agreement, tabulate_published
from bakeoff.store.store import Store

AFIF = msgspec.structs.replace(RECIPE, name="afif2018")
OWN = """
name = "own"
nets = ["conv"]
data = ["digits"]
recipe = "quick"
citation = "Me <and> mine"
[[published]]
net = "conv"
data = "digits"
test_accuracy = 0.5
"""


def read(path: Path) -> list[PublishedStudy]:
    with Store(path) as store:
        return compare_published(store, store.results())


@pytest.fixture(scope="module")
def of_a_study(make) -> Path:
    return make(nets=("lenet-afif", "conv"), data=("mnist", "fashion-mnist"), recipe=AFIF)


def test_runs_of_no_study_have_no_published_numbers(make) -> None:
    path = make(data=("digits",))
    assert read(path) == []
    page = build_page(path, pictures=False)
    assert 'id="published"' not in page and 'href="#published"' not in page and '"published":[]' in page


def test_a_built_in_study_is_found_by_its_runs(of_a_study) -> None:
    (one,) = read(of_a_study)
    with Store(of_a_study) as store:
        lines = compare_with_published(studies.load_study("afif2018"), store)
    assert one.study.name == "afif2018"
    assert list(one.lines) == [line for line in lines if line.measured is not None]
    assert one.tables[0].title == "test accuracy, %" and len(one.tables[0].rows) == 2
    assert one.summary[-1].startswith(f"{len(lines) - len(one.lines)} of {len(lines)} ")
    assert not any("--all" in sentence for sentence in one.summary)
    drawn = one.payload["lines"]
    assert {line["measure"] for line in drawn} == set(one.payload["measures"]) >= {"test_accuracy"}
    assert drawn[0]["difference"] == drawn[0]["measured"] - drawn[0]["published"]


def test_it_is_on_the_page_as_a_table_with_verdicts(of_a_study) -> None:
    page = build_page(of_a_study, pictures=False)
    part = re.search(r'<section id="published".*?</section>', page, re.S)
    assert part
    assert part[0].count(">98.34</td>") == 1 and 'data-value="98.34"' in part[0]
    assert "Irfan Nur Afif" in part[0] and "A published number is one run." in part[0]
    assert '<a href="#published">' in page


def test_a_study_of_your_own(make) -> None:
    path = make(nets=("conv",), data=("digits",))
    with Store(path) as store:
        store.record_study(OWN, "bakeoff run own.toml")
    (one,) = read(path)
    (line,) = one.lines
    assert (line.published, line.verdict) == (0.5, "differs")
    assert "Me &lt;and&gt; mine" in build_page(path, pictures=False)
    with Store(path) as store:
        store.record_study('name = "new"\nof_another_version = 1\n', "bakeoff run")
    assert read(path) == []


def test_what_is_not_a_number_is_sorted_last() -> None:
    assert [sortable(text) for text in ("1,234", "+0.50", "-1.5", "–", "")] == ["1234.0", "0.5", "-1.5", "", ""]


LINE = PublishedComparison(
    study="a",
    data="mnist",
    data_used="mnist",
    net="conv",
    variant="",
    measure="test_accuracy",
    of_class="",
    published=0.98,
    measured=0.985,
    difference=0.005,
    ratio=None,
    seeds=3,
    sd=0.0025,
    deviations=2.0,
    low=0.97,
    high=0.99,
    verdict="agrees",
    reason="",
    departures=(),
    note="",
)
NOT_RUN = replace(
    LINE, verdict="not run", measured=None, difference=None, sd=None, deviations=None, low=None, high=None, seeds=0
)


class TestTables:
    def test_have_points_and_percent_for_accuracies(self):
        (table,) = tabulate_published([LINE])
        assert table.title == "test accuracy, %"
        assert table.rows == (("mnist", "conv", "98.00", "98.50", "0.25", "3", "+0.50", "+2.0", "agrees"),)

    def test_have_losses_as_they_are(self):
        (table,) = tabulate_published([replace(LINE, measure="test_loss")])
        assert table.rows[0][2:7] == ("0.9800", "0.9850", "0.0025", "3", "+0.0050")

    def test_compare_seconds_as_a_ratio(self):
        (table,) = tabulate_published(
            [replace(LINE, measure="seconds", published=220.0, measured=11.5, ratio=19.13, verdict="for information")]
        )
        assert table.rows == (("mnist", "conv", "220", "11.5", "3", "19.1", ""),)

    def test_leave_out_what_was_not_run_unless_asked(self):
        assert tabulate_published([NOT_RUN]) == []
        (table,) = tabulate_published([NOT_RUN], everything=True)
        assert table.rows[0][2:] == ("98.00", "–", "–", "0", "–", "–", "not run")

    def test_say_each_reason_once(self):
        changed = replace(LINE, departures=("epochs 2 instead of 10",))
        accident = replace(changed, net="drop", verdict="not reproducible", reason="it collapsed", note="a note")
        (table,) = tabulate_published([changed, accident])
        assert [row[-1] for row in table.rows] == ["agrees (a)", "not reproducible (a, b, c)"]
        assert table.below == ("(a) epochs 2 instead of 10", "(b) it collapsed", "(c) a note")

    def test_show_parameters_only_where_they_differ(self):
        counted = replace(LINE, measure="parameters", published=5.0, measured=5.0)
        assert tabulate_published([counted]) == []
        (table,) = tabulate_published([counted, replace(counted, measured=1234567.0, verdict="differs")])
        assert table.rows[1] == ("mnist", "conv", "5", "1,234,567", "differs")

    def test_put_classes_together(self):
        classes = [
            replace(LINE, measure="class_accuracy", of_class=name, difference=off, verdict=verdict)
            for name, off, verdict in (("cat", -0.1, "differs"), ("dog", 0.02, "agrees"))
        ]
        (table,) = tabulate_published(classes)
        assert table.rows == (("mnist", "conv", "2", "cat: −10.00", "1 of 2 agree"),)
        (table,) = tabulate_published(classes, everything=True)
        assert [row[2] for row in table.rows] == ["cat", "dog"]

    def test_name_variants_under_their_network(self):
        (table,) = tabulate_published([replace(LINE, variant="image.scale=3")])
        assert table.rows[0][1] == "conv\n(image.scale=3)"

    def test_name_substituted_data(self):
        (table,) = tabulate_published([replace(LINE, data_used="folder:scans")])
        assert table.rows[0][0] == "mnist\n(folder:scans)"


class TestTheSummary:
    def test_keeps_changed_conditions_apart(self):
        differs = replace(LINE, verdict="differs", departures=("epochs 2 instead of 10",))
        as_published, changed = summarize_agreement([LINE, LINE, differs])
        assert as_published.startswith("2 of 2 ") and changed.startswith("0 of 1 ") and "changed conditions" in changed

    def test_says_how_many_would_differ_by_chance(self):
        assert re.search(r"40 of 40 .*\b2 .*by chance", summarize_agreement([LINE] * 40)[0])

    @pytest.mark.parametrize(
        ("verdict", "words"),
        [
            ("one seed: cannot tell", "1 of 1 not judged: one seed"),
            ("not reproducible", "1 of 1 not reproducible"),
            ("not run", "1 of 1 not run (--all"),
        ],
    )
    def test_says_what_was_not_judged(self, verdict, words):
        (sentence,) = summarize_agreement([replace(LINE, verdict=verdict)])
        assert sentence.startswith(words)

    def test_counts_parameters(self):
        counted = replace(LINE, measure="parameters")
        (sentence,) = summarize_agreement(
            [counted, replace(counted, verdict="differs"), replace(counted, verdict="not run")]
        )
        assert sentence.startswith("Parameters: 1 of 2 ")

    def test_of_seconds_is_nothing(self):
        assert summarize_agreement([replace(LINE, measure="seconds", verdict="for information")]) == []
