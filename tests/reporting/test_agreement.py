"""The page, the answer, the audit, marks and notebooks agree about each pair of networks."""

import re
from dataclasses import replace

import numpy as np
import pytest
from made import seeds_of

from bakeoff.analysis.answers import on_each_data_set
from bakeoff.analysis.audit import audit_snapshot
from bakeoff.analysis.snapshot import read_snapshot
from bakeoff.api import load
from bakeoff.console.answers import describe_data_set
from bakeoff.reporting.answer import write_answers
from bakeoff.reporting.leads import describe_lead, describe_numbers
from bakeoff.reporting.loading import load_page_model
from bakeoff.reporting.notebook import _tables
from bakeoff.reporting.severity import concerns
from bakeoff.reporting.tables import format_rank
from bakeoff.spec.recipe import Probe
from bakeoff.store.store import Store

KINDS = {
    "plain": {},
    "pretrained": {"weights": {"net0": "0" * 64, "net2": "1" * 64}},
    "probe": {"weights": {f"net{i}": "2" * 64 for i in range(5)}, "epochs": 1, "probe": Probe()},
    "folds": {"folds": 4},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("draw", range(6))
def test_all_say_the_same_of_each_pair(tmp_path, draw, kind):
    random = np.random.default_rng([draw, len(kind)])
    nets, seeds, images = int(random.integers(2, 6)), int(random.integers(1, 7)), 200
    accuracies = 0.7 + random.choice([0.0, 0.02, 0.2], nets)
    hard = random.normal(0, 0.1, images)
    spread = random.choice([0.0, 0.02])
    right = {
        f"net{place}": [
            random.random(images) < accuracy + hard + random.normal(0, spread)
            if seed == 0 or random.random() < 0.9
            else None
            for seed in range(seeds)
        ]
        for place, accuracy in enumerate(accuracies)
    }
    path = seeds_of(tmp_path / "a.db", right, images, **KINDS[kind])
    with Store(path) as store:
        snapshot = read_snapshot(store)
    (answer,), facts = on_each_data_set(snapshot), load_page_model(path)
    (table,) = facts.tables
    by_label = {line.label: line for line in table.ranked}
    found = {f.kind: f for f in audit_snapshot(snapshot)}
    noise = set(found["within-noise"].nets) - {answer.best} if "within-noise" in found else set()
    assert table.ranked[0].label == answer.best
    lines = "\n".join(describe_data_set(answer))
    for lead in answer.leads:
        page = table.lead(by_label[answer.best], by_label[lead.net])
        assert page.is_better == lead.is_better and page.outlook == lead.outlook
        assert page.corrected == pytest.approx(lead.corrected)  # the order of sums is another
        for name in ("mean", "low", "high", "p_value", "seeds"):
            assert getattr(page.difference, name) == pytest.approx(getattr(lead.difference, name)), name
        assert (lead.is_better is False) == (lead.net in noise), "the audit"
        line = next(line for line in lines.splitlines() if line.strip().startswith(f"over {lead.net}:"))
        assert describe_lead(page) in line
        assert (": significant" in line) == lead.is_significant or lead.difference.mean <= 0
        assert lead.standing.verdict == page.standing.verdict
    notebook, (shown,) = load(path)._repr_html_(), write_answers(facts)
    assert re.sub(r"\*\*(.*?)\*\*", r"<strong>\1</strong>", shown.lead) in notebook
    best_is_clear = all(lead.is_better for lead in answer.leads) and answer.leads and not answer.not_compared
    assert ("significantly ahead of" in shown.lead) == bool(best_is_clear) or table.ranked[1].row.rank == 1
    close = [lead.net for lead in answer.leads if lead.is_better is False]
    close_or_alone = [lead.net for lead in answer.leads if not lead.is_better] + list(answer.not_compared)
    if table.ranked[1].row.rank != 1 and (table.ranked[0].row.seeds > 1 or kind == "folds"):
        settled = [lead.net for lead in answer.leads if lead.is_better is False and lead.difference.is_settled]
        assert ("within the noise" in shown.lead) == bool(set(close) - set(settled))
        assert ("not among" in shown.lead) == bool(settled)
        assert answer.cheapest == answer.best or answer.cheapest not in settled
    if answer.leads and table.ranked[1].row.rank != 1:
        second = table.lead(table.ranked[0], table.ranked[1])
        assert second is None or describe_numbers(second) in dict(shown.points)["Lead"].replace("**", "")
    rows = {row.net: row for row in load(path).rows}
    for line in table.ranked:
        row = rows[line.label]
        assert (row.rank, row.rank_low, row.rank_high) == (line.row.rank, line.row.rank_low, line.row.rank_high)
        assert f">{format_rank(row)}</td>" in notebook
        is_first = line.label == answer.best or line.label in close_or_alone
        # Another than the best may be significantly better than one that the best is not.
        assert row.rank_low is None or row.rank_low > 1 or is_first
        assert row.rank_low in (None, 1) or line.label != answer.best
    if "within-noise" in found:
        assert {net for net, row in rows.items() if concerns(found["within-noise"], row)} == {answer.best, *close}


def test_a_network_that_is_worse_alone_is_not_the_cheapest_as_good_as_the_best(tmp_path):
    """Among many comparisons, hardly anything is significant; that does not make a worse network as good."""
    nets = {"a": [0.932, 0.902, 0.912, 0.922], "b": [0.900, 0.895, 0.880, 0.905]}
    nets |= {key: [0.89, 0.925, 0.88, 0.925] for key in "cdefgh"}
    right = {net: [np.arange(1000) < 1000 * share for share in shares] for net, shares in nets.items()}
    path = seeds_of(tmp_path / "b.db", right, 1000)
    with Store(path) as store:
        snapshot = read_snapshot(store)
    for run in snapshot.evaluated.values():
        run.result.measures["flops"] = 20 if run.result.run.net == "b" else 200
    [answer] = on_each_data_set(snapshot)
    [lead] = [lead for lead in answer.leads if lead.net == "b"]
    assert not lead.is_significant and lead.difference.is_settled
    assert answer.best == "a" and answer.cheapest != "b"
    [shown] = write_answers(load_page_model(path))
    assert "its lead over **b** is significant alone, but not among 28 comparisons" not in shown.lead
    assert "that over **b** significant alone, but not among 28 comparisons" in shown.lead


def test_a_pair_has_one_p_value_whichever_runs_are_asked_for(tmp_path):
    """In the audit of a command's runs and in the notebook, as in that of the store: corrected for the whole table."""
    random = np.random.default_rng(1)
    chances = {"a": 0.9, "b": 0.85, "c": 0.8, "d": 0.7, "e": 0.6}
    right = {net: [random.random(300) < chance for _ in range(3)] for net, chance in chances.items()}
    path = seeds_of(tmp_path / "a.db", right, 300)
    whole = load(path)
    part = replace(whole, results=tuple(run for run in whole.results if run.run.net in ("a", "b")))
    (answer,) = on_each_data_set(_material(path))
    lead = next(lead for lead in answer.leads if lead.net == "b")
    (found,) = [f for f in part.findings if f.kind == "within-noise"]
    assert next(e for e in found.evidence if e["net"] == "b")["p_value_corrected"] == lead.corrected
    assert all(finding in whole.findings for finding in part.findings)
    assert all({"a", "b"} & set(f.nets) for f in part.findings)
    (table,) = _tables(path, part.results, "test")
    assert table.lead(*table.ranked).corrected == pytest.approx(lead.corrected)
    assert len(table.comparison.corrected) == 10


def _material(path):
    with Store(path) as store:
        return read_snapshot(store)
