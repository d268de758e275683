"""Runs the commands that pages show and puts what they print on the page.

A block of code after a line `<!-- run -->` has commands that begin with `$ `; whatever stands below them is replaced by
their real output. The commands of a page share a folder. Options, after a colon:

    slow        runs only where asked for: it trains
    store=PATH  copies a store of the repository into the folder first
    from=WORD   shows each output from the first line that contains WORD on
    lines=N     shows N lines of each output at most
    exit=N      the exit code that is expected, 0 by default
    varies      the output depends on the machine: it is not compared

`<!-- file -->` writes the following block to the file that its first line, a comment, names.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
MARKED = re.compile(
    r"^<!-- (?P<kind>run|file)(?:: (?P<options>.*?))? -->\n(?P<fence>```+)(?P<language>\w+)\n(?P<body>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
FIRST = 'bakeoff() { "$PYTHON" -m bakeoff "$@"; }; python() { "$PYTHON" "$@"; }; '
"""The program of this environment, whatever else is installed."""


class Marked(NamedTuple):
    """A block of code that is run or written."""

    kind: str
    options: dict[str, str]
    body: str

    @property
    def commands(self) -> list[str]:
        """The commands, without their prompts; a line that ends in a backslash goes on."""
        return re.findall(r"^\$ ((?:.*\\\n)*.*)$", self.body, re.MULTILINE)


class OutputError(Exception):
    """A command on a page ended otherwise than the page says."""


def blocks(text: str) -> Iterator[Marked]:
    """Yield the marked blocks of a page."""
    for match in MARKED.finditer(text):
        yield marked(match)


def marked(match: re.Match[str]) -> Marked:
    """Return the block of a match."""
    words = (match["options"] or "").split()
    return Marked(match["kind"], {word.partition("=")[0]: word.partition("=")[2] for word in words}, match["body"])


def with_outputs(text: str, *, slow: bool = False) -> str:
    """Return a page with the outputs that its commands have now.

    Args:
        text: the page.
        slow: run those that train, too; otherwise their blocks stay as they are.

    Raises:
        OutputError: a command ended with another exit code than the page says.
    """
    if not any(True for _ in blocks(text)):
        return text
    with page_folder() as (folder, environment):

        def new(match: re.Match[str]) -> str:
            block = marked(match)
            if block.kind == "file":
                (folder / block.body.split()[1]).write_text(block.body, encoding="utf-8")
                return match[0]
            if "slow" in block.options and not slow:
                return match[0]
            if "store" in block.options:
                shutil.copy(ROOT / block.options["store"], folder)
            shown = [shown_command(command, block, folder, environment) for command in block.commands]
            return match[0].replace(block.body, "\n".join(shown))

        return MARKED.sub(new, text)


@contextmanager
def page_folder() -> Iterator[tuple[Path, dict[str, str]]]:
    """Make a folder for the commands of a page, and the variables that they run with."""
    with tempfile.TemporaryDirectory(prefix="bakeoff-docs-") as name:
        environment = os.environ | {
            "PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT / "src"),
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "BAKEOFF_CACHE": str(Path(name, ".cache")),
        }
        yield Path(name), environment


def shown_command(command: str, block: Marked, folder: Path, environment: dict[str, str]) -> str:
    """Run a command and return it with what it prints.

    Raises:
        OutputError: it ended with another exit code than expected.
    """
    done = subprocess.run(
        ["sh", "-c", FIRST + command], cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    expected = int(block.options.get("exit", "0"))
    if done.returncode != expected:
        raise OutputError(f"$ {command}\nended with {done.returncode}, not {expected}:\n{done.stdout}{done.stderr}")
    printed = done.stdout.replace(f"{folder}/", "")
    lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
    return "\n".join([f"$ {command}", *part(lines, block.options), ""])


def part(lines: list[str], options: dict[str, str]) -> list[str]:
    """Return the lines of an output that the options choose, with an ellipsis for those that are left out.

    Raises:
        OutputError: no line contains the word to begin at.
    """
    begin = next((number for number, line in enumerate(lines) if options.get("from", "") in line), None)
    if begin is None and lines:
        raise OutputError(f"no line of the output contains {options['from']}")
    rest = lines[begin:]
    limit = int(options.get("lines", "0")) or len(rest)
    return [*(["…"] if begin else []), *rest[:limit], *(["…"] if len(rest) > limit else [])]


def main() -> None:
    """Write the outputs into the pages that are named, or into all; --slow also those of commands that train."""
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    for path in [Path(name) for name in names] or sorted((ROOT / "docs").rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        new = with_outputs(text, slow="--slow" in sys.argv)
        if new != text:
            path.write_text(new, encoding="utf-8")
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
