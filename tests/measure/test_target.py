import msgspec
from hypothesis import given
from hypothesis import strategies as some

from bakeoff.measure.target import seconds_to_accuracy
from bakeoff.spec.records import Epoch

EPOCH = Epoch(1, 1.0, 0.5, 1.0, 0.4, 0.1, 2.0, 0.5, 700.0, 10**9)


def epochs(*accuracies: float | None) -> list[Epoch]:
    return [
        msgspec.structs.replace(EPOCH, epoch=number, validation_accuracy=accuracy, train_accuracy=(accuracy or 0) / 2)
        for number, accuracy in enumerate(accuracies, start=1)
    ]


def test_is_the_training_time_up_to_the_first_epoch_that_reached_it():
    run = epochs(0.3, 0.7, 0.6, 0.9)
    assert seconds_to_accuracy(run, 0.2) == 2.0
    assert seconds_to_accuracy(run, 0.65) == 4.0
    assert seconds_to_accuracy(run, 0.7) == 4.0
    assert seconds_to_accuracy(run, 0.71) == 8.0
    assert seconds_to_accuracy(run, 0.95) is None
    assert seconds_to_accuracy(run, 0.45, of="train_accuracy") == 8.0
    assert seconds_to_accuracy(epochs(None, None), 0.0) is None
    assert seconds_to_accuracy([], 0.0) is None


@given(some.lists(some.floats(0, 1), min_size=1), some.floats(0, 1), some.floats(0, 1))
def test_never_falls_as_the_target_rises(accuracies, one, other):
    low, high = (seconds_to_accuracy(epochs(*accuracies), target) for target in sorted((one, other)))
    assert high is None or (low is not None and low <= high)
