"""Standard output and standard error: whatever they are, and whatever is printed, printing does not fail.

Names may hold a terminal's commands; a terminal may know few characters, be closed, or be a pipe that nobody reads.
"""

import codecs
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import rich.console
import rich.markup
from rich.segment import Segment
from rich.text import Text

from bakeoff.text.safe import json_text, plain, visible

NARROWEST, WIDEST = 20, 1000
"""Characters in a line, whatever $COLUMNS says."""


def prepare() -> None:
    """Make standard output and error take every character, and $COLUMNS and $LINES numbers that can be."""
    codecs.register_error("bakeoff", _replace)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _occupy()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="bakeoff")
    for name in ("COLUMNS", "LINES"):
        if (text := os.environ.get(name)) is not None:
            number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
            os.environ[name] = str(min(max(number, NARROWEST), WIDEST))
            if not number:
                del os.environ[name]


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Handle what an encoding has no character for."""
    assert isinstance(error, UnicodeEncodeError)
    return plain(error.object[error.start : error.end], "ascii"), error.end


def _occupy() -> None:
    """Give closed standard streams to nobody: a file opened later, a store even, would get what is printed to them."""
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(spare, True)
    os.close(spare)


def abandon() -> None:
    """Send what is still to be printed nowhere: the reader of our output has gone, or its disk is full."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


class ReaderGone(Exception):
    """What we print to is a pipe that nobody reads any more: `bakeoff nets | head`."""


class Console(rich.console.Console):
    """A console on which no text is obeyed, and which has a likeness for every character."""

    def __init__(self, **options: Any) -> None:
        """Take what rich's own takes, but `emoji`: ":cat:" is shown as it is."""
        super().__init__(emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Turn a text into one that can be drawn; here its width is still to be measured."""
        return super().render_str(self._shown(text), **options)

    def render(self, renderable: Any, options: rich.console.ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the pieces to draw, all of which come through here."""
        for segment in super().render(renderable, options):
            text = segment.text
            is_plain = segment.control or (text.isascii() and text.isprintable()) or text == "\n"
            yield segment if is_plain else segment._replace(text=self._shown(text))

    def on_broken_pipe(self) -> None:
        """Leave it to whoever runs the program."""
        raise ReaderGone

    def _shown(self, text: str) -> str:
        return plain(visible(text, keep="\n"), self.encoding)


def escape(text: str) -> str:
    """Return rich markup that shows a name on one line."""
    return rich.markup.escape(visible(text))


def echo(text: str, *, err: bool = False) -> None:
    """Print lines of text as they are but for what a terminal would obey."""
    try:
        print(visible(text, keep="\n\t"), file=sys.stderr if err else sys.stdout, flush=True)
    except BrokenPipeError as error:
        raise ReaderGone from error


def echo_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print texts, each of which stays on a line of its own, whatever is in it."""
    echo("\n".join(map(visible, lines)), err=err)


def echo_json(value: Any, *, indent: int | None = 2) -> None:
    """Print JSON: in ASCII where standard output does not take UTF-8."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    echo(json_text(value, ascii_only=not encoding.startswith("utf"), indent=indent))


def quote(argument: object) -> str:
    """Return an argument as one types it into the shell of this system."""
    text = str(argument)
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)
