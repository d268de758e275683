"""`bakeoff new` and `bakeoff check`: files with networks, data sets, recipes and studies of one's own."""

import keyword
import re
from importlib.resources import files
from pathlib import Path

import rich_click as click

from bakeoff.cli.endings import UNFINISHED
from bakeoff.cli.options import json_option
from bakeoff.console.terminal import Console, echo_json, echo_lines, escape
from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import write_output

STARTERS = {"net": "net.py.txt", "dataset": "dataset.py.txt", "recipe": "recipe.py.txt", "study": "study.toml.txt"}
"""What can be started → the file to start from, in `cli/starters/`."""
STYLES = {"passed": "green", "note": "yellow", "failed": "red", "skipped": "dim"}


@click.command()
@click.argument("kind", type=click.Choice(list(STARTERS)))
@click.argument("name")
def new(kind: str, name: str) -> None:
    """Write a commented file to start from: a network, a data set, a recipe or a study.

    The file works as it is, and its comments say what to change. [bold]bakeoff check[/] tries it out.

    \b
    [bold]Examples[/]
    bakeoff new net my_net
    bakeoff check my_net.py
    bakeoff run --nets my_net.py,resnet20 --data digits
    """
    path, content = start_file(kind, name)
    if path.exists():
        raise BakeoffError(f"{path} exists already: choose another name")
    write_output(path, content)
    echo_lines([f"{path} is written; bakeoff check {path} tries it out"])


def start_file(kind: str, name: str) -> tuple[Path, str]:
    """Return the file of a new network, data set, recipe or study, and its text.

    Raises:
        BakeoffError: the name cannot be one in Python.
    """
    module = name.replace("-", "_").lower()
    if not re.fullmatch(r"[A-Za-z][\w-]*", name, re.ASCII) or keyword.iskeyword(module):
        raise BakeoffError(f"{name!r} cannot be a name: begin with a letter, then letters, digits, - and _")
    template = STARTERS[kind]
    is_study = template.endswith(".toml.txt")
    path = Path(f"{name}.toml" if is_study else f"{module}.py")
    words = {
        "NAME": name,
        "MODULE": module,
        "FUNCTION": module,
        "CLASS": "".join(part[:1].upper() + part[1:] for part in re.split("[-_]", name)),
        "FILE": str(path),
    }
    text = (files("bakeoff.cli") / "starters" / template).read_text(encoding="utf-8")
    return path, re.sub(rf"\b({'|'.join(words)})\b", lambda match: words[match[1]], text)


@click.command()
@click.argument("file", type=click.Path())
@click.option("--images", default="3x32x32", show_default=True, metavar="CxHxW", help="Shape of the images to try.")
@click.option("--classes", type=click.IntRange(2, 100_000), default=10, show_default=True, help="Number of classes.")
@json_option
def check(file: str, images: str, classes: int, as_json: bool) -> int:
    """Try out a file with a network, a data set, a recipe or a study, and say what fails and why.

    FILE is like my_net.py, my_net.py:TinyNet or my-study.toml. A function annotated to return a Dataset or a Recipe
    (def shapes() -> Dataset) is a data set or a recipe; without the annotation, functions count as networks, as do
    classes.

    Networks are tried on random images: whether their weights and logits follow the seed, gradients reach every
    parameter, a last batch of one image works, they train and resume, and can be exported. The exit code is 1 if a
    check fails.

    \b
    [bold]Examples[/]
    bakeoff check my_net.py --images 1x28x28
    bakeoff check my_data.py --json
    """
    from dataclasses import asdict

    from bakeoff.execution.checking import check_file
    from bakeoff.spec.data import ImageShape

    path = re.sub(r"(?<=\.py):\w*$", "", file)
    if not Path(path).is_file():
        raise BakeoffError(f"{path} does not exist: bakeoff new net NAME writes a file to start from")
    if not path.endswith((".py", ".toml")):
        raise BakeoffError(f"{path} is not a Python or TOML file: bakeoff new net NAME writes one to start from")
    report = check_file(file, ImageShape.parse(images), classes)
    if as_json:
        echo_json(asdict(report) | {"passes": report.passes})
        return 0 if report.passes else UNFINISHED
    console = Console(highlight=False)
    console.print(f"[bold]{escape(report.name)}[/], a {report.kind}")
    for each in report.checks:
        message = f": {each.message}" if each.message else ""
        console.print(f"[{STYLES[each.state]}]{each.state:8}[/]{escape(each.name + message)}", soft_wrap=True)
    return 0 if report.passes else UNFINISHED
