"""Findings about the conditions of a run: its network, its images, its machine. No torch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bakeoff.analysis.audit.finding import Finding, Numbers, Severity, about, make_finding, percent_of
from bakeoff.analysis.cells import Cell
from bakeoff.analysis.machine_load import distinct_environments, epoch_speeds, is_uneven, waited
from bakeoff.analysis.snapshot import Snapshot
from bakeoff.analysis.timing import MACHINE, unlike_speeds
from bakeoff.data.kinds import NOT_AN_IMAGE
from bakeoff.data.skipped import count_reasons, format_reasons
from bakeoff.spec.data import data_label
from bakeoff.text.formats import counted, listing

UNEVEN = 2
"""How many times as many images as the smallest fold the largest may have."""
MANY = 0.01
"""Share of the images that could not be read."""


def unreadable(snapshot: Snapshot) -> Iterator[Finding]:
    """A run is damaged in the store, or was written by a newer version: its number is missing."""
    advice = {
        "damaged": "Remove it with `bakeoff forget --state damaged`, then repeat the command that trained it.",
        "newer": "Read the store with the version that wrote it, or a newer one.",
    }
    for run in snapshot.unreadable:
        data = data_label(run.data)
        name = f"{run.net} on {data}, seed {run.seed}" if run.net else f"Run {run.id}"
        yield Finding(
            kind="unreadable",
            severity="caution",
            message=f"{name}: {run.reason}.",
            advice=advice[run.state],
            data=data,
            recipe=run.recipe,
            nets=(run.net,),
            runs=(run.id,),
            evidence=({"seed": "" if run.seed is None else run.seed, "state": run.state},),
        )


def loaded_machine(snapshot: Snapshot) -> Iterator[Finding]:
    """Training waited for a CPU, or the speed of a network's epochs on one machine varied a lot."""
    advice = "Do not compare its seconds; time it again on an idle machine."
    for cell in (cell for table in snapshot.tables for cell in table):
        late = [(result, numbers) for result in cell.finished if (numbers := waited(result)) is not None]
        if late:
            numbers = late[0][1]
            share = percent_of(numbers, "share_waited")
            waited_for = f"it waited for a CPU in {share} of its training time"
            if numbers["share_waited"] >= 1:
                waited_for = "its threads together waited for a CPU for as long as it trained, or longer"
            message = (
                f"{about(cell, [result for result, _ in late])} {waited_for}; other work used "
                f"{numbers['others']:.1f} of the machine's {numbers['cores']:.0f} on average."
            )
            evidence = tuple({"seed": result.run.seed, **numbers} for result, numbers in late)
            touched = [result for result, _ in late]
            yield make_finding("loaded-machine", "note", message, advice, [cell], evidence, touched)
            continue
        speeds = epoch_speeds(cell)
        if is_uneven(speeds):
            message = (
                f"{cell.label} on {cell.data}: on one machine its epochs ran at {min(speeds):,.0f} to "
                f"{max(speeds):,.0f} images a second: the machine had other work."
            )
            spread = {"slowest": min(speeds), "fastest": max(speeds), "ratio": max(speeds) / min(speeds)}
            yield make_finding("loaded-machine", "note", message, advice, [cell], (spread,))


def speeds_differ(snapshot: Snapshot) -> Iterator[Finding]:
    """The same machine was faster while one network of a table trained than while another did."""
    advice = "Do not compare their seconds: use calibrated ones, or measure again with --timing exclusive."
    for table in snapshot.tables:
        cells = [cell for cell in table if cell.finished]
        results = [result for cell in cells for result in cell.finished]
        places = {tuple(r.conditions(name) for name in MACHINE) for r in distinct_environments(results)}
        speeds = unlike_speeds(cells) if len(places) == 1 else None
        if speeds:
            low, high = speeds
            message = (
                f"On {cells[0].where}, the machine computed convolutions at {low / 1e9:,.0f} GFLOP/s beside one "
                f"network and at {high / 1e9:,.0f} GFLOP/s beside another."
            )
            numbers = {"slowest_flops_per_second": low, "fastest_flops_per_second": high, "ratio": high / low}
            yield make_finding("speeds-differ", "note", message, advice, cells, (numbers,))


def parameters_depart(snapshot: Snapshot) -> Iterator[Finding]:
    """The number of parameters differs from the published one, or between runs of the same network."""
    advice = (
        "Its code or input differs from what its name says: compare `bakeoff show NET` with the source, layer by layer."
    )
    sizes: dict[tuple[str, ...], dict[float, Cell]] = {}
    for cell in snapshot.cells:
        for result in cell.finished[:1]:
            run = result.run
            for measure in ("parameters", "trainable_parameters"):
                printed = snapshot.references.get((run.net, run.data, run.recipe.name, measure))
                counted = result.measures.get(measure)
                if printed is not None and counted is not None and printed != counted:
                    message = (
                        f"{run.net} on {cell.data} has {counted:,.0f} {measure.replace('_', ' ')}; "
                        f"{run.recipe.name} printed {printed:,.0f}."
                    )
                    numbers = {"measure": measure, "counted": counted, "published": printed}
                    yield make_finding("parameters-depart", "serious", message, advice, [cell], (numbers,))
        for result in cell.finished:
            if (count := result.measures.get("parameters")) is not None:
                key = (cell.net, result.run.data_hash, str(result.run.recipe.image))
                sizes.setdefault(key, {}).setdefault(count, cell)
    for counts in sizes.values():
        if len(counts) > 1:
            touched = list({id(cell): cell for cell in counts.values()}.values())
            text = listing([f"{count:,.0f}" for count in sorted(counts)])
            message = f"{touched[0].net} on {touched[0].data} has {text} parameters in different runs."
            numbers = {"least": min(counts), "most": max(counts)}
            yield make_finding("parameters-depart", "serious", message, advice, touched, (numbers,))


def shapes_depart(snapshot: Snapshot) -> Iterator[Finding]:
    """Feature maps grow in one direction between layers, as they never do when concatenated along the channels."""
    advice = (
        "Its branches are concatenated along the image, not along the channels: axis 1 of (N, C, H, W), the last of "
        "(N, H, W, C). Its accuracy and its time are those of a different network from the one it is named after."
    )
    for cell in snapshot.cells:
        layers = next((result.layers for result in cell.finished if result.layers), ())
        grown = grown_maps(layers)
        if grown:
            first, last = grown[0], grown[-1]
            message = (
                f"{cell.label} on {cell.data}: layer {first['layer']} ({first['type']}) gets maps of {first['side']} "
                f"pixels in {first['axis']} and {first['across']} across, but no earlier layer had more than "
                f"{first['before']}"
                + (f"; this happens in {len(grown)} places, up to {last['side']}." if len(grown) > 1 else ".")
            )
            yield make_finding("shapes-depart", "serious", message, advice, [cell], tuple(grown))


def grown_maps(layers: Sequence[Mapping[str, Any]]) -> list[Numbers]:
    """Return where a layer gets maps that are longer in one direction than any earlier ones of the same width.

    A layer may enlarge its input. Between two layers, maps are only concatenated, added, padded or interpolated, and
    the last two enlarge both directions.
    """
    longest: dict[str, dict[int, int]] = {"height": {}, "width": {}}
    found: list[Numbers] = []
    for layer in layers:
        for shape in (layer["input"], layer["output"]):
            if len(shape) != 3:
                continue
            _, height, width = shape
            for axis, side, across in (("height", height, width), ("width", width, height)):
                before = longest[axis].get(across, side)
                if shape is layer["input"] and side > before and across > 1:
                    place = {"layer": layer["name"], "type": layer["type"], "axis": axis}
                    found.append({**place, "side": side, "across": across, "before": before})
                longest[axis][across] = max(before, side)
    return found


def files_left_out(snapshot: Snapshot) -> Iterator[Finding]:
    """Files of an image folder were not used because they cannot be read or are not images."""
    advice = (
        "`bakeoff data folder:PATH` lists them: convert or repair those that should be used, and remove the others."
    )
    for data_hash, facts in snapshot.facts.items():
        touched = snapshot.by_data.get(data_hash)
        counts = facts.get("left_out") or count_reasons(facts.get("skipped", ()))
        if not touched or not counts:
            continue
        used = sum(int(facts.get(f"{split}_images", 0)) for split in ("train", "validation", "test"))
        unread = sum(count for reason, count in counts.items() if not reason.startswith(NOT_AN_IMAGE))
        used_images = counted(used, "image was", "images were")
        message = f"Of {touched[0].data}, {used_images} used; left out: {format_reasons(counts)}."
        severity: Severity = "caution" if unread > MANY * used else "note"
        numbers = {"used": used, **counts}
        yield replace(make_finding("files-left-out", severity, message, advice, touched, (numbers,)), recipe="")


def uneven_folds(snapshot: Snapshot) -> Iterator[Finding]:
    """The folds of a cross-validation have very different numbers of images; intervals over folds assume equal ones."""
    advice = "Use fewer folds, or leave the largest group out: its images are all in one fold."
    for table in {table[0].finished[0].run.data_hash: table for table in snapshot.tables}.values():
        sizes = table[0].fold_sizes
        if sizes and max(sizes) > UNEVEN * min(sizes):
            message = (
                f"On {table[0].data}, folds have {min(sizes):,} to {max(sizes):,} images, but intervals and p values "
                "over folds assume equal sizes."
            )
            numbers: Numbers = {"folds": len(sizes), "smallest": min(sizes), "largest": max(sizes)}
            yield replace(make_finding("uneven-folds", "caution", message, advice, table, (numbers,)), recipe="")
