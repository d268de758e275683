"""Findings in what a number was made with: its network, its images, its machine. No torch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bakeoff.analysis.audit.finding import Finding, Material, Numbers, Severity, about, of_cells, percent_of
from bakeoff.analysis.ranking import Cell
from bakeoff.data.tree import count_reasons, tell_reasons
from bakeoff.spec.data import data_label
from bakeoff.spec.records import Result
from bakeoff.text.formats import counted, listing, percent

LOADED = 1.5
"""The quickest epoch of a cell is this many times as fast as the slowest."""
WAITED = 0.1
"""Share of the training time in which a run's threads waited for a CPU."""
MANY = 0.01
"""Share of the test images that were among the training images."""
SOME = 0.001


def unreadable(material: Material) -> Iterator[Finding]:
    """A run is damaged in the store, or was written by a newer version: its number is missing."""
    advice = {
        "damaged": "`bakeoff forget --state damaged` removes it; the command that trained it then trains it anew.",
        "newer": "Read the store with the version that wrote it, or a newer one.",
    }
    for run in material.unreadable:
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


def loaded_machine(material: Material) -> Iterator[Finding]:
    """Training waited for a processor, or epochs of a network on one machine took very unequal times."""
    advice = "Do not compare its seconds; time it again on an idle machine."
    for cell in (cell for table in material.tables for cell in table):
        waited = [(result, numbers) for result in cell.finished if (numbers := _waited(result)) is not None]
        if waited:
            numbers = waited[0][1]
            message = (
                f"{about(cell, [result for result, _ in waited])} it waited for a CPU in "
                f"{percent_of(numbers, 'share_waited')} of its training time; other work used "
                f"{numbers['others']:.1f} of the machine's {numbers['cores']:.0f} on average."
            )
            evidence = tuple({"seed": result.run.seed, **numbers} for result, numbers in waited)
            touched = [result for result, _ in waited]
            yield of_cells("loaded-machine", "note", message, advice, [cell], evidence, touched)
            continue
        speeds = [
            epoch.images_per_second
            for result in cell.finished
            if _place(result) == _place(cell.finished[0])
            for epoch in result.epochs[1:]  # the first warms up
            if epoch.images_per_second > 0
        ]
        if len(speeds) > 1 and max(speeds) >= LOADED * min(speeds):
            message = (
                f"{cell.net} on {cell.data}: on one machine its epochs ran at {min(speeds):,.0f} to {max(speeds):,.0f} "
                "images a second: the machine had other work."
            )
            spread = {"slowest": min(speeds), "fastest": max(speeds), "ratio": max(speeds) / min(speeds)}
            yield of_cells("loaded-machine", "note", message, advice, [cell], (spread,))


def _waited(result: Result) -> dict[str, float] | None:
    """Return how far a run had to share the processors, None if it did not or its machine does not tell."""
    waiting, others = (result.measures.get(f"{name}_seconds") for name in ("waiting", "other_processor"))
    seconds = result.measures.get("train_seconds", 0.0)
    if waiting is None or others is None or seconds <= 0:
        return None
    share = waiting / seconds / result.environment.get("threads", 1)
    if share < WAITED:
        return None
    return {"share_waited": share, "others": others / seconds, "cores": float(result.environment.get("cores", 1))}


def _place(result: Result) -> tuple[object, ...]:
    return tuple(result.conditions(name) for name in ("processor", "device", "gpu", "threads", "cores"))


def parameters_depart(material: Material) -> Iterator[Finding]:
    """A network has another number of parameters than its study printed, or than itself in another run."""
    advice = (
        "Its code or its input is not what its name says: compare `bakeoff show NET` with the source, layer by layer."
    )
    sizes: dict[tuple[str, ...], dict[float, Cell]] = {}
    for cell in material.cells:
        for result in cell.finished[:1]:
            run = result.run
            for measure in ("parameters", "trainable_parameters"):
                printed = material.references.get((run.net, run.data, run.recipe.name, measure))
                counted = result.measures.get(measure)
                if printed is not None and counted is not None and printed != counted:
                    message = (
                        f"{run.net} on {cell.data} has {counted:,.0f} {measure.replace('_', ' ')}; "
                        f"{run.recipe.name} printed {printed:,.0f}."
                    )
                    numbers = {"measure": measure, "counted": counted, "published": printed}
                    yield of_cells("parameters-depart", "serious", message, advice, [cell], (numbers,))
        for result in cell.finished:
            if (count := result.measures.get("parameters")) is not None:
                key = (cell.net, result.run.data_hash, str(result.run.recipe.image))
                sizes.setdefault(key, {}).setdefault(count, cell)
    for counts in sizes.values():
        if len(counts) > 1:
            touched = list({id(cell): cell for cell in counts.values()}.values())
            told = listing([f"{count:,.0f}" for count in sorted(counts)])
            message = f"{touched[0].net} on {touched[0].data} has {told} parameters in different runs."
            numbers = {"least": min(counts), "most": max(counts)}
            yield of_cells("parameters-depart", "serious", message, advice, touched, (numbers,))


def shapes_depart(material: Material) -> Iterator[Finding]:
    """Maps grow in one direction between layers, which joining branches along the channels never does."""
    advice = (
        "Its branches are joined along the image, not along the channels: axis 1 of (N, C, H, W), the last of "
        "(N, H, W, C). Take its accuracy, and its time above all, for those of another network than its name says."
    )
    for cell in material.cells:
        layers = next((result.layers for result in cell.finished if result.layers), ())
        grown = grown_maps(layers)
        if grown:
            first, last = grown[0], grown[-1]
            message = (
                f"{cell.net} on {cell.data}: layer {first['layer']} ({first['type']}) is given maps {first['side']} "
                f"pixels in {first['axis']} and {first['across']} across, where no layer before had more than "
                f"{first['before']}"
                + (f"; it goes on so in {len(grown)} places, up to {last['side']}." if len(grown) > 1 else ".")
            )
            yield of_cells("shapes-depart", "serious", message, advice, [cell], tuple(grown))


def grown_maps(layers: Sequence[Mapping[str, Any]]) -> list[Numbers]:
    """Return where a layer is given maps longer in one direction than any before them that were as wide across.

    A layer may enlarge what it is given; between two layers there is nothing but joining, adding, padding and
    interpolating, and the last two enlarge both directions.
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


def duplicates(material: Material) -> Iterator[Finding]:
    """Test images are among the training images too; and identical images carry different labels."""
    for data_hash, facts in material.facts.items():
        touched = [cell for cell in material.cells if cell.finished and cell.finished[0].run.data_hash == data_hash]
        twice = facts.get("duplicates")
        if not touched or not twice:
            continue
        if twice["known"]:
            yield replace(_known(material, touched, np.array(twice["known"])), recipe="")
        if twice["conflicting"]:
            groups = counted(twice["conflicting"], "group of identical images has", "groups of identical images have")
            message = f"On {touched[0].data}, {groups} different labels."
            advice = "At most one label of each can be right: `bakeoff data NAME` shows some. Remove or correct them."
            numbers = {"conflicting": twice["conflicting"]}
            yield replace(of_cells("duplicates", "note", message, advice, touched, (numbers,)), recipe="")


def files_left_out(material: Material) -> Iterator[Finding]:
    """Files of an image folder were not used: what cannot be read, or is no image."""
    advice = "`bakeoff data folder:PATH` lists them: convert, repair or remove what should have been used."
    for data_hash, facts in material.facts.items():
        touched = [cell for cell in material.cells if cell.finished and cell.finished[0].run.data_hash == data_hash]
        counts = facts.get("left_out") or count_reasons(facts.get("skipped", ()))
        if not touched or not counts:
            continue
        used = sum(int(facts.get(f"{split}_images", 0)) for split in ("train", "validation", "test"))
        unread = sum(count for reason, count in counts.items() if not reason.startswith("no image ("))
        message = (
            f"Of {touched[0].data}, {counted(used, 'image was', 'images were')} used; left out: {tell_reasons(counts)}."
        )
        severity: Severity = "caution" if unread > MANY * used else "note"
        numbers = {"used": used, **counts}
        yield replace(of_cells("files-left-out", severity, message, advice, touched, (numbers,)), recipe="")


def _known(material: Material, touched: Sequence[Cell], known: np.ndarray) -> Finding:
    runs = [run for cell in touched for run in material.runs(cell)]
    images = len(runs[0].labels)
    share = len(known) / images
    evidence: list[Numbers] = []
    for run in runs:
        right = run.predicted == run.labels
        numbers: dict[str, float | int | str] = {"net": run.result.run.net, "seed": run.result.run.seed}
        numbers |= {"known": len(known), "test_images": images, "share": share, "accuracy": run.accuracy}
        if len(known) < images:
            numbers["accuracy_without"] = float(np.delete(right, known).mean())
        evidence.append(numbers)
    best = max(evidence, key=lambda numbers: numbers["accuracy"])
    told = (
        f": {best['net']} has {percent_of(best, 'accuracy')} with them, {percent_of(best, 'accuracy_without')} without"
        if "accuracy_without" in best
        else ""
    )
    message = (
        f"On {touched[0].data}, {len(known):,} of the {images:,} test images ({percent(share, 2)}) are, pixel by "
        f"pixel, among the training images too{told}."
    )
    severity: Severity = "serious" if share >= MANY else "caution" if share >= SOME else "note"
    advice = "Remove them from the test images, or from the training images, and train again."
    return of_cells("duplicates", severity, message, advice, touched, tuple(evidence))
