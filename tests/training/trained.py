"""Training of a tiny run, and what must be the same of two of them."""

import msgspec
import torch
from safetensors.torch import load_file

import tiny
from bakeoff.spec.records import Epoch, Outcome
from bakeoff.training.loop import fit

DATA = tiny.dataset()


def train(run, folder=None, data=DATA, on_step=None, machine=tiny.MACHINE) -> tuple[list[Epoch], Outcome]:
    *epochs, outcome = fit(run, data, machine, folder, on_step)
    return epochs, outcome


def comparable(epoch: Epoch) -> dict:
    return tiny.without_times(msgspec.structs.asdict(epoch))


def assert_same(one: tuple[list[Epoch], Outcome], other: tuple[list[Epoch], Outcome]) -> None:
    """The same to the last bit, but for seconds and memory."""
    assert [comparable(epoch) for epoch in one[0]] == [comparable(epoch) for epoch in other[0]]
    assert tiny.without_times(one[1].measures) == tiny.without_times(other[1].measures)
    assert (one[1].predicted == other[1].predicted).all()
    assert one[1].probabilities.tobytes() == other[1].probabilities.tobytes()


def assert_same_weights(one, other) -> None:
    torch.testing.assert_close(load_file(one), load_file(other), rtol=0, atol=0)
