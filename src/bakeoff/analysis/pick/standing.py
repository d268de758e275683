"""The outcome of one candidate of a contest."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PickedNetwork:
    """The outcome of one candidate. The field names are the keys of the JSON: they stay."""

    name: str
    """Network and recipe, as shown."""
    net: str
    recipe: str
    state: str
    """tried, left (it was dropped), failed, or untried."""
    why: str
    """Why it left or failed; empty otherwise."""
    epochs: int
    """Epochs of its longest training; 0 if it has none."""
    full_epochs: int
    """Epochs of a complete training."""
    seeds: int
    """Trainings of that length."""
    validation_accuracy: float | None
    """Mean over these trainings, a fraction."""
    expected: float | None
    """Expected validation accuracy after a complete training."""
    expected_low: float | None
    """Ends of its 95 % interval."""
    expected_high: float | None
    best: float
    """Probability of being the best of those tried, if all were trained to the end."""
    equivalent: float
    """Probability of being the best or within the margin of it."""
    test_accuracy: float | None
    """Mean over these trainings; None for those that were not evaluated on the test images."""
    test_low: float | None
    """Ends of its 95 % interval."""
    test_high: float | None
    test_method: str
    """What the interval is over: seeds, or the test images of one training."""
    parameters: int
    seconds: float
    """Time that all commands of the contest have spent on it."""
    runs: tuple[str, ...]
    """Ids of these trainings."""
