"""bakeoff against its peers: images per second of training, measured in turns (the numbers: docs/performance.md).

The same network, data, batch, optimiser and augmentation are trained by bakeoff and by its peers, each in processes
of its own. They take turns: while one trains the others are stopped, and in every round each has one turn, so that
other work on the machine affects all alike. A turn in which other programs took more than a twentieth of a core
is repeated, for a while. Ratios are made within a round; the table has their median and their range.

    benchmarks/make_peers.sh && .venv/bin/python benchmarks/peers.py --json peers.json --markdown peers.md
"""

import json
import platform
import statistics
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import rich_click as click
from peer_protocol import LEAD_IN, Workload
from rich.console import Console
from rich.table import Table
from turns import PYTHON, Contender, Process, Team

from bakeoff.execution.worker import cores, placement_for
from bakeoff.machine.hardware import has_bf16, processor_name
from bakeoff.machine.processes import SPINS

STUDY_EPOCHS = 10
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
            "rows": [
                row(key, team, teams["bakeoff"], flops / peak, workload.images)
                for key, team in teams.items()
                if key != "peak"
            ],
        }


def row(key: str, team: Team, ours: Team, share: float, images: int) -> dict[str, Any]:
    """Return one row of the table; `share` is the part of the machine's peak that one image per second uses."""
    ratios = [own / theirs for own, theirs in zip(ours.rates, team.rates, strict=True)]
    if key in BESIDE:
        ratios = [1 / ratio for ratio in ratios]
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
        "runs_per_hour": 3600 * team.median / (STUDY_EPOCHS * images),
    }


BESIDE = {"grid": "grid / one run", "bf16": "bf16 / fp32"}
"""Rows of bakeoff itself, with the inverse ratio to its single run."""
HEADINGS = ("", "images/s", "of peak", "bakeoff is faster by", f"runs of {STUDY_EPOCHS} epochs per hour")


def cells(line: dict[str, Any]) -> tuple[str, ...]:
    """Return one line of the table as text."""
    spread = f"{line['ratio']:.2f}× ({line['ratio_low']:.2f}–{line['ratio_high']:.2f})"
    ratio = {"bakeoff": "", **{key: f"{what}: {spread}" for key, what in BESIDE.items()}}.get(line["key"], spread)
    return (
        line["title"],
        f"{line['images_per_second']:,.0f}",
        f"{line['of_peak']:.0%}",
        ratio,
        f"{line['runs_per_hour']:.3g}",
    )


def heading(name: str, result: dict[str, Any]) -> str:
    """Return the description of a workload."""
    w = result["workload"]
    changes = ", shift 10 % and flip" if w["augmented"] else ""
    return (
        f"{w['net']}, {w['height']}×{w['width']}×{w['channels']}, {w['optimizer']}, batch {w['batch_size']}{changes}"
        f"{', all in bfloat16' if w['precision'] == 'bf16' else ''}: "
        f"{result['parameters']:,} parameters, {result['flops_per_image'] / 1e6:.3g} MFLOPs per image, "
        f"peak {result['peak_gflops']:.0f} GFLOP/s{noise(result)}"
    )


def noise(result: dict[str, Any]) -> str:
    """Return a note on disturbed turns, if any."""
    noisy, turns = (
        sum(count) for count in zip(*((r["noisy_turns"], len(r["rates"])) for r in result["rows"]), strict=True)
    )
    return f"; in {noisy} of {turns} turns other programs were at work" if noisy else ""


def show(name: str, result: dict[str, Any]) -> None:
    """Print one workload's table."""
    table = Table(title=heading(name, result), title_justify="left")
    for index, text in enumerate(HEADINGS):
        table.add_column(text, justify="right" if index else "left")
    for line in result["rows"]:
        table.add_row(*cells(line))
    Console().print(table)


def to_markdown(results: dict[str, Any], about: str) -> str:
    """Return all tables for docs/performance.md."""
    parts = [about]
    for name, result in results.items():
        lines = [HEADINGS, ("---", *["---:"] * (len(HEADINGS) - 1)), *map(cells, result["rows"])]
        parts.append(heading(name, result) + "\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts) + "\n"


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
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all numbers to this file.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the tables to this file.")
def main(
    workloads: list[str],
    peers: list[str],
    precision: str,
    instructions: str,
    rounds: int,
    seconds: float,
    patience: float,
    json_file: Path | None,
    markdown: Path | None,
) -> None:
    """Compare the training speed of bakeoff with that of its peers."""
    peers = available(peers)
    results: dict[str, Any] = {}
    for name in workloads:
        results[name] = measure(name, peers, precision, instructions, rounds, seconds, patience)
        show(name, results[name])
    versions = sorted({line["version"] for result in results.values() for line in result["rows"]})
    about = (
        f"{processor_name()}, {cores()} cores, Python {platform.python_version()}, {'; '.join(versions)}; "
        f"medians of {rounds} interleaved turns of {seconds:g} s{'' if instructions == 'all' else ', with AVX2 alone'}."
    )
    Console().print(about)
    if json_file:
        json_file.write_text(json.dumps({"about": about, "workloads": results}, indent=1))
    if markdown:
        markdown.write_text(to_markdown(results, about))


if __name__ == "__main__":
    main()
