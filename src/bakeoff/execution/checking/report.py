"""One check and its outcome, and all those of a file."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from bakeoff.errors import BakeoffError
from bakeoff.execution.rehearsal import silence

State = Literal["passed", "note", "failed", "skipped"]


@dataclass(frozen=True)
class Check:
    """One check and its outcome."""

    name: str
    state: State
    message: str = ""


@dataclass(frozen=True)
class Report:
    """What a file has, and its checks."""

    kind: Literal["network", "data set", "recipe", "study"]
    name: str
    checks: tuple[Check, ...]

    @property
    def passes(self) -> bool:
        """Whether no check failed."""
        return all(check.state != "failed" for check in self.checks)


def run_check(
    name: str, find_problems: Callable[[], Iterable[str]], *, optional: bool = False, facts: Callable[[], str] = str
) -> Check:
    """Return the check whose problems a function returns or raises; if it is optional, they are only noted.

    Without problems, the message is what `facts` returns.
    """
    from bakeoff.nets.user_file import describe_error

    try:
        with silence(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problems = list(find_problems())
            message = "; ".join(problems) or facts()
    except BakeoffError as error:
        problems = [message := str(error)]
    except (Exception, SystemExit) as error:  # a user's code may fail in any way
        problems = [message := describe_error(error)]
    return Check(name, "passed" if not problems else "note" if optional else "failed", message)
