"""The reference of the commands, from what --help says."""

import re
from inspect import cleandoc

import rich_click as click

from bakeoff.cli import COMMANDS, cli
from generate.markdown import code, page, table


def page_of_commands() -> str:
    """Return the page."""
    context = click.Context(cli, info_name="bakeoff")
    groups = click.rich_click.COMMAND_GROUPS["bakeoff"]
    overview = [
        (f"**{group['name']}**", ", ".join(f"[{name}](#{name})" for name in group["commands"])) for group in groups
    ]
    about, _, codes = explanation(cli.help or "").partition("Exit codes:")
    parts = [about, table(("", "commands"), overview), "Exit codes: " + codes.strip()]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        parts.append(describe(name, command, click.Context(command, info_name=name, parent=context)))
    return page("Commands", *parts)


def describe(name: str, command: click.Command, context: click.Context) -> str:
    """Return the section of one command: usage, explanation, arguments and options."""
    usage = " ".join([f"bakeoff {name}", *command.collect_usage_pieces(context)])
    parts = [f"## {name}", f"```text\n{usage}\n```", explanation(command.help or "")]
    options = [
        parameter for parameter in command.params if isinstance(parameter, click.Option) and not parameter.hidden
    ]
    rows = [option_row(option, context) for option in options]
    if rows:
        parts.append(table(("option", "value", "meaning"), rows))
    return "\n\n".join(parts)


def option_row(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    """Return names, kind of value and meaning of an option."""
    record = option.get_help_record(context)
    assert record is not None
    names = ", ".join(code(name) for name in [*option.opts, *option.secondary_opts])
    value = "" if option.is_flag or option.count else option.make_metavar(context)
    return names, code(value.replace("|", " or ").strip("[]")), plain(record[1])


def explanation(text: str) -> str:
    """Return a command's help as Markdown: examples and lists as code, [bold] as code."""
    parts = []
    for paragraph in cleandoc(text).split("\n\n"):
        verbatim = paragraph.startswith("\b\n")
        body = paragraph.removeprefix("\b\n")
        if verbatim and body.startswith("[bold]Examples[/]"):
            parts.append(f"```\n{untagged(body.partition(chr(10))[2])}\n```")
        elif verbatim:
            parts.append(f"```text\n{untagged(body)}\n```")
        else:
            parts.append(plain(body))
    return "\n\n".join(parts)


def plain(text: str) -> str:
    """Return text of the help, with what is bold there as code, and names of options and files as code."""
    text = re.sub(r"\[bold\](.*?)\[/\]", r"`\1`", text.replace("\\[", "["))
    text = untagged(text)
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*_<])", r"\\\1", part) for part in parts)


def untagged(text: str) -> str:
    """Return text without the tags of rich."""
    return re.sub(r"\[/?(bold|dim)?\]", "", text.replace("\\[", "["))
