"""Describes image folders before training: sizes, how they are resized, files left out."""

from collections.abc import Sequence

from bakeoff.console.terminal import Console, escape
from bakeoff.data.nesting import describe_nesting
from bakeoff.data.skipped import count_reasons, format_reasons
from bakeoff.execution.plan import Plan
from bakeoff.spec.recipe import Image
from bakeoff.text.formats import counted
from bakeoff.text.shell import quote

FITS = {"stretch": "stretched", "crop": "centre-cropped", "pad": "padded with black"}


def describe_image_setting(image: Image, sizes: Sequence[tuple[int, int, int]]) -> str:
    """Say how images with these (height, width, images) are resized: "at 64×64, centre-cropped"."""
    if image.size is None or {(height, width) for height, width, _ in sizes} == {image.size}:
        return "as they are"
    height, width = image.size
    one_shape = all(h * width == w * height for h, w, _ in sizes)
    return f"at {height}×{width}{'' if one_shape else f', {FITS[image.fit]}'}"


def describe_sizes(sizes: Sequence[tuple[int, int, int]]) -> str:
    """Say which (height, width, images) there are, the most frequent ones."""
    common = ", ".join(f"{height}×{width} ({count:,})" for height, width, count in sizes[:5])
    several = f"{len(sizes)} image sizes" if len(sizes) > 1 else "image size"
    return f"{several}, height×width: {common}{', …' if len(sizes) > 5 else ''}"


def describe_folder(name: str, sizes: Sequence[tuple[int, int, int]], image: Image) -> str:
    """Say which images a folder has, and how they are resized."""
    images = counted(sum(count for _, _, count in sizes), "image")
    return f"{name}: {images}, {describe_sizes(sizes)}; trained on {describe_image_setting(image, sizes)}"


def print_folders(plan: Plan, console: Console, *, sizes: bool = True) -> None:
    """Say at which size image folders are trained on, unless that is said elsewhere, and what may be unexpected."""
    names = {run.data_hash: run.data for run in plan.runs}
    images = {(run.data_hash, run.recipe.image.packed): None for run in plan.runs}
    for content_hash, image in images if sizes else ():
        if (dataset := plan.data.get(content_hash)) and dataset.sizes:
            text = describe_folder(dataset.info.name, dataset.sizes, image)
            console.print(escape(text), style="dim", highlight=False, soft_wrap=True)
    for content_hash, dataset in plan.data.items():
        if dataset.reading:
            told = f"{dataset.info.name}: {dataset.reading}"
            console.print(escape(told), style="dim", highlight=False, soft_wrap=True)
        if dataset.nesting:
            text = f"{dataset.info.name}: {describe_nesting(dataset.nesting)}"
            console.print(escape(text), style="yellow", soft_wrap=True)
        if dataset.skipped:
            text = format_reasons(count_reasons(dataset.skipped))
            see = f"bakeoff data {quote(names.get(content_hash, dataset.info.name))}"
            console.print(escape(f"{dataset.info.name}, left out: {text}; {see}"), style="yellow", soft_wrap=True)
