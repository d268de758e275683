import json
from dataclasses import replace
from pathlib import Path

import pytest

import tiny
from bakeoff.analysis.answers import in_general, on_each_data_set
from bakeoff.analysis.snapshot import Snapshot, read_snapshot
from bakeoff.cli import cli
from bakeoff.console.answers import describe_data_set
from bakeoff.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    tiny.finished_store(path, ("lenet-afif", "nin", "conv"), seeds=3)
    return path


def read(store: Path) -> Snapshot:
    with Store(store) as opened:
        return read_snapshot(opened)


def test_the_best_is_compared_with_every_other(store):
    [answer] = on_each_data_set(read(store))
    means = {cell.net: cell.interval("test_accuracy").mean for cell in read(store).cells}
    assert answer.best == max(means, key=means.get) and answer.accuracy == pytest.approx(max(means.values()))
    assert {lead.net for lead in answer.leads} | {answer.best} == means.keys()
    for lead in answer.leads:
        assert lead.difference.mean == pytest.approx(means[answer.best] - means[lead.net])
        assert lead.corrected >= lead.difference.p_value
        assert lead.is_significant == (not lead.outlook)
        assert lead.standing.mean == lead.difference.mean and lead.standing.verdict == "open", "three seeds are too few"


def test_the_cheapest_of_those_that_are_as_good(store):
    """All made-up networks cost the same, so the best itself is the cheapest unless another is cheaper."""
    snapshot = read(store)
    [answer] = on_each_data_set(snapshot)
    assert (answer.cheapest, answer.flops_share) == (answer.best, 1)
    worst = min(answer.leads, key=lambda lead: lead.corrected * -1)
    for run in snapshot.evaluated.values():
        if run.result.run.net == worst.net:
            run.result.measures["flops"] = 2000
    [answer] = on_each_data_set(snapshot)
    expected = worst.net if not worst.difference.is_settled else answer.best
    assert answer.cheapest == expected and answer.flops_share in (0.1, 1)


def test_where_flops_are_unknown_nothing_is_said_of_the_cheapest(store):
    snapshot = read(store)
    [answer] = on_each_data_set(snapshot)
    for run in snapshot.evaluated.values():
        if run.result.run.net == answer.best:
            del run.result.measures["flops"]
    [answer] = on_each_data_set(snapshot)
    assert answer.best in answer.flops_unknown and answer.flops_share is None
    assert (answer.cheapest, answer.cheapest_accuracy) == (None, None)
    text = "\n".join(describe_data_set(answer))
    assert f"FLOPs unknown for {answer.best}" in text and "fewer FLOPs" not in text


def test_probabilities_of_the_best_and_of_the_front(store):
    [answer] = on_each_data_set(read(store))
    assert sum(answer.probability_best.values()) == pytest.approx(1)
    assert list(answer.probability_best) == [answer.best, *(lead.net for lead in answer.leads)]
    assert [front.cost for front in answer.fronts] == ["flops", "trainable_parameters", "train_seconds"]
    assert answer.shared_seeds == 3
    [flops, *_] = answer.fronts
    assert flops.on_front == (answer.best,), "all cost the same, so the best alone is worth it"
    assert flops.probability == pytest.approx(answer.probability_best, abs=0.02)


def test_a_single_run_is_tested_by_mcnemar(tmp_path):
    tiny.finished_store(tmp_path / "one.db", seeds=1)
    [answer] = on_each_data_set(read(tmp_path / "one.db"))
    [lead] = answer.leads
    assert lead.mcnemar is not None and lead.corrected == lead.mcnemar.p_value
    assert answer.shared_seeds == 1
    assert (lead.mcnemar.only_a - lead.mcnemar.only_b) / 25 == pytest.approx(lead.difference.mean)


def test_what_holds_however_often_one_looks(tmp_path, capsys):
    """Ten seeds of a network that is right and of one that often is not."""
    tiny.finished_store(tmp_path / "a.db", ("lenet-afif",), seeds=10, clarity=2)
    tiny.finished_store(tmp_path / "a.db", ("nin",), seeds=10, clarity=0.5)
    [lead] = on_each_data_set(read(tmp_path / "a.db"))[0].leads
    assert lead.standing.verdict == "first" and lead.standing.low > 0
    assert lead.standing.low < lead.difference.low
    cli.main(["answer", "--store", str(tmp_path / "a.db")], standalone_mode=False)
    assert "(10 seeds): significant, valid under continuous monitoring" in capsys.readouterr().out


def test_networks_without_a_shared_seed_have_no_probabilities(tmp_path):
    snapshot = read_two(tmp_path)
    first, second = snapshot.cells
    apart = replace(
        snapshot, cells=(replace(first, results=first.results[:1]), replace(second, results=second.results[1:]))
    )
    [answer] = on_each_data_set(apart)
    assert (answer.leads, answer.probability_best, answer.fronts, answer.shared_seeds) == ((), {}, (), 0)


def test_one_data_set_says_nothing_in_general(store):
    assert in_general(read(store)) == []


def test_over_data_sets(tmp_path):
    """The networks change places: lenet-afif wins twice, nin once, by much."""
    accuracies = {"x": (0.9, 0.8), "y": (0.9, 0.85), "z": (0.5, 0.7)}
    [answer] = in_general(over(read_two(tmp_path), accuracies))
    assert answer.best == "lenet-afif" and answer.ranking.ranks["nin"] == pytest.approx(5 / 3)
    assert (answer.lost_on, answer.lost_to) == ("z", "nin") and answer.most_lost == pytest.approx(0.2)
    assert "describe these data sets only" in answer.ranking.caution


def over(snapshot: Snapshot, accuracies: dict[str, tuple[float, ...]]) -> Snapshot:
    """The snapshot as if its cells had these accuracies on these data sets."""
    cells = []
    for data, row in accuracies.items():
        for cell, accuracy in zip(snapshot.cells, row, strict=True):
            results = tuple(replace(r, measures=r.measures | {"test_accuracy": accuracy}) for r in cell.results)
            cells.append(replace(cell, data=data, results=results))
    return replace(snapshot, cells=tuple(cells))


def test_what_many_data_sets_say_of_another_one(tmp_path):
    """Six wins of two points or more: the smallest p of a signed-rank test, and hardly a doubt left."""
    accuracies = {f"d{n}": (0.8 + n / 100, 0.78 + n / 200) for n in range(6)}
    two = read_two(tmp_path)
    [answer] = in_general(over(two, accuracies))
    [other] = answer.elsewhere
    assert other.net == "nin" and other.corrected == pytest.approx(2 / 2**6)
    assert other.belief.first > 0.95
    [few] = in_general(over(two, dict(list(accuracies.items())[:4])))
    assert few.elsewhere[0].corrected is None


def read_two(folder: Path) -> Snapshot:
    tiny.finished_store(folder / "two.db")
    return read(folder / "two.db")


def test_of_many_networks_the_hopeless_ones_are_counted():
    from bakeoff.console.answers import _shares

    assert _shares({"a": 0.9, "b": 0.0}) == "a 0.900, b 0.000"
    many = {"a": 0.9, "b": 0.1} | dict.fromkeys("cdefgh", 0.001)
    assert _shares(many) == "a 0.900, b 0.100, 6 more below 0.01"


def test_a_front_of_another_cost_is_not_called_that_of_flops(store):
    from bakeoff.console.answers import describe_data_set

    answer = on_each_data_set(read(store))[0]
    blank = replace(answer, fronts=tuple(front for front in answer.fronts if front.cost != "flops"))
    assert blank.fronts and not any("FLOPs: " in line for line in describe_data_set(blank))


def test_the_command(store, capsys, tmp_path):
    cli.main(["answer", "--store", str(store)], standalone_mode=False)
    told = capsys.readouterr().out
    assert "has the best mean" in told and "P(better)" in told and "3 seeds" in told
    assert "of being on the front of accuracy and FLOPs: " in told
    cli.main(["answer", "--store", str(store), "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["on_data"][0]["leads"]
    with Store(tmp_path / "empty.db", create=True):
        pass
    cli.main(["answer", "--store", str(tmp_path / "empty.db")], standalone_mode=False)
    assert "No run has finished yet" in capsys.readouterr().out
