"""The pages of the reference, each made from the program."""

from collections.abc import Callable, Iterable
from pathlib import Path

from generate import commands, findings, interface, lists, store, studies

REFERENCE = Path(__file__).resolve().parents[1] / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands.page_of_commands,
    "recipes.md": lists.recipes,
    "networks.md": lists.networks,
    "datasets.md": lists.data_sets,
    "study-files.md": studies.page,
    "store.md": store.page,
    "findings.md": findings.page,
    "python.md": interface.page,
}
"""File → function that returns its Markdown."""


def outdated(names: Iterable[str]) -> list[str]:
    """Return those of the pages that are not as the program says."""

    def written(name: str) -> str:
        path = REFERENCE / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    return [name for name in names if written(name) != PAGES[name]()]
