"""Commands that show what there is: nets, show, datasets, data, recipes."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from bakeoff.cli.complete import data_set_names, network_names, recipe_names, single
from bakeoff.cli.options import json_option
from bakeoff.cli.rows import plain_value, print_rows
from bakeoff.cli.training_options import OPTIONS
from bakeoff.console.terminal import echo_json, echo_lines
from bakeoff.spec.run import COLLECTIONS
from bakeoff.text.formats import counted, short

if TYPE_CHECKING:
    from bakeoff.spec.plugins import Registry


@click.command()
@click.argument("collection", required=False, shell_complete=single(lambda: COLLECTIONS))
@click.option(
    "--images", default="3x32x32", show_default=True, metavar="CxHxW", help="Image shape to count parameters for."
)
@click.option("--classes", type=click.IntRange(1, 1_000_000), default=10, show_default=True, help="Number of classes.")
@json_option
def nets(collection: str | None, images: str, classes: int, as_json: bool) -> None:
    """List the networks, with suggestions to start from.

    Families come in any depth: resnet56, preresnet164, wrn-28-10. Your own network: [bold]my_net.py[/]. Names with a
    colon start from pretrained weights, and any network can start from your own: [bold]resnet20:my.safetensors[/].
    [bold]bakeoff nets timm[/], torchvision or hf lists the networks of this collection, which must be installed.
    """
    from bakeoff.errors import BakeoffError
    from bakeoff.lookup import find
    from bakeoff.nets import NETS, PRETRAINED, SHORTLIST, Net, find_net
    from bakeoff.nets.summary import parameter_count
    from bakeoff.spec.data import ImageShape
    from bakeoff.spec.plugins import warn_once

    if collection is not None:
        from bakeoff.nets.collections import COLLECTIONS

        names = find(COLLECTIONS, collection, "collection").names()
        return echo_json(names) if as_json else echo_lines(names)
    shape = ImageShape.parse(images)

    def count(name: str, net: Net) -> int | None:
        if min(shape.height, shape.width) < net.smallest:
            return None
        try:
            return parameter_count(name, shape, classes)
        except BakeoffError as error:  # a package's network may raise anything
            warn_once(str(error))
            return None

    rows = [
        {
            "net": name,
            "family": net.family,
            "year": net.year or None,
            "parameters": count(name, net),
            "smallest": net.smallest,
            "source": f"starts from {net.weights.source}" if net.weights else net.source,
            "good_for": [purpose for purpose, nets in SHORTLIST.items() if name in nets],
            "package": provider(NETS, name),
        }
        for name, net in [*NETS.items(), *((name, find_net(name)) for name in PRETRAINED)]
    ]
    title = f"networks, parameters at {shape} and {counted(classes, 'class', 'classes')} (– where images are too small)"
    print_rows(rows, as_json, title, json_only=("good_for", "package"))
    if not as_json:
        echo_lines(["Where to begin:", *(f"  {purpose}: {', '.join(nets)}" for purpose, nets in SHORTLIST.items())])
    return None


@click.command()
@click.argument("net", shell_complete=single(network_names))
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
    from bakeoff.execution.names import known_network
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
    """List the data sets that can be given by name."""
    from bakeoff.data import ADDED, DATASETS

    rows = [
        {
            "name": name,
            "images": str(entry.shape),
            "classes": entry.classes,
            "train": entry.train_images,
            "test": entry.test_images,
            "licence": entry.licence,
            "description": entry.description,
            "package": None,
        }
        for name, entry in DATASETS.items()
    ]
    rows += [
        dict.fromkeys(rows[0]) | {"name": name, "description": _about(make, package), "package": package}
        for name, make in ADDED.items()
        if (package := provider(ADDED, name))
    ]
    print_rows(
        rows,
        as_json,
        "data sets; your own images: folder:PATH, csv:FILE, npz:FILE, hf:ORG/NAME",
        json_only=("licence", "package"),
    )


@click.command()
@click.argument("name", shell_complete=single(data_set_names))
@click.option("--size", metavar="64 or 48x64", help="Resize the images of a folder to this size.")
@OPTIONS["groups"]
@json_option
def data(name: str, size: str | None, groups: str | None, as_json: bool) -> None:
    """Fetch, verify and describe a data set.

    NAME is one of [bold]bakeoff datasets[/], or images of your own:

    \b
    folder:PATH  a sub-folder per class, perhaps in train/, val/ and test/
    csv:FILE     CSV or Parquet: images with labels, perhaps split and group
    npz:FILE     NumPy arrays: x and y, x_train and y_train, images, labels
    hf:ORG/NAME  from Hugging Face; hf:FOLDER of save_to_disk or Parquet

    The columns of a table, the folder with its images, and the arrays of an archive are guessed and printed; change
    them with csv:FILE?path=COLUMN&label=COLUMN&split=COLUMN&group=COLUMN&images=FOLDER,
    npz:FILE?images=KEY&labels=KEY&group=KEY or hf:NAME?image=COLUMN&label=COLUMN. Images in files are described as
    [bold]bakeoff run[/] trains on them with the recipe quick: at 64×64 unless --size says otherwise.

    \b
    [bold]Examples[/]
    bakeoff data mnist
    bakeoff data folder:my-photos --size 64
    bakeoff data "csv:labels.csv?label=breed"
    bakeoff data folder:plants --groups '(?P<group>[^_]+)_'
    bakeoff data mnist~label-noise=0.2
    """
    from bakeoff import data as sets
    from bakeoff.cli.describe import print_description
    from bakeoff.console.progress import progress_bar
    from bakeoff.data.describe import describe
    from bakeoff.data.grouping import require_groups
    from bakeoff.data.resplit import name_folds, name_version
    from bakeoff.execution.names import known_data
    from bakeoff.spec.overrides import parse_size
    from bakeoff.studies.recipes import recipe_for
    from bakeoff.studies.tables import GridCell

    if groups is not None:
        require_groups(groups)
    name, changes = (
        name_folds(name_version(known_data(name), groups=groups))[0],
        {"image.size": parse_size(size)} if size else {},
    )
    with progress_bar() as report:
        facts = sets.stand_in(sets.info(name, progress=report), name)
        wanted = recipe_for(GridCell("resnet20", name, "quick", changes), facts).image
        description = describe(sets.load_dataset(name, wanted.packed, report), wanted)
    print_description(description, as_json)


@click.command()
@click.argument("name", required=False, shell_complete=single(recipe_names))
@click.option(
    "--net",
    shell_complete=single(network_names),
    default="resnet20",
    show_default=True,
    help="Network to show it for: some recipes treat networks differently.",
)
@click.option(
    "--data",
    "data_name",
    default="digits",
    show_default=True,
    shell_complete=single(data_set_names),
    help="Data set to show it for.",
)
@json_option
def recipes(name: str | None, net: str, data_name: str, as_json: bool) -> None:
    """List the recipes, or show every field of one; training does nothing that its recipe does not state."""
    from inspect import cleandoc

    from bakeoff import data as sets
    from bakeoff.console.terminal import Console
    from bakeoff.execution.names import known_data, known_network, known_recipe
    from bakeoff.lookup import find
    from bakeoff.spec.recipe import describe_settings
    from bakeoff.studies.recipes import RECIPES

    if name is None:
        rows = [
            {"recipe": key, "about": _about(function, package), "package": package}
            for key, function in RECIPES.items()
            for package in [provider(RECIPES, key)]
        ]
        return print_rows(rows, as_json, "recipes; bakeoff recipes NAME shows one", json_only=("package",))
    name = known_recipe(name)
    function = find(RECIPES, name, "recipe")
    tree = describe_settings(function(known_network(net), sets.info(known_data(data_name))))
    if as_json:
        return echo_json(tree)
    console = Console()
    for paragraph in cleandoc(function.__doc__ or "").split("\n\n"):
        console.print(paragraph.replace("\n", " ") + "\n", highlight=False, markup=False)
    for key, value in tree.items():
        for field, inner in value.items() if isinstance(value, dict) else [("", value)]:
            console.print(
                f"  {key + ('.' + field if field else ''):33} {plain_value(inner)}", highlight=False, markup=False
            )
    return console.print("\nChange any of them with --set FIELD=VALUE.", style="dim")


def provider(registry: "Registry[Any]", name: str) -> str | None:
    """Return the package that adds something, with its version; None if it is part of bakeoff."""
    plugin = registry.plugin(name)
    return plugin.provider if plugin else None


def _about(described: Any, package: str | None) -> str:
    """Return the first line of a docstring, after the package that it comes from."""
    line = (described.__doc__ or "").strip().partition("\n")[0]
    return ": ".join(filter(None, [package, line]))
