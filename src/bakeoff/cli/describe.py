"""What `bakeoff data NAME` prints."""

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from bakeoff.cli.tables import print_table
from bakeoff.console.terminal import Console, echo_json, escape
from bakeoff.data.nesting import tell_nesting
from bakeoff.data.properties import LABELS, tell_property
from bakeoff.data.tree import tell_reasons
from bakeoff.spec.values import to_dict
from bakeoff.text.formats import counted, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakeoff.data.describe import Description
    from bakeoff.spec.recipe import Image

SHOWN_CLASSES = 30
SHOWN_FILES = 10
SHOWN_COPIES = 5


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
    print_table(console, _class_table(description))
    for name, split in splits.items():
        mean, std = (", ".join(f"{value:.4f}" for value in values) for values in (split.mean, split.std))
        console.print(f"{name}: {counted(split.images, 'image')}, mean {mean}, standard deviation {std} (pixels 0–1)")
    if description.image:
        _print_sizes(description, description.image, console)
    _print_duplicates(description, console)
    known = to_dict(description.properties, full=True)
    told = [f"{text} {tell_property(name, known[name])}" for name, text in LABELS.items()]
    console.print(f"properties: {', '.join(told)}", markup=False)
    if description.nesting:
        console.print(f"[yellow]note:[/] {escape(tell_nesting(description.nesting))}")
    if description.skipped:
        console.print(f"[yellow]left out:[/] {escape(tell_reasons(description.left_out))}")
        for path, reason in description.skipped[:SHOWN_FILES]:
            console.print(f"  {escape(f'{path}: {reason}')}")
        if (more := len(description.skipped) - SHOWN_FILES) > 0:
            console.print(f"  and {more:,} more: --json has them all")
    console.print(f"content hash {description.content_hash}", style="dim")
    return None


FITS = {"stretch": "stretched", "crop": "centre-cropped", "pad": "padded with black"}


def tell_image(image: "Image", sizes: "Sequence[tuple[int, int, int]]") -> str:
    """Say how images of such (height, width, images) are brought to one size: "at 64×64, centre-cropped"."""
    if image.size is None or {(height, width) for height, width, _ in sizes} == {image.size}:
        return "as they are"
    height, width = image.size
    one_shape = all(h * width == w * height for h, w, _ in sizes)
    return f"at {height}×{width}{'' if one_shape else f', {FITS[image.fit]}'}"


def tell_sizes(sizes: "Sequence[tuple[int, int, int]]") -> str:
    """Say which (height, width, images) there are, the most frequent ones."""
    common = ", ".join(f"{height}×{width} ({count:,})" for height, width, count in sizes[:5])
    several = f"{len(sizes)} image sizes" if len(sizes) > 1 else "image size"
    return f"{several}, height×width: {common}{', …' if len(sizes) > 5 else ''}"


def tell_folder(name: str, sizes: "Sequence[tuple[int, int, int]]", image: "Image") -> str:
    """Say which images a folder has, and how they are brought to one size."""
    images = counted(sum(count for _, _, count in sizes), "image")
    return f"{name}: {images}, {tell_sizes(sizes)}; trained on {tell_image(image, sizes)}"


def _print_sizes(description: "Description", image: "Image", console: Console) -> None:
    how = tell_image(image, description.sizes)
    console.print(tell_sizes(description.sizes))
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


def _print_duplicates(description: "Description", console: Console) -> None:
    duplicates = description.duplicates
    how = tell_image(description.image, description.sizes) if description.image else ""
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
