"""Gives damaged inputs to a reader in a process of its own, which is replaced when it crashes or hangs.

The process reads input after input, so that an input costs little more than the reader takes; what it does is in memory
that its parent sees.
"""

import faulthandler
import mmap
import os
import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bakeoff.errors import BakeoffError

HANGS_AFTER = 60.0
"""Seconds of CPU time that no reader may use for one input."""
NEXT, READ, EXPLAINED, FINDINGS = range(4)
"""What the shared memory holds: the number of the input, and how often it ended in which way."""


@dataclass(frozen=True)
class Reader:
    """Something that reads a file."""

    share: float
    """Of all inputs."""
    whole: Sequence[bytes]
    """Undamaged inputs."""
    read: Callable[[Path], object]
    may_crash: bool = False
    """Whether bakeoff itself calls it in a process of its own."""


@dataclass
class Report:
    """The outcome of a reader's inputs."""

    name: str
    ends: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    peak_bytes: int = 0

    def __str__(self) -> str:
        ends = ", ".join(f"{number:,} {end}" for end, number in self.ends.items() if number)
        return f"{self.name}: {ends}; {self.seconds:.0f} s, at most {self.peak_bytes / 2**20:.0f} MiB"


def damage(content: bytes, dice: random.Random) -> bytes:
    """Some bytes changed, a stretch lost, zeroed or repeated, or the end cut off."""
    changed = bytearray(content)
    kind = dice.choice(["bytes", "bytes", "bytes", "cut", "zeros", "lost", "repeated", "number"])
    start = dice.randrange(len(changed))
    length = dice.choice([1, 16, 512, 4096])
    if kind == "bytes":
        for _ in range(dice.choice([1, 2, 5, 20, 100])):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
    elif kind == "cut":
        del changed[start:]
    elif kind == "zeros":
        changed[start : start + length] = bytes(len(changed[start : start + length]))
    elif kind == "lost":
        del changed[start : start + length]
    elif kind == "repeated":
        changed[start:start] = changed[start : start + length]
    else:
        number = dice.choice([0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1])
        packed = number.to_bytes(4, dice.choice(["little", "big"]))
        changed[start : start + 4] = packed[: len(changed[start : start + 4])]
    return bytes(changed)


def damaged_input(name: str, number: int, whole: Sequence[bytes]) -> bytes:
    """Return the input of a number, the same every time."""
    dice = random.Random(f"{name} {number}")
    return damage(dice.choice(whole), dice)


def fuzz(name: str, reader: Reader, inputs: int, folder: Path) -> Report:
    """Give so many damaged inputs to a reader; inputs that it did not cope with stay in the folder."""
    report, started = Report(name), time.monotonic()
    shared = np.frombuffer(mmap.mmap(-1, 32), np.int64)
    while shared[NEXT] < inputs:
        child = os.fork()
        if child == 0:
            _read_all(name, reader, inputs, folder, shared)
        end = _watch(child, shared)
        if shared[NEXT] >= inputs:
            break
        number = int(shared[NEXT])
        report.ends[end] += 1
        kept = folder / f"{name.strip('.')}-{number}"
        kept.write_bytes(damaged_input(name, number, reader.whole))
        if end != "crashed" or not reader.may_crash:
            report.findings.append(f"{name}: {end} ({kept})")
        shared[NEXT] += 1
    report.ends |= {"read": int(shared[READ]), "explained": int(shared[EXPLAINED]), "wrong": int(shared[FINDINGS])}
    report.findings += [path.read_text() for path in sorted(folder.glob(f"{name.strip('.')}-*.txt"))]
    report.seconds = time.monotonic() - started
    report.peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return report


def _read_all(name: str, reader: Reader, inputs: int, folder: Path, shared: np.ndarray) -> None:
    """Read input after input; the main function of the child."""
    faulthandler.disable()
    try:
        path = folder / "input"
        for number in range(int(shared[NEXT]), inputs):
            shared[NEXT] = number
            content = damaged_input(name, number, reader.whole)
            path.write_bytes(content)
            shared[_outcome(name, number, content, reader, folder)] += 1
        shared[NEXT] = inputs
    finally:
        os._exit(0)


def _outcome(name: str, number: int, content: bytes, reader: Reader, folder: Path) -> int:
    try:
        reader.read(folder / "input")
    except BakeoffError:
        return EXPLAINED
    except Exception as error:
        kept = folder / f"{name.strip('.')}-{number}"
        kept.write_bytes(content)
        kept.with_name(f"{kept.name}.txt").write_text(f"{name}: {type(error).__name__}: {str(error)[:200]} ({kept})")
        return FINDINGS
    return READ


def _watch(child: int, shared: np.ndarray) -> str:
    """Wait for the end of a child; kill it if it has used too much CPU time for an input. Return how it ended."""
    number, used = int(shared[NEXT]), _cpu_seconds(child)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "crashed" if os.waitstatus_to_exitcode(status) else "ended its process"
        if shared[NEXT] != number:
            number, used = int(shared[NEXT]), _cpu_seconds(child)
        elif _cpu_seconds(child) - used > HANGS_AFTER:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "hung"
        time.sleep(0.05)


def _cpu_seconds(process: int) -> float:
    import psutil

    used = psutil.Process(process).cpu_times()
    return used.user + used.system
