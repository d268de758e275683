"""Functions that run code of a user's file, in a process of their own: what it does to the process, it does there."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from bakeoff.errors import BakeoffError
from bakeoff.machine.processes import context, exit_with_parent, isolated_start

SECONDS = 300.0
"""How long a user's file may take to be read, or its network to be tried out."""
START_SECONDS = 60.0
"""A process has this long to begin: it may have to load torch."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Answer:
    """What comes back: a result, a user's mistake in words, the traceback of ours, or where it was when time was up."""

    result: Any = None
    mistake: str = ""
    bug: str = ""
    late: str | None = None


def apart(function: Callable[..., Result], *arguments: Any, doing: str, seconds: float | None = None) -> Result:
    """Return what a function returns in a process of its own. What it prints there goes to stderr.

    Raises:
        BakeoffError: the function raises one, ends its process or takes more than `seconds` (`SECONDS`); the message
            begins with `doing`.
    """
    seconds = SECONDS if seconds is None else seconds
    ours, theirs = context().Pipe(duplex=False)
    process = context().Process(target=_answer, args=(theirs, function, arguments, seconds), daemon=True)
    try:
        with isolated_start():
            process.start()
    except (EOFError, OSError) as error:
        raise BakeoffError(f"a process for {doing} could not start ({error}): start the command again") from error
    theirs.close()
    try:
        answer = ours.recv() if ours.poll(START_SECONDS + seconds) else _Answer(late="")
    except (EOFError, OSError):
        process.join()
        code = process.exitcode or 0
        ending = f"exit code {code}" if code >= 0 else f"signal {-code}"
        raise BakeoffError(f"{doing} ended the process that did it ({ending})") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if answer.late is not None:
        raise BakeoffError(
            f"{doing} took more than {seconds:g} s and was stopped{answer.late}: is there an endless loop?"
        )
    if answer.mistake:
        raise BakeoffError(answer.mistake)
    if answer.bug:
        raise RuntimeError(f"{doing} failed in its process:\n{answer.bug}")
    result: Result = answer.result
    return result


def _answer(connection: Connection, function: Callable[..., Any], arguments: tuple, seconds: float) -> None:
    """Be the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=exit_with_parent, daemon=True).start()
    with suppress(OSError):
        os.dup2(2, 1)  # stdout is for what the command prints
    timer = threading.Timer(seconds, _tell_where, (connection, threading.get_ident()))
    timer.daemon = True
    timer.start()
    try:
        answer = _Answer(function(*arguments))
    except BakeoffError as error:
        answer = _Answer(mistake=str(error))
    except BaseException:
        answer = _Answer(bug=traceback.format_exc())
    timer.cancel()
    sys.stdout.flush()
    connection.send(answer)


def _tell_where(connection: Connection, thread: int) -> None:
    """Send in which line of a user's file a thread is."""
    from bakeoff.nets.user_file import innermost

    frames = traceback.walk_stack(sys._current_frames()[thread])
    place = innermost((frame.f_code.co_filename, line) for frame, line in frames)
    connection.send(_Answer(late=f" in line {place[1]} of {Path(place[0]).name}" if place else ""))
