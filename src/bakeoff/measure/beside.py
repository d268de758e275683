"""What is measured beside training never fails a run: it is a blank, and why is on record. No torch."""

from collections.abc import Callable
from typing import TypeVar

Measured = TypeVar("Measured")


def attempt(what: str, measure: Callable[[], Measured], blanks: dict[str, str]) -> Measured | None:
    """Return what `measure` returns; where it raises, None, and the reason in `blanks` under the name of `what`."""
    try:
        return measure()
    except Exception as error:  # a user's network may fail in any way, and a measurement costs no finished training
        blanks[what] = f"{type(error).__name__}: {error}"
        return None
