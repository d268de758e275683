"""`bakeoff explain`."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from bakeoff.cli.endings import UNFINISHED
from bakeoff.cli.named_model import load_named_model
from bakeoff.cli.options import as_list, ensemble_option, json_option, model_data_option, overwrite_option, store_option
from bakeoff.console.terminal import Console, echo, echo_json, escape
from bakeoff.text.formats import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakeoff.inference.explanation import Explanation
    from bakeoff.inference.model import Model
    from bakeoff.inference.neighbours import Neighbours


@click.command()
@click.argument("model")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@store_option()
@model_data_option
@click.option(
    "--method",
    metavar="NAMES",
    help="gradcam, gradients, occlusion, or several of them. [dim]Default: the first two[/]",
)
@click.option("--class", "target", metavar="NAME", help="The class to explain. [dim]Default: the predicted one[/]")
@click.option(
    "--neighbours",
    "number",
    type=click.IntRange(0, 50),
    default=5,
    show_default=True,
    metavar="N",
    help="Number of most similar training images to show.",
)
@ensemble_option
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="explained",
    show_default=True,
    metavar="DIR",
    help="Where to write one PNG for each image.",
)
@overwrite_option
@json_option
def explain(
    model: str,
    paths: tuple[str, ...],
    store: Path,
    data: str | None,
    method: str | None,
    target: str | None,
    number: int,
    ensemble: bool,
    folder: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Show where a trained model looked in images, and the training images it finds most similar.

    MODEL and PATH are as in [bold]bakeoff predict[/]. For each image, a PNG shows the image as the network sees it, the
    pixels that support its class (bright), the probabilities, and the nearest training images in the network's feature
    space, if the training images are on this machine.

    \b
    [bold]gradcam[/]     the regions of the last map of features that raise the class; coarse, fast
    [bold]gradients[/]   integrated gradients: single pixels; for every network
    [bold]occlusion[/]   how much the class loses where a grey window covers the image; for every network, slow

    \b
    [bold]Examples[/]
    bakeoff explain best holiday.jpg
    bakeoff explain best photos/ --method gradcam,occlusion --class glass -o why/
    """
    from bakeoff.console.progress import progress_bar
    from bakeoff.inference.attribution import check_captum
    from bakeoff.inference.explanation import explain as explain_one
    from bakeoff.inference.explanation import suitable
    from bakeoff.inference.files import find_files
    from bakeoff.spec.outputs import check_replaceable

    named = find_files(paths)
    check_captum()
    loaded = load_named_model(model, store, data, ensemble=ensemble)
    methods = suitable(loaded, as_list(method) or ())
    console = Console(stderr=True)
    places = _places(list(named), folder)
    for place in places.values():
        check_replaceable(place, overwrite=overwrite)
    found: list[tuple[Explanation, Path]] = []
    unreadable = list(named.unreadable)
    with progress_bar() as report:
        neighbours = _neighbours(loaded, report, console) if number else None
        for good, images, bad in loaded.decode_files(list(named), at_once=16):
            unreadable += bad
            for file, pixels in zip(good, images, strict=True):
                one = explain_one(
                    loaded, pixels, methods, target=target, neighbours=neighbours, number=number, file=str(file)
                )
                _save(one, loaded, places[file])
                found.append((one, places[file]))
                report("explaining", len(found), len(named))
    _print(loaded, found, unreadable, as_json)
    for file, reason in unreadable:
        console.print(f"[red]✗[/] {escape(f'{file}: {reason}')}", soft_wrap=True, highlight=False)
    if unreadable:
        raise Exit(UNFINISHED)


def _neighbours(model: "Model", report: "object", console: Console) -> "Neighbours | None":
    from bakeoff.errors import BakeoffError
    from bakeoff.inference.neighbours import open_neighbours

    try:
        return open_neighbours(model, lambda done, total: report("training images", done, total))  # type: ignore[operator]
    except BakeoffError as error:
        console.print(f"without training images: {escape(str(error))}", style="dim", soft_wrap=True, highlight=False)
        return None


def _places(files: "Sequence[Path]", folder: Path) -> dict[Path, Path]:
    """Return file → the picture that explains it; images of one name get numbers."""
    places: dict[Path, Path] = {}
    taken: set[Path] = set()
    for file in files:
        path, number = folder / f"{file.stem}.png", 2
        while path in taken:
            path, number = folder / f"{file.stem}-{number}.png", number + 1
        places[file] = path
        taken.add(path)
    return places


def _save(one: "Explanation", model: "Model", path: Path) -> None:
    """Write the picture of an explanation, with a text by which it is known as one."""
    import io

    from PIL.PngImagePlugin import PngInfo

    from bakeoff.inference.drawing import draw_explanation
    from bakeoff.spec.paths import write_output

    facts = PngInfo()
    facts.add_text("Software", "bakeoff")
    image = io.BytesIO()
    draw_explanation(one, model.classes).save(image, "PNG", pnginfo=facts)
    write_output(path, image.getvalue())


def _print(
    model: "Model", found: "list[tuple[Explanation, Path]]", unreadable: list[tuple[Path, str]], as_json: bool
) -> None:
    if as_json:
        return echo_json(
            {
                "model": [str(path) for path in model.paths],
                "classes": list(model.classes),
                "explanations": [_plain(one, path) for one, path in found],
                "unreadable": [{"file": str(file), "reason": reason} for file, reason in unreadable],
            }
        )
    from bakeoff.inference.neighbours import agreement

    for one, path in found:
        prediction = one.prediction
        near = len(one.neighbours)
        like = f"; {agreement(one.neighbours, prediction.label)} of {near} similar training images" if near else ""
        echo(f"{prediction.file}  {prediction.label} {percent(prediction.probability, 1)}{like}  → {path}")
    return None


def _plain(one: "Explanation", path: Path) -> dict[str, object]:
    from dataclasses import asdict

    near = [
        {"split": like.place.split, "index": like.place.index, "file": like.place.file, "label": like.place.label}
        | {"similarity": like.similarity}
        for like in one.neighbours
    ]
    return asdict(one.prediction) | {
        "explained": one.target,
        "methods": list(one.maps),
        "neighbours": near,
        "picture": str(path),
    }
