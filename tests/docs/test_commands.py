"""Every command that the pages show is one: the command line accepts its options and their values."""

import shlex
from pathlib import Path

import pytest
import rich_click as click
from documents import commands, name_of, pages

from bakeoff.cli import cli


def parse(line: str) -> None:
    """Parse a command line up to the point where the command would begin to work.

    Raises:
        click.ClickException: the command line would be refused.
    """
    words = shlex.split(line.split(" | ")[0].split(" > ")[0], comments=True)
    arguments = words[words.index("bakeoff") + 1 :]
    if not arguments or arguments[0] in ("--help", "--version"):
        return
    context = click.Context(cli, info_name="bakeoff")
    name, command, rest = cli.resolve_command(context, arguments)
    assert command is not None
    with pytest.MonkeyPatch.context() as patch:
        for parameter in command.params:
            if isinstance(parameter.type, click.Path):  # the files of examples need not be here
                patch.setattr(parameter.type, "exists", False)
        if "--help" not in rest:
            command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_commands_are_accepted(page: Path) -> None:
    refused = {}
    for line in commands(page.read_text(encoding="utf-8")):
        try:
            parse(line)
        except (click.ClickException, ValueError, AssertionError) as error:
            refused[line] = str(error)
    assert refused == {}


@pytest.mark.parametrize("line", ["bakeoff run --sedes 3", "bakeoff run --seeds many", "bakeoff predict"])
def test_a_wrong_command_is_refused(line: str) -> None:
    with pytest.raises(click.ClickException):
        parse(line)


def test_commands_are_found_in_all_kinds_of_blocks() -> None:
    text = "```\nbakeoff run \\\n  --seeds 3   # c\nother\n```\n"
    text += "```console\n$ bakeoff answer\nbakeoff report shows more\n```\n"
    text += "```toml\nbakeoff x\n```\n"
    assert list(commands(text)) == ["bakeoff run --seeds 3   # c", "bakeoff answer"]
