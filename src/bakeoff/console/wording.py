"""Messages rewritten for the Python interface: `--nets` is `nets`, `--set epochs=3` is `changes={"epochs": 3}`."""

import inspect
import re
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import ParamSpec, TypeVar

from bakeoff.errors import BakeoffError, Misplaced
from bakeoff.execution.isolate import run_timeout
from bakeoff.lookup import nearest, question

Given = ParamSpec("Given")
Made = TypeVar("Made")

FIELDS = {"epochs": "epochs", "size": "image.size", "scale": "image.scale"}
"""Options that are short for a change to the recipe → the field they change."""
FLAGS = ("restart", "retry-failed", "fail-fast", "robustness")
RENAMED = {"set": "changes", "from": "base", "from-recipe": "base_recipe"}
"""Option → argument, where the names differ."""
REPLACEMENTS = {
    **{option: f'changes={{"{field}": …}}' for option, field in FIELDS.items()},
    "lr": 'changes={"optimizer.lr": …}',
    "batch_size": 'changes={"batch_size": …}',
    "set": "changes={…}",
    "folds": "bakeoff.run(nets=WINNER, data=…, folds=…) afterwards",
}
"""Name that is often tried as an argument → how to write it instead."""


def in_python(message: str) -> str:
    """Return a message with Python's arguments in place of the command line's options."""
    message = re.sub(r"`bakeoff (\w+) --([\w-]+ [^`]*)`", _call, message)
    message = re.sub(r"--set ([\w.]+)=([^\s,;:)]*[^\s,;:).?])", _change, message)
    message = re.sub(rf"--({'|'.join(FIELDS)})\b(?: (\d[\dx]*))?", _field, message)
    message = re.sub(rf"--({'|'.join(FLAGS)})\b", lambda found: f"{_argument(found[1])}=True", message)
    return re.sub(r"--([a-z][a-z-]*[a-z])(?: (\d+)\b)?", _option, message)


def _call(found: re.Match[str]) -> str:
    given = [option.partition(" ") for option in found[2].split(" --")]
    arguments = [f"{_argument(name)}={value if value.isdigit() else repr(value)}" for name, _, value in given]
    return f"`bakeoff.{found[1]}({', '.join(arguments)})`".replace("'", '"')


def _change(found: re.Match[str]) -> str:
    value = found[2] if re.fullmatch(r"[-+\d.e]+|true|false", found[2]) else f'"{found[2]}"'
    return f'changes={{"{found[1]}": {value.capitalize() if value in ("true", "false") else value}}}'


def _field(found: re.Match[str]) -> str:
    height, _, width = (found[2] or "…").partition("x")
    return f'changes={{"{FIELDS[found[1]]}": {f"[{height}, {width}]" if width else height}}}'


def _option(found: re.Match[str]) -> str:
    name = RENAMED.get(found[1]) or _argument(found[1])
    return f"{name}={found[2]}" if found[2] else name


def _argument(option: str) -> str:
    return option.replace("-", "_")


def worded(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """Let a function of the Python interface name its own arguments in messages, also for unknown ones."""
    parameters = inspect.signature(function).parameters

    @wraps(function)
    def speaking(*given: Given.args, **named: Given.kwargs) -> Made:
        for name in named:
            if name not in parameters:
                known = REPLACEMENTS | {parameter: parameter for parameter in parameters}
                near = [known[each] for each in nearest(name, known)]
                answer = question(near) if near else f"choose from {', '.join(parameters)}"
                raise BakeoffError(f"bakeoff.{function.__name__} has no argument {name!r}: {answer}")
        has_timeout = "run_timeout" in parameters
        try:
            with run_timeout(named.get("run_timeout")) if has_timeout else nullcontext():  # type: ignore[arg-type]
                return function(*given, **named)
        except Misplaced as error:
            raise BakeoffError(f'{error.args[0]}: {_argument(error.option[2:])}=["{error.value}"]') from None
        except BakeoffError as error:
            error.args = (in_python(str(error)),)
            raise

    return speaking
