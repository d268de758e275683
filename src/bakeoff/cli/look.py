"""Commands that show what there is: nets, show, datasets, data, recipes."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from bakeoff.cli.complete import data_sets, networks, single
from bakeoff.cli.complete import recipes as recipe_names
from bakeoff.cli.options import json_option
from bakeoff.cli.tables import print_table
from bakeoff.console.terminal import echo_json, echo_lines
from bakeoff.text.formats import counted, short

if TYPE_CHECKING:
    from rich.table import Table


@click.command()
@click.option(
    "--images", default="3x32x32", show_default=True, metavar="CxHxW", help="Image shape to count parameters at."
)
@click.option("--classes", type=click.IntRange(1, 1_000_000), default=10, show_default=True, help="Number of classes.")
@json_option
def nets(images: str, classes: int, as_json: bool) -> None:
    """List the networks, and where to begin.

    Families come in any depth: resnet56, preresnet164, wrn-28-10. Your own network: [bold]my_net.py[/].
    """
    from bakeoff.nets import NETS, SHORTLIST
    from bakeoff.nets.summary import parameter_count
    from bakeoff.spec.data import ImageShape

    shape = ImageShape.parse(images)
    rows = [
        {
            "net": name,
            "family": net.family,
            "year": net.year,
            "parameters": parameter_count(name, shape, classes)
            if min(shape.height, shape.width) >= net.smallest
            else None,
            "smallest": net.smallest,
            "source": net.source,
            "good_for": [purpose for purpose, nets in SHORTLIST.items() if name in nets],
        }
        for name, net in NETS.items()
    ]
    title = f"networks, parameters at {shape} and {counted(classes, 'class', 'classes')} (– where images are too small)"
    print_rows(rows, as_json, title, json_only=("good_for",))
    if not as_json:
        echo_lines(["Where to begin:", *(f"  {purpose}: {', '.join(nets)}" for purpose, nets in SHORTLIST.items())])


@click.command()
@click.argument("net", shell_complete=single(networks))
@click.option("--images", default="3x32x32", show_default=True, metavar="CxHxW", help="Shape of one image.")
@click.option("--classes", type=click.IntRange(1, 1_000_000), default=10, show_default=True, help="Number of classes.")
@json_option
def show(net: str, images: str, classes: int, as_json: bool) -> None:
    """Show a network layer by layer: shapes of input and output, parameters, FLOPs.

    \b
    [bold]Examples[/]
    bakeoff show resnet20 --images 3x32x32 --classes 10
    bakeoff show my_net.py:TinyNet --images 1x28x28
    """
    from dataclasses import asdict

    from bakeoff.console.terminal import Console
    from bakeoff.execution.session import known_network
    from bakeoff.execution.tryout import safely, try_out
    from bakeoff.nets import find_net
    from bakeoff.nets.summary import summarize
    from bakeoff.spec.data import ImageShape

    shape, net = ImageShape.parse(images), known_network(net)
    try_out(net, shape, classes)
    summary = safely(summarize, net, shape, classes, doing="counting the layers of")
    facts = asdict(summary)
    if as_json:
        return echo_json(facts)
    layers = [
        layer | {side: "×".join(map(str, layer[side])) for side in ("input", "output")} for layer in facts["layers"]
    ]
    print_rows(layers, False, f"{net} on {shape} images, {counted(classes, 'class', 'classes')}")
    Console().print(
        f"{summary.total:,} parameters ({summary.trainable:,} trainable, {summary.non_trainable:,} not), "
        f"{short(summary.flops, '')} FLOPs a forward pass of one image (multiply-add = 2).\n{find_net(net).source}",
        highlight=False,
        markup=False,
    )
    for reason in dict.fromkeys(summary.blanks.values()):
        Console().print(f"{' and '.join(summary.blanks)} could not be counted: {reason}", highlight=False, markup=False)
    return None


@click.command()
@json_option
def datasets(as_json: bool) -> None:
    """List the data sets that can be fetched by name."""
    from bakeoff.data import DATASETS

    rows = [
        {
            "name": name,
            "images": str(entry.shape),
            "classes": entry.classes,
            "train": entry.train_images,
            "test": entry.test_images,
            "licence": entry.licence,
            "description": entry.description,
        }
        for name, entry in DATASETS.items()
    ]
    print_rows(rows, as_json, "data sets; your own images: folder:PATH", json_only=("licence",))


@click.command()
@click.argument("name", shell_complete=single(data_sets))
@click.option("--size", metavar="64 or 48x64", help="Resize the images of a folder to this size.")
@json_option
def data(name: str, size: str | None, as_json: bool) -> None:
    """Fetch, verify and describe a data set.

    NAME is one of [bold]bakeoff datasets[/] or folder:PATH: a folder with a sub-folder per class, or with train/,
    test/ and perhaps val/ that have them, under these or similar names. The images of a folder are described as
    [bold]bakeoff run[/] trains on them under the recipe quick: at 64×64 where --size says nothing else.

    \b
    [bold]Examples[/]
    bakeoff data mnist
    bakeoff data folder:my-photos --size 64
    bakeoff data mnist~label-noise=0.2
    """
    from bakeoff import data as sets
    from bakeoff.cli.describe import print_description
    from bakeoff.console.progress import progress_bar
    from bakeoff.data.describe import describe
    from bakeoff.execution.session import known_data
    from bakeoff.spec.overrides import parse_size
    from bakeoff.spec.recipe import Image
    from bakeoff.studies.recipes import recipe_for
    from bakeoff.studies.study import Cell

    name, changes = known_data(name), {"image.size": parse_size(size)} if size else {}
    with progress_bar() as report:
        facts = sets.stand_in(sets.info(name, progress=report), name)
        wanted = recipe_for(Cell("resnet20", name, "quick", changes), facts).image
        description = describe(sets.load(name, Image(wanted.size, wanted.fit), report), wanted)
    print_description(description, as_json)


@click.command()
@click.argument("name", required=False, shell_complete=single(recipe_names))
@click.option(
    "--net",
    shell_complete=single(networks),
    default="resnet20",
    show_default=True,
    help="The network it is for: some recipes treat networks differently.",
)
@click.option(
    "--data",
    "data_name",
    default="digits",
    show_default=True,
    shell_complete=single(data_sets),
    help="The data set it is for.",
)
@json_option
def recipes(name: str | None, net: str, data_name: str, as_json: bool) -> None:
    """List the recipes, or show every field of one: nothing happens that is not written there."""
    from inspect import cleandoc

    from bakeoff import data as sets
    from bakeoff.console.terminal import Console
    from bakeoff.execution.session import known_data, known_network
    from bakeoff.lookup import find, spelled
    from bakeoff.spec.values import to_dict
    from bakeoff.studies.recipes import RECIPES

    if name is None:
        rows = [{"recipe": key, "about": (function.__doc__ or "").splitlines()[0]} for key, function in RECIPES.items()]
        return print_rows(rows, as_json, "recipes; bakeoff recipes NAME shows one")
    name = spelled(name, RECIPES)
    function = find(RECIPES, name, "recipe")
    tree = to_dict(function(known_network(net), sets.info(known_data(data_name))), full=True)
    if as_json:
        return echo_json(tree)
    console = Console()
    for paragraph in cleandoc(function.__doc__ or "").split("\n\n"):
        console.print(paragraph.replace("\n", " ") + "\n", highlight=False, markup=False)
    for key, value in tree.items():
        for field, inner in value.items() if isinstance(value, dict) else [("", value)]:
            console.print(f"  {key + ('.' + field if field else ''):33} {_plain(inner)}", highlight=False, markup=False)
    return console.print("\nChange any of them with --set FIELD=VALUE.", style="dim")


def print_rows(rows: list[dict[str, Any]], as_json: bool, title: str, json_only: tuple[str, ...] = ()) -> None:
    """Print rows of the same keys as JSON or as a table without the keys that are for JSON only."""
    from bakeoff.console.terminal import Console

    if as_json:
        return echo_json(rows)
    shown = [{key: value for key, value in row.items() if key not in json_only} for row in rows]
    return print_table(Console(), _table(shown, title, one_line=len(rows) > 20))


def _table(rows: list[dict[str, Any]], title: str, one_line: bool) -> "Table":
    from rich import box
    from rich.table import Table

    from bakeoff.console.terminal import escape

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", expand=one_line)
    texts: dict[str, list[str]] = {}
    for position, key in enumerate(rows[0] if rows else ()):
        numeric = all(isinstance(row[key], int | None) for row in rows)
        is_last = position == len(rows[0]) - 1
        texts[key] = [_plain(row[key], grouped=_is_grouped(rows, key)) for row in rows]
        widest = max(map(len, texts[key]))
        stays_whole = (one_line and not is_last) or numeric or position == 0
        table.add_column(
            key.replace("_", " "),
            justify="right" if numeric else "left",
            no_wrap=stays_whole or one_line,
            overflow="ellipsis" if one_line else "fold",
            min_width=max(widest, len(key)) if stays_whole else None,
            ratio=1 if one_line and is_last else None,
        )
    for row in zip(*texts.values(), strict=True):
        table.add_row(*map(escape, row))
    return table


def _is_grouped(rows: list[dict[str, Any]], key: str) -> bool:
    """Tell whether the numbers of a column are long enough to set their thousands apart: all of them or none."""
    return any(isinstance(row[key], int) and row[key] >= 10_000 for row in rows)


def _plain(value: Any, *, grouped: bool = False) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) and (grouped or value >= 10_000) else str(value)
