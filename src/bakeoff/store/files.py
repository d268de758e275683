"""The files in the folder beside a store, and which run they belong to. No torch."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from bakeoff.spec.paths import contests_folder

Kind: TypeAlias = Literal["checkpoint", "trunk", "weights", "draft", "network", "contest", "leftover", "unknown"]

KINDS: dict[str, Kind] = {".pt": "checkpoint", ".trunk": "trunk", ".safetensors": "weights"}
"""Ending of a run's file → its kind."""

CHECKPOINTS: tuple[Kind, ...] = ("checkpoint", "trunk")
"""Kinds of files from which a training continues."""

ENDINGS = (".py", ".json", ".safetensors", ".pth", ".pt")
"""Endings of the files of users' own networks and weights."""
OURS = re.compile(r"[0-9a-f]{16}\.(pt|trunk|safetensors)|.+@[0-9a-f]{8}(\.(py|json|safetensors|pth|pt))?")
"""Names of files and folders that bakeoff writes for runs and for users' own networks."""


@dataclass(frozen=True)
class StoreFile:
    """A file in the folder beside a store."""

    path: Path
    kind: Kind
    """draft: written by a worker and not in place yet, or a part of a file; network: the text or weights of a user's
    own network; contest: the record of one; trunk: a checkpoint from before the learning rate falls; leftover: of a run
    or network that is no longer in the store."""
    owner: str
    """The id of the run, or the name of the network, that it belongs to; empty if that is not in the store."""
    bytes: int


def files_of(folder: Path, ids: Collection[str], nets: Collection[str]) -> list[StoreFile]:
    """Return all files in the folder beside a store with these runs and networks, in order of their paths."""
    parts = {part for net in nets for part in (net.partition(":")[0], net.rpartition(":")[2])}
    owners = {f"{part}{ending}": part for part in parts for ending in ("", *ENDINGS)}
    return [_classified(path, folder, ids, owners) for path in sorted(_walk(folder))]


def _walk(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def _classified(path: Path, folder: Path, ids: Collection[str], networks: Mapping[str, str]) -> StoreFile:
    size = path.lstat().st_size
    top = path.relative_to(folder).parts[0]
    if top in networks:
        return StoreFile(path, "network", networks[top], size)
    if path.parent == contests_folder(folder) and path.suffix == ".json":
        return StoreFile(path, "contest", "", size)
    stem, _, ending = top.lstrip(".").partition(".")
    run_id = stem if stem in ids else ""
    is_file = path.parent == folder
    if is_file and (top.endswith(".tmp") or (re.fullmatch("[0-9a-f]{16}", stem) and "." in ending)):
        return StoreFile(path, "draft", run_id, size)
    if is_file and run_id and f".{ending}" in KINDS:
        return StoreFile(path, KINDS[f".{ending}"], run_id, size)
    return StoreFile(path, "leftover" if OURS.fullmatch(top) else "unknown", "", size)
