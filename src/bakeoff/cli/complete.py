"""What a shell offers when a name is half typed. Quick: torch, which the networks need, is loaded once a version."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import rich_click as click
from click.shell_completion import CompletionItem

from bakeoff.errors import BakeoffError

PACKAGES = {"hf": "transformers"}
"""Packages of collections that have another name."""
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def network_names() -> list[str]:
    """Return the names of the networks, and of those that packages add.

    The list of networks is cached until one of their files changes.
    """
    from bakeoff.spec.plugins import offered

    return list(dict.fromkeys([*_builtin_networks(), *offered("bakeoff.nets")]))


def _builtin_networks() -> list[str]:
    from bakeoff.data.local_folders import cache_folder
    from bakeoff.spec.paths import write_whole
    from bakeoff.spec.values import digest

    folder = Path(__file__).parents[1] / "nets"
    state = digest(sorted((path.name, path.stat().st_mtime_ns) for path in folder.glob("*.py")))
    kept = cache_folder() / "networks.json"
    with suppress(OSError, ValueError, LookupError):
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["state"] == state:
            return list(known["names"])
    from bakeoff.nets import BUILTIN, PRETRAINED

    names = [*BUILTIN, *PRETRAINED]
    with suppress(OSError):
        write_whole(kept, json.dumps({"state": state, "names": names}))
    return names


def collection_networks(typed: str) -> list[str]:
    """Return the networks of the collection that is being typed, cached by its version; none otherwise."""
    from importlib.metadata import PackageNotFoundError, version

    from bakeoff.data.local_folders import cache_folder
    from bakeoff.spec.paths import write_whole
    from bakeoff.spec.run import COLLECTIONS, collection_of

    collection = collection_of(typed)
    if not collection:
        return [f"{name}:" for name in COLLECTIONS] if typed else []
    with suppress(OSError, ValueError, BakeoffError, PackageNotFoundError):
        kept = cache_folder() / f"networks-{collection}-{version(PACKAGES.get(collection, collection))}.json"
        if kept.exists():
            return list(json.loads(kept.read_text(encoding="utf-8")))
        from bakeoff.nets.collections import COLLECTIONS as found

        names = found[collection].names()
        write_whole(kept, json.dumps(names))
        return names
    return []


def data_set_names() -> list[str]:
    """Return the names of the data sets."""
    from bakeoff.data import ADDED, DATASETS

    return [*DATASETS, *ADDED]


def recipe_names() -> list[str]:
    """Return the names of the recipes."""
    from bakeoff.studies.recipes import RECIPES

    return list(RECIPES)


def study_names_and_files() -> list[str]:
    """Return the names of the built-in studies, and the study files here."""
    from bakeoff import studies

    return [*studies.study_names(), *sorted(path.name for path in Path().glob("*.toml"))]


def dial_names() -> list[str]:
    """Return the names of the dials."""
    from bakeoff.data.grade import DIALS, IN_THE_RECIPE

    return [*DIALS, *IN_THE_RECIPE]


def _all(known: Callable[[], Iterable[str]], typed: str) -> list[str]:
    """Return the known names; for networks also those of the collection being typed, for data sets also own images."""
    if known is data_set_names:
        return [*known(), *_own_images(typed)]
    return [*known(), *(collection_networks(typed) if known is network_names else ())]


def _own_images(typed: str) -> list[str]:
    """Return the kinds of data sets in files, such as "csv:", or the files of the kind that is being typed."""
    from bakeoff.data.source_name import LOCAL_FILES, kind_of_path

    kind, colon, path = typed.partition(":")
    if kind + colon not in LOCAL_FILES:
        return list(LOCAL_FILES)
    parent = path[: path.rfind("/") + 1]
    found = []
    with suppress(OSError, RuntimeError):
        for entry in sorted(Path(parent).expanduser().iterdir()):
            if not entry.name.startswith(".") and (entry.is_dir() or kind_of_path(entry) == kind + colon):
                found.append(f"{kind}:{parent}{entry.name}{'/' * entry.is_dir()}")
    return found


def single(known: Callable[[], Iterable[str]]) -> Complete:
    """Offer the names that begin with what is typed."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in _all(known, typed) if name.startswith(typed)]

    return complete


def several(known: Callable[[], Iterable[str]]) -> Complete:
    """Offer the same for the last of several names separated by commas, without those already given."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        before, comma, last = typed.rpartition(",")
        given = before.split(",")
        return [
            CompletionItem(f"{before}{comma}{name}")
            for name in _all(known, last)
            if name.startswith(last) and name not in given
        ]

    return complete
