import msgspec
import pytest
import safetensors.torch
from safetensors.torch import load_file
from torch import nn
from trained import DATA, assert_same, train

import bakeoff.training.evaluate
import bakeoff.training.loop
import odd
import tiny
from bakeoff.errors import BakeoffError
from bakeoff.nets import NETS, Net
from bakeoff.spec.data import ImageShape
from bakeoff.spec.paths import weights_path
from bakeoff.training.loop import fit


class Auxiliary(nn.Module):
    """Two heads in training, one otherwise."""

    def __init__(self):
        super().__init__()
        self.main, self.other = nn.Linear(64, 3), nn.Linear(64, 3)

    def forward(self, images):
        flat = images.flatten(1)
        return (self.main(flat), self.other(flat)) if self.training else self.main(flat)


class TestAuxiliaryOutputs:
    @pytest.fixture(autouse=True)
    def two_heads(self, monkeypatch):
        monkeypatch.setattr(bakeoff.training.loop, "build", lambda *_: Auxiliary())

    def test_are_trained_with_their_weight(self, tmp_path):
        still = tiny.run(validation="none", epochs=1, auxiliary_weight=0.0)
        both = msgspec.structs.replace(still, recipe=msgspec.structs.replace(still.recipe, auxiliary_weight=0.3))
        (alone,), _ = train(still, tmp_path)
        (together,), _ = train(both, tmp_path)
        one, other = (load_file(weights_path(tmp_path, run.id)) for run in (still, both))
        assert (one["main.weight"] == other["main.weight"]).all()
        assert (one["other.weight"] != other["other.weight"]).any()
        assert together.train_loss == pytest.approx(1.3 * alone.train_loss, rel=0.2)
        assert together.train_accuracy == alone.train_accuracy


@pytest.fixture
def own(monkeypatch):
    """Make a network known, and return a run of it."""

    def run(kind, **changes):
        monkeypatch.setitem(NETS, "odd", Net(kind, "own", 2026, "a test", 1))
        return tiny.run("odd", **changes)

    return run


class TestWhatIsMeasuredBeside:
    @pytest.mark.parametrize(
        "kind", [odd.Item, odd.Numpy, odd.Recurrent, odd.NumpyRecurrent, odd.Attentive, odd.ItemAttentive, odd.Tied]
    )
    def test_is_complete_for_unusual_networks(self, own, tmp_path, kind):
        _, outcome = train(own(kind), tmp_path)
        assert outcome.blanks == {}
        assert outcome.layers
        assert outcome.measures.keys() >= {"flops", "activation_bytes_per_image", "latency_ms_median"}
        assert "not_measured" not in outcome.environment

    def test_is_a_blank_with_its_reason_where_it_fails(self, own, tmp_path):
        run = own(odd.ByImages, validation=22)
        whole = train(run, tmp_path)
        assert whole[1].layers == ()
        assert whole[1].blanks == dict.fromkeys(
            ["layers", "flops", "activation memory", "latency"], "ValueError: five images at least"
        )
        assert whole[1].environment["not_measured"] == whole[1].blanks
        assert not whole[1].measures.keys() & {"flops", "activation_bytes_per_image", "latency_ms_median"}
        assert whole[1].measures["parameters"] == 4 * 9 + 4 + 256 * 3 + 3
        assert_same(train(run, tmp_path), whole)

    @pytest.mark.parametrize("name", ["summarize", "activation_bytes", "inference_cost"])
    def test_fails_no_run_in_any_way(self, monkeypatch, name):
        def fail(*_):
            raise RuntimeError("no such kernel")

        monkeypatch.setattr(bakeoff.training.evaluate, name, fail)
        _, outcome = train(tiny.run())
        assert set(outcome.blanks.values()) == {"RuntimeError: no such kernel"}
        assert outcome.measures["test_accuracy"] > 0

    def test_weights_that_have_two_names_are_kept_and_continue(self, own, tmp_path):
        run = own(odd.Tied)
        whole = train(run, tmp_path / "whole")
        kept = load_file(weights_path(tmp_path / "whole", run.id))
        assert (kept["first.weight"] == kept["second.weight"]).all()
        net = odd.Tied(ImageShape(1, 8, 8), 3)
        net.load_state_dict(kept)
        assert net.first.weight is net.second.weight
        next(generator := fit(run, DATA, tiny.MACHINE, tmp_path / "parts"))
        generator.close()
        assert_same(train(run, tmp_path / "parts"), whole)

    def test_weights_that_cannot_be_written_are_a_blank(self, tmp_path, monkeypatch):
        def refuse(*_):
            raise ValueError("no such type")

        monkeypatch.setattr(safetensors.torch, "save", refuse)
        _, outcome = train(tiny.run(), tmp_path)
        assert outcome.blanks == {"weights": "ValueError: no such type"}


class TestOutputs:
    def test_that_are_a_tuple_of_other_things_are_reported(self, own):
        with pytest.raises(BakeoffError, match="expected 16 × 3 logits for 16 images in training, got a tuple"):
            train(own(odd.Pair))

    def test_that_are_a_tuple_in_evaluation_are_reported(self, own):
        with pytest.raises(BakeoffError, match="only the logits in evaluation"):
            train(own(odd.Twin))
