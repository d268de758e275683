import json

import pytest

import tiny
from bakeoff.store.store import Store
from bakeoff.tracking.mirror import mirror
from bakeoff.tracking.target import Target

accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="needs bakeoff[tensorboard]"
)

IDS = [tiny.run("nin", 0).id, tiny.run("nin", 1).id, tiny.run("conv", 0).id]


def test_files_hold_every_number_and_are_written_once(filled, tmp_path):
    folder = tmp_path / "logs"
    target = Target("tensorboard", str(folder))
    assert sorted(mirror(filled, target).sent) == sorted(IDS)
    places = {json.loads(path.read_text())["run"]: path.parent for path in folder.glob("*/*/bakeoff.json")}
    assert places.keys() == set(IDS)
    with Store(filled) as store:
        for result in store.results(IDS):
            events = accumulator.EventAccumulator(str(places[result.id]))
            events.Reload()
            losses = [(event.step, event.value) for event in events.Scalars("epoch/train_loss")]
            assert losses == [(epoch.epoch, pytest.approx(epoch.train_loss)) for epoch in result.epochs]
            for name, value in result.measures.items():
                assert events.Scalars(f"result/{name}")[0].value == pytest.approx(value)
            text = events.Tensors("settings/text_summary")[0].tensor_proto.string_val[0].decode()
            assert "recipe.optimizer.lr = 0.05" in text
    assert "<html" in (folder / "report.html").read_text()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert mirror(filled, target).sent == []
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    (places[IDS[0]] / "bakeoff.json").unlink()  # as if it had been interrupted
    assert mirror(filled, target).sent == [IDS[0]]
    assert len(list(places[IDS[0]].glob("events*"))) == 1
