"""What a shell offers when a name is half typed. Quick: torch, which the networks need, is loaded once a version."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import rich_click as click
from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def networks() -> list[str]:
    """Return the names of the networks: those that were found out before, as long as no file of theirs changed."""
    from bakeoff.data.places import cache_folder
    from bakeoff.spec.paths import write_whole
    from bakeoff.spec.values import digest

    folder = Path(__file__).parents[1] / "nets"
    state = digest(sorted((path.name, path.stat().st_mtime_ns) for path in folder.glob("*.py")))
    kept = cache_folder() / "networks.json"
    with suppress(OSError, ValueError, LookupError):
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["state"] == state:
            return list(known["names"])
    from bakeoff.nets import NETS

    with suppress(OSError):
        write_whole(kept, json.dumps({"state": state, "names": list(NETS)}))
    return list(NETS)


def data_sets() -> list[str]:
    """Return the names of the data sets that are built in."""
    from bakeoff.data import DATASETS

    return list(DATASETS)


def recipes() -> list[str]:
    """Return the names of the recipes."""
    from bakeoff.studies.recipes import RECIPES

    return list(RECIPES)


def studies() -> list[str]:
    """Return the names of the built-in studies, and the study files here."""
    from bakeoff import studies

    return [*studies.names(), *sorted(path.name for path in Path().glob("*.toml"))]


def dials() -> list[str]:
    """Return the names of the dials."""
    from bakeoff.data.grade import DIALS, IN_THE_RECIPE

    return [*DIALS, *IN_THE_RECIPE]


def single(known: Callable[[], Iterable[str]]) -> Complete:
    """Offer the names that begin as what is typed."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in known() if name.startswith(typed)]

    return complete


def several(known: Callable[[], Iterable[str]]) -> Complete:
    """Offer the same for the last of names by comma, without those that are there already."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        before, comma, last = typed.rpartition(",")
        given = before.split(",")
        return [
            CompletionItem(f"{before}{comma}{name}") for name in known() if name.startswith(last) and name not in given
        ]

    return complete
