"""bakeoff against its peers: images per second of training, measured in turns (the numbers: docs/performance.md).

The same network, data, batch, optimiser and augmentation are trained by bakeoff and by its peers, each in processes
of its own. They take turns: while one trains the others are stopped, and in every round each has one turn, so that
other work on the machine affects all alike. A turn in which other programs took more than a twentieth of a core
is repeated, for a while. Ratios are made within a round; the table has their median and their range.

    benchmarks/make_peers.sh && .venv/bin/python benchmarks/peers.py speed.json
    .venv/bin/python benchmarks/peers_report.py speed.json
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rich_click as click
from peer_protocol import LEAD_IN, Workload
from rich.console import Console
from turns import HERE, PYTHON, Contender, Process, Team

from bakeoff.execution.worker import cores, placement_for
from bakeoff.machine.hardware import has_bf16, processor_name
from bakeoff.machine.processes import SPINS

RUN_EPOCHS = 10
"""Epochs of one run, to state runs per hour."""

LENET = Workload("lenet-afif", 28, 28, 1, 60_000, 128, "adadelta", augmented=False, threads=cores())
WORKLOADS = {
    "lenet": LENET,
    "vgg": replace(LENET, net="vgg-afif"),
    "resnet20": Workload("resnet20v1-keras", 32, 32, 3, 50_000, 128, "adam", augmented=True, threads=cores()),
}


def everywhere(way: str) -> dict[str, str]:
    return dict.fromkeys(WORKLOADS, way)


PEERS = {
    "tutorial": Contender("PyTorch tutorial loop", "peer_tutorial.py", "own", everywhere("0")),
    "tutorial-workers": Contender(
        "PyTorch tutorial loop, loader processes", "peer_tutorial.py", "own", everywhere(str(cores()))
    ),
    "lightning": Contender("Lightning", "peer_lightning.py", "lightning", everywhere("0")),
    "lightning-workers": Contender(
        "Lightning, loader processes", "peer_lightning.py", "lightning", everywhere(str(cores()))
    ),
    "keras": Contender("Keras/TensorFlow, arrays", "peer_keras.py", "keras", {"lenet": "arrays", "vgg": "arrays"}),
    "keras-generator": Contender(
        "Keras/TensorFlow, ImageDataGenerator", "peer_keras.py", "keras", {"resnet20": "ImageDataGenerator"}
    ),
    "keras-tfdata": Contender("Keras/TensorFlow, tf.data", "peer_keras.py", "keras", {"resnet20": "tf.data"}),
}
AS_WORKER = {"GOMP_SPINCOUNT": SPINS}
INSTRUCTIONS = {
    "all": {},
    "avx2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "TF_ENABLE_ONEDNN_OPTS": "0",
    },
}
"""Instruction sets. With AVX2 only, TensorFlow disables oneDNN by itself."""
BAKEOFF = Contender("bakeoff", "peer_bakeoff.py", "own", everywhere(""), AS_WORKER)
IN_BF16 = Contender("bakeoff, bfloat16", "peer_bakeoff.py", "own", everywhere("bf16"), AS_WORKER)
PEAK = Contender("the machine's peak", "peer_peak.py", "own", everywhere(""))


def available(peers: list[str]) -> list[str]:
    """Return the peers whose environments exist, and report the missing ones."""
    missing = sorted({PEERS[p].python for p in peers if not PYTHON[PEERS[p].python].exists()})
    if missing:
        Console(stderr=True).print(f"left out: {', '.join(missing)} (create them with benchmarks/make_peers.sh)")
    return [peer for peer in peers if PEERS[peer].python not in missing]


def measure(
    name: str, peers: list[str], precision: str, instructions: str, rounds: int, seconds: float, patience: float
) -> dict[str, Any]:
    """Return the results of all contenders on one workload, as plain values."""
    workload = replace(WORKLOADS[name], precision=precision)
    console = Console(stderr=True)
    with ExitStack() as stack:

        def start(contender: Contender, threads: int) -> Process:
            way = contender.ways[name]
            console.print(f"[dim]{name}: {contender.title} is starting[/dim]")
            process = Process(contender, replace(workload, threads=threads, way=way), INSTRUCTIONS[instructions])
            stack.callback(process.close)
            return process

        console.print(f"[dim]{name}: bakeoff's steps are profiled[/dim]")
        profiled = bound(replace(workload, threads=cores()), INSTRUCTIONS[instructions])
        grid = placement_for(runs=1_000)
        teams = {"bakeoff": Team("bakeoff, one run", [start(BAKEOFF, cores())])}
        for peer in peers:
            if name in PEERS[peer].ways:
                teams[peer] = Team(PEERS[peer].title, [start(PEERS[peer], cores())])
        workers = [start(BAKEOFF, grid.threads) for _ in range(grid.workers)]
        if precision == "fp32" and instructions == "all" and has_bf16("cpu"):
            teams["bf16"] = Team(IN_BF16.title, [start(IN_BF16, cores())])
        teams["grid"] = Team(f"bakeoff, grid: {grid.workers} × {grid.threads} thread", workers)
        teams["peak"] = Team(PEAK.title, [start(PEAK, cores())])
        counts = {t.processes[0].about.get("parameters") for key, t in teams.items() if key != "peak"}
        assert len(counts) == 1, f"the networks differ: {counts} parameters"
        deadline = time.monotonic() + patience + rounds * len(teams) * seconds * (1 + LEAD_IN)
        for done in range(rounds):
            console.print(f"[dim]{name}: round {done + 1} of {rounds}[/dim]")
            for team in teams.values():
                team.turn(seconds, deadline)
        flops = teams["bakeoff"].processes[0].about["flops"]
        peak = max(teams["peak"].rates) * teams["peak"].processes[0].about["flops"]
        return {
            "workload": asdict(workload),
            "parameters": counts.pop(),
            "flops_per_image": flops,
            "peak_gflops": peak / 1e9,
            "shares": profiled,
            "rows": [
                row(key, team, teams["bakeoff"], flops / peak, workload.images)
                for key, team in teams.items()
                if key != "peak"
            ],
        }


def bound(workload: Workload, limits: dict[str, str]) -> dict[str, float]:
    """Return which shares of bakeoff's training steps its operators take."""
    command = [sys.executable, str(HERE / "peer_bound.py"), json.dumps(asdict(workload))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | AS_WORKER | limits)
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))


def row(key: str, team: Team, ours: Team, share: float, images: int) -> dict[str, Any]:
    """Return one row of the table; `share` is the part of the machine's peak that one image per second uses."""
    ratios = [own / theirs for own, theirs in zip(ours.rates, team.rates, strict=True)]
    return {
        "key": key,
        "title": team.title,
        "version": team.processes[0].about["version"],
        "images_per_second": team.median,
        "rates": team.rates,
        "noisy_turns": team.noisy_turns,
        "of_peak": team.median * share,
        "ratio": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "runs_per_hour": 3600 * team.median / (RUN_EPOCHS * images),
    }


def listed(known: dict[str, Any]) -> Any:
    """Return a click callback that splits and validates a list of names."""

    def split(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:
        names = value.split(",")
        for unknown in set(names) - known.keys():
            raise click.BadParameter(f"{unknown!r}: choose from {', '.join(known)}")
        return names

    return split


@click.command()
@click.option("--workloads", default=",".join(WORKLOADS), show_default=True, callback=listed(WORKLOADS))
@click.option("--peers", default=",".join(PEERS), show_default=True, callback=listed(PEERS))
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", help="Precision of all contenders.")
@click.option(
    "--instructions", type=click.Choice(list(INSTRUCTIONS)), default="all", help="Instruction set for all contenders."
)
@click.option("--rounds", default=5, show_default=True, help="Turns of each contender.")
@click.option("--seconds", default=3.0, show_default=True, help="Timed seconds of a turn.")
@click.option("--patience", default=120.0, show_default=True, help="Seconds per workload for repeating noisy turns.")
@click.argument("output", type=click.Path(path_type=Path))
def main(
    workloads: list[str],
    peers: list[str],
    precision: str,
    instructions: str,
    rounds: int,
    seconds: float,
    patience: float,
    output: Path,
) -> None:
    """Compare the training speed of bakeoff with that of its peers, and write all numbers to the file OUTPUT."""
    if precision == "bf16" and not has_bf16("cpu"):
        Console(stderr=True).print("left out: this processor does not multiply in bfloat16")
        return
    peers = available(peers)
    results = {name: measure(name, peers, precision, instructions, rounds, seconds, patience) for name in workloads}
    about = {
        "day": datetime.now(UTC).date().isoformat(),
        "processor": processor_name(),
        "cores": cores(),
        "python": platform.python_version(),
        "versions": sorted({line["version"] for result in results.values() for line in result["rows"]}),
        "instructions": instructions,
        "precision": precision,
        "rounds": rounds,
        "seconds": seconds,
    }
    output.write_text(json.dumps({"about": about, "workloads": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
