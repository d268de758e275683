"""How long a run took to reach a given accuracy, from its stored epochs. No torch."""

from collections.abc import Iterable
from typing import Literal

from bakeoff.spec.records import Epoch


def seconds_to_accuracy(
    epochs: Iterable[Epoch],
    target: float,
    of: Literal["validation_accuracy", "train_accuracy"] = "validation_accuracy",
) -> float | None:
    """Return the training seconds until the end of the first epoch that reached `target`, None if none did.

    Evaluation and start-up are not included. The resolution is one epoch.

    Args:
        epochs: all epochs of one run, in order.
        target: an accuracy, as a fraction.
        of: which accuracy; an epoch without it does not count.
    """
    seconds = 0.0
    for epoch in epochs:
        seconds += epoch.train_seconds
        accuracy = getattr(epoch, of)
        if accuracy is not None and accuracy >= target:
            return seconds
    return None
