"""Run functions that execute code of a user's file in a child process, so that the code cannot affect this one."""

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from bakeoff.errors import BakeoffError, BakeoffWarning
from bakeoff.machine.processes import context, exit_with_parent, isolated_start
from bakeoff.spec.overrides import parse_seconds

TIMEOUT_SECONDS = 300.0
"""Time limit for importing a user's file, or trying out its network, without --run-timeout."""
START_SECONDS = 60.0
"""Time allowed for the process to start: it may have to load torch."""
SILENT_SECONDS = 10.0
"""After so long, the command says what it waits for."""

_LIMIT = ContextVar[float | None]("_LIMIT", default=None)
"""Time limit of the command's option --run-timeout; None in commands without that option."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class _Reply:
    """The child's reply: a result, a message for the user, the traceback of a bug, or where the timeout struck."""

    result: Any = None
    message: str = ""
    traceback: str = ""
    timeout_at: str | None = None


@contextmanager
def run_timeout(given: str | float | None) -> Iterator[None]:
    """Let the value of --run-timeout, if it is given, also limit what runs isolated within the context.

    Raises:
        BakeoffError: it is not a time such as "2h".
    """
    token = _LIMIT.set(TIMEOUT_SECONDS if given is None else parse_seconds(given))
    try:
        yield
    finally:
        _LIMIT.reset(token)


def run_isolated(function: Callable[..., Result], *arguments: Any, doing: str) -> Result:
    """Call a function in a child process and return its result. What it prints goes to stderr.

    Raises:
        BakeoffError: the function raises one, ends its process or takes longer than `run_timeout`, by default
            `TIMEOUT_SECONDS`; the latter two messages start with `doing`.
    """
    limit = _LIMIT.get()
    seconds = TIMEOUT_SECONDS if limit is None else limit
    ours, theirs = context().Pipe(duplex=False)
    process = context().Process(target=_run_in_child, args=(theirs, function, arguments, seconds), daemon=True)
    try:
        with isolated_start():
            process.start()
    except (EOFError, OSError) as error:
        raise BakeoffError(f"a process for {doing} could not start ({error}): run the command again") from error
    theirs.close()
    try:
        silent = min(SILENT_SECONDS, seconds)
        if not ours.poll(silent) and silent < seconds:
            warnings.warn(f"{doing} takes long: it is stopped after {seconds:g} s", BakeoffWarning, stacklevel=2)
        reply = ours.recv() if ours.poll(START_SECONDS + seconds - silent) else _Reply(timeout_at="")
    except (EOFError, OSError):
        process.join()
        code = process.exitcode or 0
        ending = f"exit code {code}" if code >= 0 else f"signal {-code}"
        raise BakeoffError(f"{doing} ended its process ({ending})") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if reply.timeout_at is not None:
        longer = "" if limit is None else " If not, give it longer: --run-timeout"
        message = f"{doing} took more than {seconds:g} s and was stopped{reply.timeout_at}"
        raise BakeoffError(f"{message}: is there an infinite loop?{longer}")
    if reply.message:
        raise BakeoffError(reply.message)
    if reply.traceback:
        raise RuntimeError(f"{doing} failed in its process:\n{reply.traceback}")
    result: Result = reply.result
    return result


def _run_in_child(connection: Connection, function: Callable[..., Any], arguments: tuple, seconds: float) -> None:
    """Call the function and send the reply: the main function of the child process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=exit_with_parent, daemon=True).start()
    with suppress(OSError):
        os.dup2(2, 1)  # stdout is for the command's own output
    timer = threading.Timer(seconds, _report_timeout, (connection, threading.get_ident()))
    timer.daemon = True
    timer.start()
    try:
        reply = _Reply(function(*arguments))
    except BakeoffError as error:
        reply = _Reply(message=str(error))
    except BaseException:
        reply = _Reply(traceback=traceback.format_exc())
    timer.cancel()
    sys.stdout.flush()
    connection.send(reply)


def _report_timeout(connection: Connection, thread: int) -> None:
    """Send the line of a user's file that a thread is executing."""
    from bakeoff.nets.user_file import innermost

    frames = traceback.walk_stack(sys._current_frames()[thread])
    place = innermost((frame.f_code.co_filename, line) for frame, line in frames)
    connection.send(_Reply(timeout_at=f" in line {place[1]} of {Path(place[0]).name}" if place else ""))
