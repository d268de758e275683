import json
from pathlib import Path

import pytest

import tiny
from bakeoff.answers import in_general, on_each_data_set
from bakeoff.audit import Material, gather
from bakeoff.cli import cli
from bakeoff.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    tiny.finished_store(path, ("lenet-afif", "nin", "conv"), seeds=3)
    return path


def read(store: Path) -> Material:
    with Store(store) as opened:
        return gather(opened)


def test_the_best_is_compared_with_every_other(store):
    [answer] = on_each_data_set(read(store))
    means = {cell.net: cell.interval("test_accuracy").mean for cell in read(store).cells}
    assert answer.best == max(means, key=means.get) and answer.accuracy == pytest.approx(max(means.values()))
    assert {lead.net for lead in answer.leads} | {answer.best} == means.keys()
    for lead in answer.leads:
        assert lead.difference.mean == pytest.approx(means[answer.best] - means[lead.net])
        assert lead.corrected >= lead.difference.p_value
        assert lead.is_significant == (not lead.outlook)


def test_the_cheapest_of_those_that_are_as_good(store):
    """All made-up networks cost the same, so the best itself is the cheapest unless another is cheaper."""
    material = read(store)
    [answer] = on_each_data_set(material)
    assert (answer.cheapest, answer.flops_share) == (answer.best, 1)
    worst = min(answer.leads, key=lambda lead: lead.corrected * -1)
    for run in material.tested.values():
        if run.result.run.net == worst.net:
            run.result.measures["flops"] = 2000
    [answer] = on_each_data_set(material)
    expected = worst.net if not worst.is_significant else answer.best
    assert answer.cheapest == expected and answer.flops_share in (0.1, 1)


def test_one_data_set_says_nothing_in_general(store):
    assert in_general(read(store)) == []


def test_over_data_sets(tmp_path):
    """The networks change places: lenet-afif wins twice, nin once, by much."""
    from dataclasses import replace

    material = read_two(tmp_path)
    accuracies = {"x": (0.9, 0.8), "y": (0.9, 0.85), "z": (0.5, 0.7)}
    cells = []
    for data, pair in accuracies.items():
        for cell, accuracy in zip(material.cells, pair, strict=True):
            results = tuple(replace(r, measures=r.measures | {"test_accuracy": accuracy}) for r in cell.results)
            cells.append(replace(cell, data=data, results=results))
    [answer] = in_general(replace(material, cells=tuple(cells)))
    assert answer.best == "lenet-afif" and answer.ranking.ranks["nin"] == pytest.approx(5 / 3)
    assert (answer.lost_on, answer.lost_to) == ("z", "nin") and answer.most_lost == pytest.approx(0.2)
    assert "describe these data sets only" in answer.ranking.caution


def read_two(folder: Path) -> Material:
    tiny.finished_store(folder / "two.db")
    return read(folder / "two.db")


def test_the_command(store, capsys, tmp_path):
    cli.main(["answer", "--store", str(store)], standalone_mode=False)
    told = capsys.readouterr().out
    assert "is highest" in told and "P(better)" in told and "3 seeds" in told
    cli.main(["answer", "--store", str(store), "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["on_data"][0]["leads"]
    with Store(tmp_path / "empty.db", create=True):
        pass
    cli.main(["answer", "--store", str(tmp_path / "empty.db")], standalone_mode=False)
    assert "No run has finished yet" in capsys.readouterr().out
