"""Runs contenders in turns: while one trains, the others are stopped."""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
from peer_protocol import Workload

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PYTHON = {name: ROOT / f".venvs/{name}/bin/python" for name in ("keras", "lightning")} | {"own": Path(sys.executable)}
QUIET = 0.05
"""Cores that other programs may use during a valid turn."""
PEEK_SECONDS = 0.3
CLOCK_TICK_SECONDS = 0.01


@dataclass(frozen=True)
class Contender:
    """A contender: its program, environment and input pipeline."""

    title: str
    program: str
    python: str
    ways: dict[str, str]
    """Workload → input pipeline; missing workloads are not run."""
    environment: dict[str, str] = field(default_factory=dict)
    """Environment variables of its processes."""


class Process:
    """A running contender, stopped except during its turns."""

    def __init__(self, contender: Contender, workload: Workload, limits: dict[str, str]) -> None:
        """Start it with the variables common to all contenders, and wait for the end of its warm-up.

        Raises:
            SystemExit: it failed; the message ends with its own.
        """
        command = [str(PYTHON[contender.python]), str(HERE / contender.program), json.dumps(asdict(workload))]
        self.title = contender.title
        self.complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            text=True,
            start_new_session=True,
            env=os.environ | contender.environment | limits,
        )
        self.about = self.read()
        self.send(signal.SIGSTOP)

    def read(self) -> dict[str, Any]:
        """Return the next line of JSON, skipping other output."""
        assert self.popen.stdout
        for line in self.popen.stdout:
            if line.startswith("{"):
                return json.loads(line)
        self.complaints.seek(0)
        raise SystemExit(f"{self.title} ended early:\n{self.complaints.read()[-3000:]}")

    def send(self, number: signal.Signals) -> None:
        """Signal the program and its children."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)

    def go(self, seconds: float) -> None:
        """Begin a turn."""
        assert self.popen.stdin
        self.send(signal.SIGCONT)
        print(f"go {seconds}", file=self.popen.stdin, flush=True)

    def rate(self) -> float:
        """Return the images per second of the turn that just ended."""
        report = self.read()
        self.send(signal.SIGSTOP)
        return report["images"] / report["seconds"]

    def cpu_seconds(self) -> float:
        """Return the processor time that the program and its children have used."""
        program = psutil.Process(self.popen.pid)
        family = [program, *program.children(recursive=True)]
        return sum(sum(p.cpu_times()[:2]) for p in family)

    def close(self) -> None:
        """End it."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGKILL)
        self.popen.wait()


@dataclass
class Team:
    """One contender, or the processes of a grid, with their results per round."""

    title: str
    processes: list[Process]
    rates: list[float] = field(default_factory=list)
    noisy_turns: int = 0
    """Turns that were used although other programs were busy, because time ran out."""

    def turn(self, seconds: float, deadline: float) -> None:
        """Train for one undisturbed turn, waiting for it as long as time permits."""
        while True:
            wait_for_quiet(deadline)
            others = -busy_seconds() + sum(p.cpu_seconds() for p in self.processes)
            start = time.monotonic()
            for process in self.processes:
                process.go(seconds)
            rate = sum(process.rate() for process in self.processes)
            others += busy_seconds() - sum(p.cpu_seconds() for p in self.processes)
            noisy = others > QUIET * (time.monotonic() - start)
            if not noisy or time.monotonic() > deadline:
                break
        self.noisy_turns += noisy
        self.rates.append(rate)

    @property
    def median(self) -> float:
        return statistics.median(self.rates)


def busy_seconds() -> float:
    """Return the processor time that all programs of the machine have used."""
    times = psutil.cpu_times()
    return times.user + times.system + getattr(times, "nice", 0.0)


def wait_for_quiet(deadline: float) -> None:
    """Wait until no other program is busy, or until the deadline."""
    while time.monotonic() < deadline:
        before = busy_seconds()
        time.sleep(PEEK_SECONDS)
        if busy_seconds() - before <= QUIET * PEEK_SECONDS + CLOCK_TICK_SECONDS:
            return
