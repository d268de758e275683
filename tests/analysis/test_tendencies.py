"""Properties beside families: what is told of made-up standings."""

from dataclasses import replace

import msgspec
import pytest

import dialled
import tiny
from bakeoff.analysis.audit import Material, gather
from bakeoff.analysis.tendencies import tendencies
from bakeoff.data import load
from bakeoff.data.properties import Properties
from bakeoff.execution.plan import record_of
from bakeoff.store.store import Store

KNOWN = {
    "side": 28.0, "channels": 1, "classes": 10, "train_images": 60_000, "balance": 1.0, "intrinsic_dimension": 10.0,
    "colourfulness": 0.0, "edge_density": 0.4, "neighbour_error": 0.1, "compression": 4.0,
}  # fmt: skip


def material(tmp_path, leads: dict[str, str], **differing: dict[str, float]) -> Material:
    """Data sets, each with the network that leads there; `differing` is property → data set → value."""
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
    tiny.finished_store(path, ("lenet-afif", "resnet20"), seeds=2)
    with Store(path) as store:
        one = gather(store)
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
    return Material(tuple(cells), {}, facts=facts)


LEADS = {"a": "lenet-afif", "b": "lenet-afif", "c": "resnet20", "d": "resnet20"}


def test_properties_that_tell_apart_are_named_with_the_chance_of_it(tmp_path):
    differing = {"side": {"a": 8, "b": 28, "c": 32, "d": 64}, "classes": {"a": 10, "b": 20, "c": 10, "d": 20}}
    [one] = tendencies(material(tmp_path, LEADS, **differing))
    lenet, resnet = one.tendencies
    assert (lenet.family, lenet.leads_on, lenet.lower, lenet.higher) == ("lenet", ("a", "b"), ("side",), ())
    assert (resnet.lower, resnet.higher) == ((), ("side",))
    assert lenet.chance == pytest.approx(2 / 6)
    assert "The lenet family leads on a, b and not on c, d; there: lower side in pixels." in one.said
    assert any("no claim" in sentence and "33%" in sentence for sentence in one.said)
    assert "bakeoff dial" in one.said[-1]


def test_a_family_that_leads_everywhere_has_no_tendency(tmp_path):
    [one] = tendencies(material(tmp_path, dict.fromkeys("abc", "resnet20")))
    assert not one.tendencies and "leads on all 3 data sets" in one.said[0]
    assert one.standings[0].margin == pytest.approx(0.1)


def test_one_data_set_and_unknown_properties_say_nothing(tmp_path):
    assert tendencies(material(tmp_path, {"a": "resnet20"})) == []
    unknown = replace(material(tmp_path, LEADS), facts={})
    assert tendencies(unknown) == []


def test_graded_versions_are_no_further_data_sets(tmp_path):
    with Store(dialled.crossing_store(tmp_path / "a.db")) as store:
        assert len(gather(store).tables) == 4
        store.add([], [record_of(load(f"digits~contrast={level}"), search=True) for level in (1, 0.5, 0.25)])
        assert tendencies(gather(store)) == []


def test_a_run_leaves_the_properties_of_its_data_in_the_store(tmp_path):
    path = tmp_path / "a.db"
    with Store(path, create=True) as store:
        store.add([], [record_of(load("digits"))])
        assert "properties" not in next(iter(store.datasets().values())).facts
        store.add([], [record_of(load("digits"), search=True)])
        [record] = store.datasets().values()
    assert set(record.facts["properties"]) == set(Properties.__struct_fields__)
