import json

import pytest

import tiny
from bakeoff.tracking.mirror import mirror
from bakeoff.tracking.target import Target

pytest.importorskip("wandb", reason="needs bakeoff[wandb]")

IDS = [tiny.run("nin", 0).id, tiny.run("nin", 1).id, tiny.run("conv", 0).id]


def test_offline_files_are_written_once(filled, tmp_path, monkeypatch):
    for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "offline")
    target = Target("wandb", "mine")
    assert sorted(mirror(filled, target).sent) == sorted(IDS)
    written = {path.name.rpartition("-")[2]: path for path in (tmp_path / "wandb").glob("offline-run-*")}
    assert set(IDS) <= written.keys()
    assert (tmp_path / "wandb" / "bakeoff-mine.json").exists()
    assert json.loads((tmp_path / "wandb" / "bakeoff-mine.json").read_text()).keys() == set(IDS)
    content = b"".join(path.read_bytes() for path in written[IDS[0]].glob("*.wandb"))
    assert b"train_loss" in content
    assert b"test_accuracy" in content
    assert mirror(filled, target).sent == []
    assert len(list((tmp_path / "wandb").glob("offline-run-*"))) == len(written)
