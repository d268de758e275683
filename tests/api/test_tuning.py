import pytest

import bakeoff

pytest.importorskip("optuna")


def test_returns_what_was_found(tmp_path):
    fixed = {"optimizer.weight_decay": 0.05, "label_smoothing": 0, "augment.shift": 0, "augment.rotation": 0}
    found = bakeoff.tune(
        "linear",
        "digits",
        60,
        search=["batch_size=32,64"],
        changes={"epochs": 1, "images_per_class": 20, "validation": 50, "optimizer.lr": 0.01} | fixed,
        output=tmp_path / "tuned.toml",
        store=tmp_path / "a.db",
        workers=1,
        quiet=True,
    )
    frame = found.to_frame()
    assert list(frame["batch_size"]) == [64, 32]
    assert found.changes in ({}, {"batch_size": 32})
    assert (tmp_path / "tuned.toml").exists() and "validation" in str(found)
