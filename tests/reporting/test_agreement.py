"""The page, the answer, the audit, marks and notebooks say the same of each pair of networks."""

import re
from dataclasses import replace

import numpy as np
import pytest
from made import seeds_of

from bakeoff.analysis.answers import on_each_data_set
from bakeoff.analysis.audit import gather, look_through
from bakeoff.analysis.ranking import rank
from bakeoff.api import load
from bakeoff.cli.answer import tell
from bakeoff.reporting.answer import answers
from bakeoff.reporting.model import read
from bakeoff.reporting.notebook import _tables
from bakeoff.reporting.severity import touches
from bakeoff.store.store import Store


@pytest.mark.parametrize("draw", range(12))
def test_all_say_the_same_of_each_pair(tmp_path, draw):
    random = np.random.default_rng(draw)
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
    path = seeds_of(tmp_path / "a.db", right, images)
    with Store(path) as store:
        material = gather(store)
    (answer,), facts = on_each_data_set(material), read(path)
    (table,) = facts.tables
    by_label = {line.label: line for line in table.ranked}
    found = {f.kind: f for f in look_through(material)}
    noise = set(found["within-noise"].nets) - {answer.best} if "within-noise" in found else set()
    assert table.ranked[0].label == answer.best
    lines = "\n".join(tell(answer))
    for lead in answer.leads:
        page = table.lead(by_label[answer.best], by_label[lead.net])
        assert page.is_better == lead.is_better and page.outlook == lead.outlook
        assert page.corrected == pytest.approx(lead.corrected)  # the order of sums is another
        for name in ("mean", "low", "high", "p_value", "seeds"):
            assert getattr(page.difference, name) == pytest.approx(getattr(lead.difference, name)), name
        assert (lead.is_better is False) == (lead.net in noise), "the audit"
        line = next(line for line in lines.splitlines() if line.strip().startswith(f"over {lead.net}:"))
        assert (": significant" in line) == lead.is_significant or lead.difference.mean <= 0
        assert lead.standing.verdict == page.standing.verdict
    notebook, (shown,) = load(path)._repr_html_(), answers(facts)
    assert re.sub(r"\*\*(.*?)\*\*", r"<strong>\1</strong>", shown.lead) in notebook
    best_is_clear = all(lead.is_better for lead in answer.leads) and answer.leads and not answer.not_compared
    assert ("clear of" in shown.lead) == bool(best_is_clear) or table.ranked[1].row.rank == 1
    close = [lead.net for lead in answer.leads if lead.is_better is False]
    if table.ranked[1].row.rank != 1 and table.ranked[0].row.seeds > 1:
        assert ("do not tell it apart" in shown.lead) == bool(close)
    rows = {row.net: row for row in rank(load(path).results)}
    if "within-noise" in found:
        assert {net for net, row in rows.items() if touches(found["within-noise"], row)} == {answer.best, *close}


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
        return gather(store)
