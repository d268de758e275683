"""Optional measurements: a failure is recorded with its reason and never fails the run. No torch."""

from collections.abc import Callable
from typing import TypeVar

Measured = TypeVar("Measured")


def measure_or_note(what: str, measure: Callable[[], Measured], blanks: dict[str, str]) -> Measured | None:
    """Return the result of `measure`; if it raises, return None and record the reason in `blanks[what]`."""
    try:
        return measure()
    except Exception as error:  # a user's network may raise anything, and the training itself succeeded
        blanks[what] = f"{type(error).__name__}: {error}"
        return None
