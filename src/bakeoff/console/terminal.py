"""Standard output and standard error. Printing never fails, whatever they are and whatever is printed.

Names may contain terminal commands; a terminal may support few characters; a stream may be closed, or a pipe that
nobody reads.
"""

import codecs
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import rich.console
import rich.markup
from rich.segment import Segment
from rich.text import Text

from bakeoff.text.safe import json_text, plain, visible

NARROWEST, WIDEST = 20, 1000
"""Limits on the characters in a line, whatever $COLUMNS says."""


def prepare_streams() -> None:
    """Let standard output and error accept every character, and remove invalid values of $COLUMNS and $LINES."""
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
    """Replace characters that an encoding does not have."""
    assert isinstance(error, UnicodeEncodeError)
    return plain(error.object[error.start : error.end], "ascii"), error.end


def _occupy() -> None:
    """Open closed standard streams on the null device: otherwise output could end up in a file opened later, even a
    store."""
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(spare, True)
    os.close(spare)


def abandon() -> None:
    """Discard all further output: its reader has gone, or the disk is full."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


class ReaderGone(Exception):
    """Standard output is a pipe that nobody reads any more: `bakeoff nets | head`."""


class Console(rich.console.Console):
    """A console that neutralises control characters, and replaces characters that it cannot show."""

    def __init__(self, **options: Any) -> None:
        """Take the options of rich's console, except `emoji`: ":cat:" is not replaced."""
        super().__init__(emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text that can be drawn, before its width is measured."""
        return super().render_str(self._shown(text), **options)

    def render(self, renderable: Any, options: rich.console.ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments to draw; all output passes through here."""
        for segment in super().render(renderable, options):
            text = segment.text
            is_plain = segment.control or (text.isascii() and text.isprintable()) or text == "\n"
            yield segment if is_plain else segment._replace(text=self._shown(text))

    def on_broken_pipe(self) -> None:
        """Raise `ReaderGone`, which ends the command."""
        raise ReaderGone

    def _shown(self, text: str) -> str:
        return plain(visible(text, keep="\n"), self.encoding)


def escape(text: str) -> str:
    """Return rich markup that shows a name on one line."""
    return rich.markup.escape(visible(text))


def echo(text: str, *, err: bool = False) -> None:
    """Print lines of text, without control characters."""
    try:
        print(visible(text, keep="\n\t"), file=sys.stderr if err else sys.stdout, flush=True)
    except BrokenPipeError as error:
        raise ReaderGone from error


def echo_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print texts, each on a line of its own, whatever it contains."""
    echo("\n".join(map(visible, lines)), err=err)


def echo_json(value: Any, *, indent: int | None = 2) -> None:
    """Print JSON, in ASCII if standard output is not UTF-8."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    echo(json_text(value, ascii_only=not encoding.startswith("utf"), indent=indent))


@contextmanager
def until_interrupted() -> Iterator[list[bool]]:
    """Let Ctrl-C end the block instead of the command; the list is then no longer empty."""
    happened: list[bool] = []
    try:
        yield happened
    except KeyboardInterrupt:
        happened.append(True)
