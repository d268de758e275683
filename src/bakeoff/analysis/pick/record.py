"""The record of a contest beside its store, for the page: what happened when, and the answer. No torch."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.analysis.pick.answer import Pick
from bakeoff.analysis.pick.moment import Moment
from bakeoff.spec.paths import contests_folder, files_folder, write_output
from bakeoff.spec.values import digest


@dataclass(frozen=True)
class ContestRecord:
    """A contest as it stood when its last command ended."""

    moments: tuple[Moment, ...]
    pick: Pick
    runs: tuple[str, ...]
    """Ids of all runs that it may train: those without a result are intermediate steps, not missing results."""

    @property
    def seconds(self) -> float:
        """How long the contest took so far, over all its commands."""
        return self.moments[-1].seconds if self.moments else 0.0


def contest_path(files: Path, runs: tuple[str, ...]) -> Path:
    """Return the path of the record of the contest with these runs, in the folder beside its store."""
    return contests_folder(files) / f"{digest(sorted(runs))[:16]}.json"


def write_record(files: Path, record: ContestRecord) -> None:
    """Write the record of a contest.

    Raises:
        BakeoffError: the folder cannot be written.
    """
    path = contest_path(files, record.runs)
    tree = asdict(record)
    tree["pick"] |= {"store": record.pick.store.name}
    write_output(path, msgspec.json.encode(tree))


def read_record(path: Path, store: Path) -> ContestRecord | None:
    """Return the record of a contest; None if it is damaged, or was written by an incompatible version."""
    try:
        found = msgspec.convert(msgspec.json.decode(path.read_bytes()), ContestRecord, dec_hook=_decode)
    except (OSError, msgspec.MsgspecError):
        return None
    return replace(found, pick=replace(found.pick, store=store))


def _decode(kind: type, value: Any) -> Any:
    return Path(value) if kind is Path else value


def read_records(store: Path) -> list[ContestRecord]:
    """Return the contests that were held in a store, the oldest first."""
    paths = sorted(
        contests_folder(files_folder(store)).glob("*.json"), key=lambda path: (path.stat().st_mtime, path.name)
    )
    return [record for path in paths if (record := read_record(path, store)) is not None]
