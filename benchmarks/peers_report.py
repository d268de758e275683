"""Writes what benchmarks/peers.py measured as one table.

    python benchmarks/peers_report.py benchmarks/measured/speed*.json --into docs/performance.md

The first file is that of the table; others of the same processor, with fewer instructions or another precision, add a
column each.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from blocks import write_block

TITLES = {"lenet": "LeNet-5", "vgg": "VGG-like", "resnet20": "ResNet20 with shift and flip"}
OURS = {
    "bakeoff": "bakeoff",
    "bf16": "bakeoff, `--precision bf16`",
}
Measured = dict[str, Any]


def spread(row: dict[str, Any]) -> str:
    """Return how many times as fast as a contender bakeoff is, with the range over the rounds."""
    return f"{row['ratio']:.2f}× ({row['ratio_low']:.2f}–{row['ratio_high']:.2f})"


def find_row(measured: Measured, workload: str, key: str) -> dict[str, Any] | None:
    rows = measured["workloads"].get(workload, {}).get("rows", ())
    return next((row for row in rows if row["key"] == key), None)


def column_title(measured: Measured) -> str:
    """Return what a further measurement is of."""
    about = measured["about"]
    parts = ["with AVX2 only"] * (about["instructions"] == "avx2") + ["all in bfloat16"] * (
        about["precision"] == "bf16"
    )
    return ", ".join(parts) or "again"


def further_cell(row: dict[str, Any]) -> str:
    """Return the cell of a further measurement."""
    return f"{row['images_per_second']:,.0f} images/s" if row["key"] == "bakeoff" else spread(row)


def table(first: Measured, *others: Measured) -> list[str]:
    """Return the table, as lines of Markdown."""
    head = ["", "images/s", "of peak", "runs per hour, one at a time", "in a study", "bakeoff is … as fast"]
    head += [column_title(other) for other in others]
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for workload, result in first["workloads"].items():
        lines.append(f"| **{TITLES[workload]}** |{' |' * (len(head) - 1)}")
        grid = find_row(first, workload, "grid")
        for row in result["rows"]:
            if row["key"] == "grid":
                continue
            own, per_hour = row["key"] in OURS, f"{row['runs_per_hour']:.3g}"
            study = grid["runs_per_hour"] if grid and row["key"] == "bakeoff" else None
            cells = [
                OURS.get(row["key"], row["title"]),
                f"{row['images_per_second']:,.0f}",
                f"{row['of_peak']:.0%}",
                per_hour,
                f"{study:.3g}" if study else "" if own else per_hour,
                "" if own else spread(row),
            ]
            further = (find_row(other, workload, row["key"]) for other in others)
            cells += [further_cell(found) if found else "" for found in further]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def limits(first: Measured) -> list[str]:
    """Return what bounds each network, as a list of Markdown."""
    lines = []
    for workload, result in first["workloads"].items():
        parts, row = result["shares"], find_row(first, workload, "bakeoff")
        assert row is not None
        rest = "" if parts["normalisation"] < 0.01 else f", batch normalisation {parts['normalisation']:.0%}"
        lines.append(
            f"- {TITLES[workload]} ({result['parameters']:,} parameters, {result['flops_per_image'] / 1e6:.3g} MFLOPs "
            f"to train on an image): convolutions and matrix products take {parts['products']:.0%} of a step, at "
            f"{row['of_peak'] / parts['products']:.0%} of the peak{rest}. If all else took no time, it would train "
            f"{row['images_per_second'] / parts['products']:,.0f} images/s; at the peak, "
            f"{row['images_per_second'] / row['of_peak']:,.0f}."
        )
    return lines


def facts(measured: Measured) -> str:
    """Return where and how it was measured."""
    about = measured["about"]
    turns = [row for result in measured["workloads"].values() for row in result["rows"]]
    noisy, every = sum(row["noisy_turns"] for row in turns), sum(len(row["rates"]) for row in turns)
    peaks = [result["peak_gflops"] for result in measured["workloads"].values()]
    return (
        f"{about['processor']}, {about['cores']} cores, peak {min(peaks):.0f} to {max(peaks):.0f} GFLOP/s; Python "
        f"{about['python']}, {'; '.join(about['versions'])}; {about['day']}. Medians and ranges of {about['rounds']} "
        f"turns of {about['seconds']:g} s; in {noisy} of {every} turns, other programs used more than a twentieth of a "
        "core."
    )


def report(first: Measured, *others: Measured) -> str:
    """Return the text for the page."""
    return "\n".join([*table(first, *others), "", facts(first), "", *limits(first)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--into", type=Path, help="Write it into this page instead of printing it.")
    given = parser.parse_args()
    first, *others = (json.loads(file.read_text()) for file in given.files if file.exists())
    same = [other for other in others if other["about"]["processor"] == first["about"]["processor"]]
    text = report(first, *same)
    if given.into:
        write_block(given.into, "peers", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
