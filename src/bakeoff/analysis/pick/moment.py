"""What happened at a moment of a contest."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Moment:
    """A training that ended, or a candidate that left. The field names are JSON keys: they stay."""

    seconds: float
    """Seconds since the contest began, without the time between its commands."""
    kind: str
    """trained, left or failed."""
    candidate: str
    epochs: int = 0
    seed: int = 0
    validation_accuracy: float | None = None
    why: str = ""
    best: dict[str, float] = field(default_factory=dict)
    """Candidate → the probability of being the best of those tried, after this."""
