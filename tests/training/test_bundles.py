import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.execution.posthoc import evaluate_robustness
from bakeoff.measure.quality import confusion
from bakeoff.nets import user_file
from bakeoff.nets.sources import gather_file
from bakeoff.spec.paths import weights_path
from bakeoff.spec.records import Outcome
from bakeoff.spec.run import Run
from bakeoff.training.bundle_values import Numbers
from bakeoff.training.bundles import has_bundle, make_bundle, read_bundle, read_description, to_metadata
from bakeoff.training.checkpoints import save_weights
from bakeoff.training.loop import fit
from bakeoff.training.partition import partition_data

OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, images, classes):
        super().__init__()
        self.last = nn.Linear(images.channels * images.height * images.width, classes)
    def forward(self, x):
        return self.last(x.flatten(1))
"""


def trained(run: Run, folder: Path) -> tuple[Path, Outcome]:
    *_, outcome = fit(run, tiny.dataset(), tiny.MACHINE, folder)
    return weights_path(folder, run.id), outcome


@pytest.mark.parametrize("changes", [{}, {"normalize": "pixel"}, {"normalize": "raw"}])
def test_predict_what_was_predicted_in_training(changes, tmp_path):
    run = tiny.run("resnet20", epochs=1, **changes)
    path, outcome = trained(run, tmp_path)
    loaded = read_bundle(path)
    assert loaded.bundle.run == run and loaded.bundle.classes == ("a", "b", "c")
    assert not loaded.net.training
    images = torch.from_numpy(tiny.dataset().test.images)
    with torch.inference_mode():
        logits = loaded.net(loaded.bundle.normalizer()(images))
    assert torch.equal(logits.argmax(1), torch.from_numpy(outcome.predicted.astype("int64")))
    assert torch.equal(logits.softmax(1).half(), torch.from_numpy(outcome.probabilities))


def test_hold_what_the_run_is_worth(tmp_path):
    path, outcome = trained(tiny.run(epochs=1), tmp_path)
    bundle = read_description(path)
    labels = tiny.dataset().test.labels
    assert bundle.measures["test_accuracy"] == outcome.measures["test_accuracy"]
    assert (
        {"latency_ms_median", "parameters", "test_brier"}
        <= bundle.measures.keys()
        <= {
            *outcome.measures,
            "test_brier",
            "test_calibration_error",
        }
    )
    assert np.array_equal(bundle.confusion_matrix(), confusion(labels, outcome.predicted, 3))


def test_hold_the_text_of_a_users_own_network(tmp_path, monkeypatch):
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    called = user_file.register_net(gather_file(file), ["Net"])
    path, _ = trained(tiny.run(called, epochs=1), tmp_path)
    monkeypatch.setattr(user_file, "OWN", {})
    file.unlink()
    loaded = read_bundle(path)
    assert loaded.bundle.sources[""].text == OWN
    assert str(tmp_path) not in loaded.bundle.sources[""].file
    assert type(loaded.net).__name__ == "Net"


def test_keep_the_normaliser_to_the_bit(tmp_path):
    data = tiny.dataset()
    for how in ("channel", "pixel", "unit"):
        run = tiny.run(normalize=how)
        normalizer = partition_data(run, data, "cpu").normalizer
        kept = make_bundle(run, data, normalizer).normalizer()
        assert torch.equal(kept.scale, normalizer.scale) and torch.equal(kept.bias, normalizer.bias)
        assert kept.scale.is_contiguous(memory_format=torch.preserve_format)


@given(st.integers(1, 3), st.integers(1, 5), st.booleans(), st.integers(0, 9))
def test_numbers_are_what_was_packed(channels, side, constant, seed):
    values = torch.randn(channels, side, side, generator=torch.Generator().manual_seed(seed))
    values = values[:, :1, :1].expand(channels, side, side) if constant else values
    packed = Numbers.of(values)
    assert torch.equal(packed.tensor().expand(channels, side, side), values)
    assert not constant or packed.shape == (channels, 1, 1)


def test_are_plain_safetensors_for_others(tmp_path):
    path, _ = trained(tiny.run(epochs=1), tmp_path)
    assert has_bundle(path)
    assert load_file(path).keys() == read_bundle(path).net.state_dict().keys()


def test_what_is_not_a_bundle_gives_one_sentence(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(BakeoffError, match="does not exist"):
        read_bundle(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(BakeoffError, match="cannot read the model"):
        read_bundle(path)
    assert not has_bundle(path)
    from safetensors.torch import save_file

    save_file({"w": torch.zeros(1)}, path)
    with pytest.raises(BakeoffError, match="older version"):
        read_bundle(path)
    save_file({"w": torch.zeros(1)}, path, {"bakeoff": '{"classes": 3}'})
    with pytest.raises(BakeoffError, match="another version"):
        read_bundle(path)


def test_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path, _ = trained(tiny.run(epochs=1), tmp_path)
    before = path.read_bytes()
    loaded = read_bundle(path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    files = set(tmp_path.iterdir())
    for run_id in (loaded.bundle.run.id, "another"):
        with pytest.raises(OSError, match="No space"):
            save_weights(tmp_path, run_id, loaded.net, metadata=to_metadata(loaded.bundle))
    assert path.read_bytes() == before and set(tmp_path.iterdir()) == files


KILLED = """
import os, signal, sys
from pathlib import Path
from bakeoff.training.bundles import read_bundle, to_metadata
from bakeoff.training.checkpoints import save_weights

loaded = read_bundle(Path(sys.argv[1]))
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
save_weights(Path(sys.argv[1]).parent, loaded.bundle.run.id, loaded.net, metadata={"bakeoff": "half"})
"""


def test_a_killed_process_leaves_the_old_one(tmp_path):
    path, _ = trained(tiny.run(epochs=1), tmp_path)
    before = path.read_bytes()
    ended = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_bytes() == before and read_bundle(path).bundle.run.net == "lenet-afif"


def test_robustness_never_fits_a_normaliser_again(tmp_path, monkeypatch):
    run = tiny.run(epochs=1, normalize="pixel")
    trained(run, tmp_path)

    def refit(*_: object) -> None:
        raise AssertionError("a normaliser was fitted again")

    monkeypatch.setattr("bakeoff.training.partition.partition_data", refit)
    measures = evaluate_robustness(run, tiny.dataset(), tiny.MACHINE, tmp_path)
    assert 0 <= measures["accuracy_under_corruption"] <= 1
