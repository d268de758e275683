"""`bakeoff complete`: names that complete with the Tab key."""

import os
from pathlib import Path

import rich_click as click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
START_FILES = {
    "bash": (Path(".bashrc"), '[ ! -r "{place}" ] || . "{place}"'),
    "zsh": (Path(".zshrc"), '(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit; }}; . "{place}"'),
}
"""Shell → the file in the home folder that it reads when it starts, and the line there that loads a script."""


@click.command()
@click.argument("shell", required=False, type=click.Choice(SHELLS))
@click.option("--install", is_flag=True, help="Install the script for new shells instead of printing it.")
def complete(shell: str | None, install: bool) -> None:
    """Complete commands, options and names of networks, data sets, recipes and studies with the Tab key.

    Prints the script for SHELL: bash, zsh or fish, by default the shell in $SHELL. With --install, the script is
    written to where new shells find it: fish's folder of completions, or a file that .bashrc or .zshrc then loads.
    Installing twice changes nothing.

    \b
    [bold]Examples[/]
    bakeoff complete --install
    bakeoff complete zsh > ~/.zfunc/_bakeoff
    """
    from bakeoff.console.terminal import echo, echo_lines

    shell = shell or shell_in_use()
    script = completion_script(shell)
    if not install:
        return echo(script)
    written = install_script(shell, script)
    return echo_lines([f"Wrote {', '.join(map(str, written))}. Start a new shell to use it."])


def shell_in_use() -> str:
    """Return the shell that $SHELL names.

    Raises:
        UsageError: it names none that can complete.
    """
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise click.UsageError(
            "$SHELL names no shell that this works for; name one, such as bakeoff complete bash --install"
        )
    return name


def completion_script(shell: str) -> str:
    """Return the lines that make a shell ask bakeoff for completions."""
    from bakeoff.cli import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} cannot complete")
    return kind(cli, {}, "bakeoff", "_BAKEOFF_COMPLETE").source()


def install_script(shell: str, script: str) -> list[Path]:
    """Write the script to where new shells load it from, and return the files that changed.

    Raises:
        OSError: a file cannot be written.
    """
    from bakeoff.spec.paths import write_whole

    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    place = config / "fish/completions/bakeoff.fish" if shell == "fish" else config / f"bakeoff/complete.{shell}"
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, script)
    if shell == "fish":
        return [place]
    file_name, command = START_FILES[shell]
    start, line = Path.home() / file_name, f"{command.format(place=place)}  # bakeoff complete --install"
    before = start.read_text(encoding="utf-8") if start.exists() else ""
    if line in before:
        return [place]
    with start.open("a", encoding="utf-8") as file:
        file.write("\n" * (bool(before) and not before.endswith("\n")) + line + "\n")
    return [place, start]
