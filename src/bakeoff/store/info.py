"""Says what is in a store and where. Changes nothing. No torch."""

import glob
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bakeoff.store.files import CHECKPOINTS, files_of
from bakeoff.store.network_disks import network_file_system
from bakeoff.store.schema import MIGRATIONS
from bakeoff.store.store import Store


@dataclass(frozen=True)
class StoredData:
    """A data set of a store. The field names are JSON keys: do not rename them."""

    name: str
    content_hash: str
    test_images: int
    runs: int


@dataclass(frozen=True)
class Info:
    """What is in a store. The field names are JSON keys."""

    store: str
    bytes: int
    """Size of the SQLite file."""
    version: int
    """Version of the format of the file."""
    current_version: int
    """Version that this bakeoff writes."""
    states: dict[str, int]
    """Runs by their state, including damaged and newer ones."""
    untested: int
    """Of the waiting runs, those that a contest or tuning trained, which are tested only if they may win."""
    protocols: dict[int, int]
    """Runs by their version of the training protocol."""
    networks: int
    data: list[StoredData]
    studies: int
    """Commands that trained runs."""
    files: str
    """The folder with checkpoints and weights."""
    file_bytes: dict[str, int]
    """Size of the files there by what they are: see `files.StoreFile`; held: checkpoints of trainings with which `pick`
    and `tune` could continue."""
    backups: list[str]
    """Backups beside the store."""
    network_file_system: str | None
    """Type of the network file system that the store is on; None if it is on a local disk."""


def info(path: Path) -> Info:
    """Return what is in a store and where.

    Raises:
        BakeoffError: there is no such store, or it cannot be opened.
    """
    with Store(path) as store, store.reading():
        results, unreadable = store.read()
        records = store.datasets()
        rows = store._db.execute("SELECT id, net, data_hash FROM runs").fetchall()
        used = Counter(row["data_hash"] for row in rows)
        sizes = Counter[str]()
        held = {result.id for result in results if result.is_untested}
        for file in files_of(store.files, {row["id"] for row in rows}, {str(row["net"]) for row in rows}):
            is_held = file.owner in held and file.kind in CHECKPOINTS
            sizes["held" if is_held else file.kind] += file.bytes
        return Info(
            store=str(path.absolute()),
            bytes=path.stat().st_size,
            version=store.version,
            current_version=len(MIGRATIONS),
            states=dict(Counter([*(result.state for result in results), *(run.state for run in unreadable)])),
            untested=len(held),
            protocols=dict(Counter(result.run.protocol for result in results)),
            networks=len({row["net"] for row in rows}),
            data=[
                StoredData(str(record.facts.get("name", "")), key, len(record.test_labels), used[key])
                for key, record in records.items()
                if key in used
            ],
            studies=len(store.studies()),
            files=str(store.files.absolute()),
            file_bytes=dict(sizes),
            backups=[str(found) for found in sorted(path.parent.glob(f"{glob.escape(path.name)}.*.backup"))],
            network_file_system=network_file_system(path.absolute()),
        )
