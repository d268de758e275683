"""The command line: parse, call, print. No decisions, and nothing heavy before a command needs it."""

import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import rich_click as click

from bakeoff.cli.endings import FAULT, MISTAKE, READER_GONE, stopped, terminable
from bakeoff.errors import BakeoffError, BakeoffWarning, Misplaced

click.rich_click.TEXT_MARKUP = "rich"
click.rich_click.SHOW_ARGUMENTS = True
click.rich_click.MAX_WIDTH = 110
click.rich_click.COMMAND_GROUPS = {
    "bakeoff": [
        {
            "name": "Compare",
            "commands": ["pick", "tune", "run", "dial", "results", "answer", "audit", "report", "forget"],
        },
        {
            "name": "Use what was trained",
            "commands": ["models", "predict", "evaluate", "export", "card", "explain", "serve"],
        },
        {"name": "Look after stores", "commands": ["store", "merge", "track"]},
        {"name": "Repeat published studies", "commands": ["reproduce", "compare", "ablate"]},
        {"name": "Look around", "commands": ["nets", "show", "datasets", "data", "recipes", "studies"]},
        {"name": "Add your own, set up", "commands": ["new", "check", "complete"]},
    ]
}

COMMANDS = {
    "pick": "bakeoff.cli.pick:pick",
    "tune": "bakeoff.cli.tune:tune",
    "run": "bakeoff.cli.run:run",
    "results": "bakeoff.cli.results:results",
    "dial": "bakeoff.cli.dial:dial",
    "answer": "bakeoff.cli.answer:answer",
    "audit": "bakeoff.cli.audit:audit",
    "report": "bakeoff.cli.report:report",
    "forget": "bakeoff.cli.forget:forget",
    "store": "bakeoff.cli.store:store",
    "merge": "bakeoff.cli.merge:merge",
    "track": "bakeoff.cli.track:track",
    "models": "bakeoff.cli.models:models",
    "predict": "bakeoff.cli.models:predict",
    "evaluate": "bakeoff.cli.evaluate:evaluate",
    "export": "bakeoff.cli.export:export",
    "card": "bakeoff.cli.card:card",
    "explain": "bakeoff.cli.explain:explain",
    "serve": "bakeoff.cli.serve:serve",
    "reproduce": "bakeoff.cli.reproduce:reproduce",
    "compare": "bakeoff.cli.reproduce:compare",
    "ablate": "bakeoff.cli.ablate:ablate",
    "nets": "bakeoff.cli.look:nets",
    "show": "bakeoff.cli.look:show",
    "datasets": "bakeoff.cli.look:datasets",
    "data": "bakeoff.cli.look:data",
    "recipes": "bakeoff.cli.look:recipes",
    "studies": "bakeoff.cli.studies:studies",
    "new": "bakeoff.cli.extend:new",
    "check": "bakeoff.cli.extend:check",
    "complete": "bakeoff.cli.completion:complete",
}
"""Command → where it is defined: a module is imported when its command is looked at."""


class LazyGroup(click.RichGroup):
    """A group whose commands are imported on demand."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the commands in the order of help."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import and return one command."""
        if name not in COMMANDS:
            return None
        from importlib import import_module

        module, _, attribute = COMMANDS[name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for an unknown one."""
        from bakeoff.lookup import unknown

        if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
            raise BakeoffError(unknown("command", arguments[0], COMMANDS))
        return super().resolve_command(context, arguments)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bakeoff")
def cli() -> None:
    """Which network is best for these images, at what cost, and how sure are we?

    Train candidate networks on a data set under the same rules, and get a ranked answer:

    \b
    [bold]bakeoff run[/]       a demonstration on handwritten digits: about a minute
    [bold]bakeoff run --nets lenet-afif,resnet20 --data mnist[/]
    [bold]bakeoff run --nets conv,resnet20 --data folder:my-photos[/]
    [bold]bakeoff report[/]    everything about it on one page

    Run the same command again after an interruption to resume.

    Exit codes: 0 success; 1 some runs have no result: they failed, are damaged, or are being trained by another
    command; 2 a usage error, explained in one sentence; 3 a bug in bakeoff; 130 stopped by Ctrl-C; 143 by
    SIGTERM; 129 by SIGHUP.
    """


def main() -> None:
    """Run the command line; a user's mistake is one sentence on stderr and exit code 2."""
    from bakeoff.console import terminal

    terminal.prepare_streams()
    try:
        code = _run()
        sys.stdout.flush()
    except (terminal.ReaderGone, BrokenPipeError):
        terminal.abandon()
        code = READER_GONE
    except OSError as error:  # a full disk, a place that may not be written
        code = _complain(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        terminal.abandon()
    if code:
        sys.exit(code)


def _run() -> int:
    from bakeoff.console.terminal import ReaderGone, echo

    heard: list[int] = []
    try:
        Path.cwd()
    except FileNotFoundError:  # libraries end the process in this case
        return _complain("the folder this was started in no longer exists: go to another one")
    try:
        with terminable(heard), warnings_told():
            code = cli.main(prog_name="bakeoff", standalone_mode=False)
    except Misplaced as error:
        return _complain(f"{error.args[0]}: {_suggestion(sys.argv[1:])}")
    except BakeoffError as error:
        return _complain(str(error))
    except click.ClickException as error:
        from bakeoff.spec.overrides import shorten

        context = getattr(error, "ctx", None)
        message = error.format_message().rstrip(".")
        hint = f": see {context.command_path} --help" if context else ""
        if "extra argument" in message and (meant := _suggestion(sys.argv[1:])):
            hint = f": did you mean {meant}?"
        if isinstance(error, click.NoSuchOption) and (meant := _suggestion(sys.argv[1:], error.option_name)):
            message, hint = f"No such option '{error.option_name}'", f": did you mean {meant}?"
        return _complain(shorten(message, 300) + hint)
    except (KeyboardInterrupt, click.Abort):
        return stopped(heard)
    except (OSError, ReaderGone):
        raise
    except MemoryError:
        return _complain("out of memory")
    except Exception:
        echo(traceback.format_exc(), err=True)
        _complain("this is a bug in bakeoff: please report it with the traceback above")
        return FAULT
    return code if isinstance(code, int) else 0


def _suggestion(arguments: list[str], option: str = "") -> str:
    """Return the command that was probably meant, for names in the wrong place or an unknown option.

    Empty if that is unclear.
    """
    from bakeoff.cli.suggestions import suggest_argument, suggest_commas, suggest_options, suggest_set

    command = cli.get_command(click.Context(cli), arguments[0])
    if command is None:
        return ""
    if option:
        return suggest_set(command, arguments, option) or suggest_argument(command, arguments, option)
    return suggest_options(command, arguments) or suggest_commas(arguments)


def _complain(message: str) -> int:
    _say(message)
    return MISTAKE


def _say(message: str) -> None:
    from bakeoff.console.terminal import ReaderGone, echo_lines

    with suppress(OSError, ReaderGone):
        echo_lines([f"bakeoff: {' '.join(message.splitlines())}"], err=True)


@contextmanager
def warnings_told() -> Iterator[None]:
    """Print our own warnings as sentences."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **rest: Any) -> None:
            if issubclass(category, BakeoffWarning):
                _say(str(message))
            else:
                usual(message, category, *where, **rest)

        warnings.simplefilter("always", BakeoffWarning)
        warnings.showwarning = show
        yield
