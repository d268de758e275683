from dataclasses import replace

import pytest

from bakeoff.analysis.ablation import Ablation
from bakeoff.analysis.gains import Gain
from bakeoff.analysis.published import Comparison
from bakeoff.reporting.ablation import gain_tables
from bakeoff.reporting.comparison import comparison_tables, summary
from bakeoff.studies.study import Study

LINE = Comparison(
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
        (table,) = comparison_tables([LINE])
        assert table.title == "test accuracy, %"
        assert table.rows == (("mnist", "conv", "98.00", "98.50", "0.25", "3", "+0.50", "+2.0", "agrees"),)

    def test_have_losses_as_they_are(self):
        (table,) = comparison_tables([replace(LINE, measure="test_loss")])
        assert table.rows[0][2:7] == ("0.9800", "0.9850", "0.0025", "3", "+0.0050")

    def test_compare_seconds_as_a_ratio(self):
        (table,) = comparison_tables(
            [replace(LINE, measure="seconds", published=220.0, measured=11.5, ratio=19.13, verdict="for information")]
        )
        assert table.rows == (("mnist", "conv", "220", "11.5", "3", "19.1", ""),)

    def test_leave_out_what_was_not_run_unless_asked(self):
        assert comparison_tables([NOT_RUN]) == []
        (table,) = comparison_tables([NOT_RUN], everything=True)
        assert table.rows[0][2:] == ("98.00", "–", "–", "0", "–", "–", "not run")

    def test_say_each_reason_once(self):
        changed = replace(LINE, departures=("epochs 2 instead of 10",))
        accident = replace(changed, net="drop", verdict="not reproducible", reason="it collapsed", note="a note")
        (table,) = comparison_tables([changed, accident])
        assert [row[-1] for row in table.rows] == ["agrees (a)", "not reproducible (a, b, c)"]
        assert table.below == ("(a) epochs 2 instead of 10", "(b) it collapsed", "(c) a note")

    def test_show_parameters_only_where_they_differ(self):
        counted = replace(LINE, measure="parameters", published=5.0, measured=5.0)
        assert comparison_tables([counted]) == []
        (table,) = comparison_tables([counted, replace(counted, measured=1234567.0, verdict="differs")])
        assert table.rows[1] == ("mnist", "conv", "5", "1,234,567", "differs")

    def test_put_classes_together(self):
        classes = [
            replace(LINE, measure="class_accuracy", of_class=name, difference=off, verdict=verdict)
            for name, off, verdict in (("cat", -0.1, "differs"), ("dog", 0.02, "agrees"))
        ]
        (table,) = comparison_tables(classes)
        assert table.rows == (("mnist", "conv", "2", "cat: -10.00", "1 of 2 agree"),)
        (table,) = comparison_tables(classes, everything=True)
        assert [row[2] for row in table.rows] == ["cat", "dog"]

    def test_name_variants_under_their_network(self):
        (table,) = comparison_tables([replace(LINE, variant="image.scale=3")])
        assert table.rows[0][1] == "conv\n(image.scale=3)"

    def test_name_data_that_stood_in(self):
        (table,) = comparison_tables([replace(LINE, data_used="folder:scans")])
        assert table.rows[0][0] == "mnist\n(folder:scans)"


class TestTheSummary:
    def test_keeps_changed_conditions_apart(self):
        differs = replace(LINE, verdict="differs", departures=("epochs 2 instead of 10",))
        assert summary([LINE, LINE, differs]) == [
            "2 of 2 published accuracies and losses agree, as the study has it.",
            "0 of 1 published accuracies and losses agree, under changed conditions.",
        ]

    def test_says_how_many_would_differ_by_chance(self):
        assert "; of that many, 2 would differ by chance alone." in summary([LINE] * 40)[0]

    @pytest.mark.parametrize(
        ("verdict", "words"),
        [
            ("one seed: cannot tell", "1 of 1 not judged: one seed tells nothing about the spread."),
            ("not reproducible", "1 of 1 not reproducible."),
            ("not run", "1 of 1 not run (--all shows them)."),
        ],
    )
    def test_says_what_was_not_judged(self, verdict, words):
        assert summary([replace(LINE, verdict=verdict)]) == [words]

    def test_counts_parameters(self):
        counted = replace(LINE, measure="parameters")
        assert summary([counted, replace(counted, verdict="differs"), replace(counted, verdict="not run")]) == [
            "Parameters: 1 of 2 published counts are met exactly."
        ]

    def test_of_seconds_is_nothing(self):
        assert summary([replace(LINE, measure="seconds", verdict="for information")]) == []


def test_gains_stand_side_by_side():
    ablation = Ablation("a", "b", Study(name="x", nets=("a", "b"), data=("mnist",)), {}, ())
    added = Gain("mnist", "bn", "added alone", 0.01, 0.002, 0.018, 3, 0.9, 0.89, "gains", "batch normalisation")
    one_seed = replace(added, low=None, high=None, verdict="one seed: cannot tell")
    lines = [
        added,
        replace(added, how="taken out alone", gain=None, low=None, high=None, verdict="not run", reason="too small"),
        replace(one_seed, change="all changes", how="together", what=""),
    ]
    (table,) = gain_tables(ablation, lines)
    assert table.title == "mnist: from a 89.00\u202f% to b 90.00\u202f%, 3 seeds"
    assert table.rows == (
        ("bn (a, b)", "+1.00 ± 0.80", "gains", "–", "not run"),
        ("all changes", "+1.00", "one seed", "", ""),
    )
    assert table.below == ("(a) batch normalisation", "(b) too small")
