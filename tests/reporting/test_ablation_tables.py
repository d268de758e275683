from dataclasses import replace

from bakeoff.analysis.ablation import Ablation, Gain
from bakeoff.reporting.ablation import gain_tables
from bakeoff.studies.study import Study


def test_gains_added_and_taken_out_are_in_one_row():
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
