"""What `bakeoff data NAME` prints."""

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from bakeoff.cli.tables import print_table
from bakeoff.console.folders import describe_image_setting, describe_sizes
from bakeoff.console.terminal import Console, echo_json, escape
from bakeoff.data.nesting import describe_nesting
from bakeoff.data.properties import LABELS, format_property
from bakeoff.data.skipped import format_reasons
from bakeoff.data.source_name import CSV, HUB, NPZ
from bakeoff.spec.values import to_dict
from bakeoff.text.formats import counted, percent

if TYPE_CHECKING:
    from bakeoff.data.describe import Description
    from bakeoff.spec.recipe import Image

SHOWN_CLASSES = 30
SHOWN_FILES = 10
SHOWN_COPIES = 5
CORRECTIONS = {
    CSV: "others: csv:FILE?path=COLUMN&label=COLUMN&split=COLUMN&group=COLUMN&images=FOLDER",
    NPZ: "others: npz:FILE?images=KEY&labels=KEY&group=KEY",
    HUB: "others: hf:ORG/NAME?image=COLUMN&label=COLUMN&group=COLUMN",
}
"""Kind of data set → how to name the columns or arrays that were guessed."""


def print_description(description: "Description", as_json: bool) -> None:
    """Print the facts of a data set for people, or all of them as JSON."""
    if as_json:
        return echo_json(to_dict(description))
    console = Console(highlight=False)
    splits = description.splits
    console.print(f"[bold]{escape(description.name)}[/]  {description.shape}, {len(description.classes)} classes")
    for what in ("source", "licence", "citation"):
        if text := getattr(description, what):
            console.print(f"{what}: {escape(text)}", style="dim")
    if description.reading:
        correction = next((text for kind, text in CORRECTIONS.items() if description.name.startswith(kind)), "")
        console.print(f"{escape(description.reading)}{'; ' * bool(correction)}{correction}")
    print_table(console, _class_table(description))
    for name, split in splits.items():
        mean, std = (", ".join(f"{value:.4f}" for value in values) for values in (split.mean, split.std))
        console.print(f"{name}: {counted(split.images, 'image')}, mean {mean}, standard deviation {std} (pixels 0–1)")
    if description.image:
        _print_sizes(description, description.image, console)
    _print_duplicates(description, console)
    _print_twins(description, console)
    _print_groups(description, console)
    known = to_dict(description.properties, full=True)
    parts = [f"{text} {format_property(name, known[name])}" for name, text in LABELS.items()]
    console.print(f"properties: {', '.join(parts)}", markup=False)
    if description.nesting:
        console.print(f"[yellow]note:[/] {escape(describe_nesting(description.nesting))}")
    if description.skipped:
        console.print(f"[yellow]left out:[/] {escape(format_reasons(description.left_out))}")
        for path, reason in description.skipped[:SHOWN_FILES]:
            console.print(f"  {escape(f'{path}: {reason}')}")
        if (more := len(description.skipped) - SHOWN_FILES) > 0:
            console.print(f"  and {more:,} more: --json has them all")
    console.print(f"content hash {description.content_hash}", style="dim")
    return None


def _print_sizes(description: "Description", image: "Image", console: Console) -> None:
    how = describe_image_setting(image, description.sizes)
    console.print(describe_sizes(description.sizes))
    console.print(f"described as recipe quick trains on them: {how}")
    if how != "as they are":
        console.print(
            "other sizes: --size 96; other fits: --set image.fit=pad or stretch with [bold]bakeoff run[/]",
            style="dim",
        )
    if depth := description.depth:
        console.print(f"in files with more than 8 bits values from {depth.black:,} to {depth.white:,} become 0 to 255")


def _class_table(description: "Description") -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("class", overflow="fold")
    for name in description.splits:
        table.add_column(name, justify="right")
    table.add_column("share of train")
    train = description.splits["train"]
    largest = max(train.per_class.values())
    for label in description.classes[:SHOWN_CLASSES]:
        counts = [f"{split.per_class[label]:,}" for split in description.splits.values()]
        share = train.per_class[label] / train.images
        bar = "█" * max(1, round(20 * train.per_class[label] / largest))
        table.add_row(escape(label), *counts, f"{bar} {percent(share, 1)}")
    if len(description.classes) > SHOWN_CLASSES:
        table.caption = f"{counted(len(description.classes) - SHOWN_CLASSES, 'more class', 'more classes')}: see --json"
    return table


def _print_twins(description: "Description", console: Console) -> None:
    twins = description.twins
    found = [f"{count:,} across {name}" for name, count in twins.across.items() if count]
    found += [f"{count:,} within {name} with different labels" for name, count in twins.within.items() if count]
    if not found:
        return console.print("no image is nearly the same as one of another split or label")
    console.print(f"[yellow]nearly identical images:[/] {', '.join(found)}")
    if twins.conflicting:
        images = counted(twins.conflicting, "image is", "images are")
        console.print(f"[yellow]{images} nearly identical to one with another label[/]")
    for pair in twins.examples[:SHOWN_COPIES]:
        console.print(f"  {escape(f'{pair.first}, {pair.second}')}: correlation {pair.correlation:.3f}")
    return None


def _print_groups(description: "Description", console: Console) -> None:
    groups = description.groups
    if groups is None:
        return
    named = f"the largest, {escape(groups.largest_name)}, has {counted(groups.largest, 'image')}"
    console.print(f"groups: {groups.groups:,}; {named}")
    for pair, count in groups.across.items():
        if count:
            have = "group has" if count == 1 else "groups have"
            console.print(f"[yellow]{count:,} {have} images in both {' and '.join(pair.split('-'))}[/]")


def _print_duplicates(description: "Description", console: Console) -> None:
    duplicates = description.duplicates
    how = describe_image_setting(description.image, description.sizes) if description.image else ""
    compared = f" (compared pixel by pixel {how})" if how.startswith("at") else ""
    found = [f"{count:,} within {name}" for name, count in duplicates.within.items() if count]
    found += [f"{count:,} across {name}" for name, count in duplicates.across.items() if count]
    if not found:
        return console.print(f"no image occurs twice{compared}")
    console.print(f"[yellow]identical images{compared}:[/] {', '.join(found)}")
    if duplicates.conflicting:
        groups = counted(duplicates.conflicting, "group of identical images has", "groups of identical images have")
        console.print(f"[yellow]{groups} different labels[/]")
    for group in duplicates.examples[:3]:
        places = ", ".join(f"{p.file or f'{p.split} {p.index}'} ({p.label})" for p in group[:SHOWN_COPIES])
        more = f" and {len(group) - SHOWN_COPIES:,} more" if len(group) > SHOWN_COPIES else ""
        console.print(f"  {escape(places)}{more}")
    return None
