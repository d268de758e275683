"""Properties and families: what is reported for made-up standings."""

from dataclasses import replace

import msgspec
import pytest

import dialled
import tiny
from bakeoff.analysis.snapshot import Snapshot, read_snapshot
from bakeoff.analysis.tendencies import find_tendencies
from bakeoff.data import load_dataset
from bakeoff.data.properties import Properties
from bakeoff.execution.plan import make_record
from bakeoff.store.store import Store

KNOWN = {
    "side": 28.0, "channels": 1, "classes": 10, "train_images": 60_000, "balance": 1.0, "intrinsic_dimension": 10.0,
    "colourfulness": 0.0, "edge_density": 0.4, "neighbour_error": 0.1, "compression": 4.0,
}  # fmt: skip


def snapshot(tmp_path, leads: dict[str, str], **differing: dict[str, float]) -> Snapshot:
    """Data sets, each with the network that leads there; `differing` is property → data set → value."""
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
    tiny.finished_store(path, ("lenet-afif", "resnet20"), seeds=2)
    with Store(path) as store:
        one = read_snapshot(store)
    cells, facts = [], {}
    for data, leader in leads.items():
        facts[data] = {"properties": KNOWN | {name: own[data] for name, own in differing.items()}}
        for cell in one.cells:
            results = []
            for result in cell.results:
                measures = result.measures | {"test_accuracy": 0.9 if cell.net == leader else 0.8}
                run = msgspec.structs.replace(result.run, data=data, data_hash=data)
                results.append(replace(result, run=run, measures=measures))
            cells.append(replace(cell, data=data, results=tuple(results)))
    return Snapshot(tuple(cells), {}, facts=facts)


LEADS = {"a": "lenet-afif", "b": "lenet-afif", "c": "resnet20", "d": "resnet20"}


def test_properties_that_tell_apart_are_named_with_the_chance_of_it(tmp_path):
    differing = {"side": {"a": 8, "b": 28, "c": 32, "d": 64}, "classes": {"a": 10, "b": 20, "c": 10, "d": 20}}
    [one] = find_tendencies(snapshot(tmp_path, LEADS, **differing))
    lenet, resnet = one.tendencies
    assert (lenet.family, lenet.leads_on, lenet.lower, lenet.higher) == ("lenet", ("a", "b"), ("side",), ())
    assert (resnet.lower, resnet.higher) == ((), ("side",))
    assert lenet.chance == pytest.approx(2 / 6)
    assert "The lenet family leads on a, b and not on c, d; there: lower side in pixels." in one.sentences
    assert any("not a claim" in sentence and "33 %" in sentence for sentence in one.sentences)
    assert "bakeoff dial" in one.sentences[-1]


def test_a_family_that_leads_everywhere_has_no_tendency(tmp_path):
    [one] = find_tendencies(snapshot(tmp_path, dict.fromkeys("abc", "resnet20")))
    assert not one.tendencies and "leads on all 3 data sets" in one.sentences[0]
    assert one.standings[0].margin == pytest.approx(0.1)


def test_one_data_set_and_unknown_properties_say_nothing(tmp_path):
    assert find_tendencies(snapshot(tmp_path, {"a": "resnet20"})) == []
    unknown = replace(snapshot(tmp_path, LEADS), facts={})
    assert find_tendencies(unknown) == []


def test_graded_versions_are_no_further_data_sets(tmp_path):
    with Store(dialled.crossing_store(tmp_path / "a.db")) as store:
        assert len(read_snapshot(store).tables) == 4
        store.add([], [make_record(load_dataset(f"digits~contrast={level}"), search=True) for level in (1, 0.5, 0.25)])
        assert find_tendencies(read_snapshot(store)) == []


def test_a_run_leaves_the_properties_of_its_data_in_the_store(tmp_path):
    path = tmp_path / "a.db"
    with Store(path, create=True) as store:
        store.add([], [make_record(load_dataset("digits"))])
        assert "properties" not in next(iter(store.datasets().values())).facts
        store.add([], [make_record(load_dataset("digits"), search=True)])
        [record] = store.datasets().values()
    assert set(record.facts["properties"]) == set(Properties.__struct_fields__)
