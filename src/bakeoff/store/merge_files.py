"""Carries the files beside stores over to the folder of a merged one. No torch."""

import os
import secrets
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import replace_folder
from bakeoff.store.files import files_of
from bakeoff.text.formats import byte_size

if TYPE_CHECKING:
    from bakeoff.store.store import Store


@dataclass(frozen=True)
class Transfer:
    """A file to be carried over."""

    source: Path
    place: Path
    """Relative to the folder of the new store."""
    bytes: int


def plan_files(
    owners: Mapping[str, Sequence["Store"]], nets: Collection[str], sources: Sequence["Store"]
) -> list[Transfer]:
    """Return the files to carry over: of each run, from the first of the stores that have the result that is kept.

    Drafts and files that belong to no run stay behind.

    Args:
        owners: run → the stores with the result that is kept.
        nets: all networks, whose texts and weights are carried over, too, as are the records of contests.
        sources: all stores.
    """
    found: dict[Path, Transfer] = {}
    rank = {run_id: {store.path: number for number, store in enumerate(by)} for run_id, by in owners.items()}
    best: dict[Path, int] = {}
    for source in sources:
        for file in files_of(source.files, owners.keys(), nets):
            place = file.path.relative_to(source.files)
            mine = 0 if file.kind in ("network", "contest") else rank.get(file.owner, {}).get(source.path)
            if file.kind in ("draft", "leftover", "unknown") or mine is None or mine >= best.get(place, len(sources)):
                continue
            found[place], best[place] = Transfer(file.path, place, file.bytes), mine
    return list(found.values())


def copy_files(transfers: Sequence[Transfer], folder: Path, *, overwrite: bool) -> int:
    """Make a folder with these files, as hard links where possible; return the bytes that had to be copied.

    The folder appears once it is complete.

    Raises:
        BakeoffError: the folder exists, or there is no room.
        OSError: a file cannot be read or written.
    """
    if folder.exists() and not overwrite and any(folder.iterdir()):
        raise BakeoffError(f"the folder {folder} exists: choose another name, or add --overwrite to replace it")
    if not transfers and not folder.exists():
        return 0
    part = folder.with_name(f".{folder.name[:40]}.{secrets.token_hex(8)}.tmp")
    part.mkdir()
    try:
        rest = [one for one in transfers if not _link(one.source, part / one.place)]
        needed, free = sum(one.bytes for one in rest), shutil.disk_usage(part).free
        if needed > free:
            raise BakeoffError(
                f"no room for {byte_size(needed)} of checkpoints and weights in {folder.parent.absolute()}, where "
                f"{byte_size(free)} are free: free some space, or write to another disk"
            )
        for one in rest:
            shutil.copyfile(one.source, part / one.place)
        replace_folder(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return needed


def _link(source: Path, target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)  # safe to share: these files are replaced, never changed in place
        return True
    except (OSError, AttributeError):
        return False
