"""Suggestions for mistyped commands: names in the wrong place, fields of a recipe typed as options."""

import shlex
from itertools import pairwise

import rich_click as click

LISTS = ("--nets", "--data", "--recipe", "--until-settled")
"""Options that take names separated by commas."""


def suggest_options(command: click.Command, arguments: list[str]) -> str:
    """Return the command with names given in place of the study moved to their options.

    `arguments` begin with the name of `command`. Empty if a word is unknown, or `command` has no option for it.
    """
    from bakeoff.execution.names import is_study, misplaced

    takes_study = any(isinstance(each, click.Argument) and each.name == "study" for each in command.params)
    known = {name for each in command.params for name in each.opts}
    words, rest = _separate_options(command, arguments[1:])
    kept = ["run"] if takes_study else [arguments[0]]
    if takes_study and words and is_study(words[0]):
        kept = [arguments[0], words.pop(0)]
    new: list[str] = []
    for word in words:
        wrong = misplaced(word)
        if wrong is None or wrong.option not in known:
            return ""
        for given in (rest, new):
            if wrong.option in LISTS and wrong.option in given[:-1]:
                place = given.index(wrong.option) + 1
                given[place] += f",{wrong.value}" * (wrong.value not in given[place].split(","))
                break
        else:
            new += [wrong.option, wrong.value]
    return shlex.join(["bakeoff", *kept, *new, *rest])


def suggest_set(command: click.Command, arguments: list[str], option: str) -> str:
    """Return the command with an unknown option that is a field of the recipe written as --set; empty if it is none."""
    from bakeoff.spec.overrides import find_field

    field = find_field(option.lstrip("-").replace("-", "_"))
    if field is None or all("--set" not in each.opts for each in command.params):
        return ""
    each = _split_values(arguments, f"{option}=")
    place = each.index(option)
    value = each[place + 1] if place + 1 < len(each) and not each[place + 1].startswith("--") else "…"
    return shlex.join(["bakeoff", *each[:place], "--set", f"{field}={value}", *each[place + 2 :]])


def suggest_argument(command: click.Command, arguments: list[str], option: str) -> str:
    """Return the command with the value of --store as its argument STORE; empty if it has none, or --store is right."""
    if isinstance(command, click.Group):
        command = command.commands.get(arguments[1], command)
    takes_store = any("STORE" in (each.metavar or "") for each in command.params if isinstance(each, click.Argument))
    if option != "--store" or not takes_store:
        return ""
    return shlex.join(["bakeoff", *(part for part in _split_values(arguments, "--store=") if part != option)])


def _separate_options(command: click.Command, arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return the words outside of options, and the options with their values, `--a=b` as two arguments."""
    valued = {
        name
        for option in command.params
        if isinstance(option, click.Option) and not option.is_flag
        for name in option.opts
    }
    each = _split_values(arguments, "--")
    words: list[str] = []
    rest: list[str] = []
    for before, argument in pairwise(["", *each]):
        (rest if argument.startswith("-") or before in valued else words).append(argument)
    return words, rest


def _split_values(arguments: list[str], beginning: str) -> list[str]:
    """Return the arguments with `--option=value` as two, of those that start with `beginning`."""
    return [part for given in arguments for part in (given.split("=", 1) if given.startswith(beginning) else [given])]


def suggest_commas(arguments: list[str]) -> str:
    """Return the command with names separated by spaces joined by commas; empty if there are none."""
    joined: list[str] = []
    option = ""
    for argument in arguments:
        if option and joined[-1] != option and not argument.startswith("-"):
            joined[-1] += f",{argument}"
            continue
        if argument.startswith("-"):
            option = argument if argument in LISTS else ""
        joined.append(argument)
    return shlex.join(["bakeoff", *joined]) if joined != arguments else ""
