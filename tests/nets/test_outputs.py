from types import SimpleNamespace

import pytest
import torch

from bakeoff.errors import BakeoffError
from bakeoff.nets.outputs import logits_of

RIGHT = torch.zeros(4, 3)


def test_logits_pass_and_auxiliary_ones_in_training():
    assert logits_of(RIGHT, 4, 3, "net", training=False) == (RIGHT,)
    assert len(logits_of((RIGHT, RIGHT), 4, 3, "net", training=True)) == 2


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        ((RIGHT, (torch.zeros(1, 4, 8), torch.zeros(1, 4, 8))), "a tuple of 4 × 3, a tuple of 1 × 4 × 8, 1 × 4 × 8"),
        ((), "a tuple of nothing"),
        (torch.zeros(4, 5), "4 × 5"),
        (torch.zeros(4, 3, 1, 1), "4 × 3 × 1 × 1"),
        (torch.zeros(()), "a single number"),
        ([RIGHT], "a list of 4 × 3"),
        ({"logits": RIGHT, "loss": None}, "a dict of logits, loss: return the logits alone"),
        (SimpleNamespace(logits=RIGHT), "a SimpleNamespace: return the logits alone"),
        (None, "a NoneType"),
    ],
)
def test_anything_else_is_reported(outputs, told, training):
    with pytest.raises(BakeoffError) as caught:
        logits_of(outputs, 4, 3, "mine", training=training)
    assert f"mine: expected 4 × 3 logits for 4 images in {'training' if training else 'evaluation'}" in str(
        caught.value
    )
    assert f"got {told}" in str(caught.value)


def test_features_beside_the_logits_are_not_taken_for_auxiliary_ones():
    with pytest.raises(BakeoffError, match="4 × 64: return only the first"):
        logits_of((RIGHT, torch.zeros(4, 64)), 4, 3, "mine", training=True)


def test_a_tuple_in_evaluation_gets_advice():
    with pytest.raises(BakeoffError, match="only the logits in evaluation"):
        logits_of((RIGHT, RIGHT), 4, 3, "mine", training=False)
