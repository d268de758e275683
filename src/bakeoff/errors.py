"""Errors and warnings for the user."""

import shlex
import sys


class BakeoffError(Exception):
    """An error the user can fix. The message says what was expected, what was found, and what to do.

    The command line prints it and exits with 2. Messages name command-line options; the Python interface replaces them
    with its arguments.

    Example:
        >>> bakeoff.load("nothing.db")
        Traceback (most recent call last):
        bakeoff.errors.BakeoffError: no store at nothing.db: `bakeoff.run(store="nothing.db")` creates one
    """

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the message, without a traceback."""
        return [f"BakeoffError: {self}"]


class Misplaced(BakeoffError):
    """A value was given in the wrong place, and the option it belongs to is clear."""

    def __init__(self, message: str, option: str, value: str) -> None:
        """Take what is wrong, and the right option with its value."""
        super().__init__(message)
        self.option, self.value = option, value

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.option} {self.value}"


class BakeoffWarning(UserWarning):
    """A problem that does not stop the work. The command line prints its message."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its type if it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def install(package: str) -> str:
    """Return the command that installs a package for the current Python."""
    return f"{shlex.quote(sys.executable)} -m pip install {package}"
