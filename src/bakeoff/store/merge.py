"""Merges several stores into a new one: nothing is overwritten, and runs that differ are reported. No torch.

For results, merging is commutative, associative and idempotent: of several versions of a run, the one that comes first
in an order independent of the stores is kept (`_rank`). The exception is measures added later that differ while
everything else is equal.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.spec.packed import unpack_array
from bakeoff.spec.paths import files_folder, part_beside
from bakeoff.spec.records import NamedRun, Unreadable
from bakeoff.spec.values import digest
from bakeoff.store.codec import record_of
from bakeoff.store.merge_files import Transfer, copy_files, plan_files
from bakeoff.store.rows import RunRows, differences, read_rows, sealed_again, write_rows
from bakeoff.store.store import Store

PROGRESS = ("waiting", "running", "failed", "done")
"""States of a run, in order of precedence; the last one is kept."""
TESTED = ("test_accuracy", "test_loss")
"""Measures that every result has from the beginning: others may be added later, and must not change its rank."""


@dataclass(frozen=True)
class Conflict(NamedRun):
    """A run with different results in two stores. The field names are JSON keys: do not rename them."""

    kept: str
    """The store whose result is kept: the one that was finished first."""
    dropped: str
    """The store whose result is left out; it stays in that store."""
    differences: list[str]
    """What differs, in words: the value that is kept comes first."""


@dataclass(frozen=True)
class LeftOut(NamedRun):
    """A damaged run that no store has intact. The field names are JSON keys."""

    store: str
    reason: str


@dataclass(frozen=True)
class Merged:
    """The outcome of merging stores. The field names are JSON keys."""

    output: str
    runs: int
    """Runs in the new store."""
    shared: int
    """Those that several stores had, with equal results."""
    conflicts: list[Conflict]
    left_out: list[LeftOut]
    files: int
    """Checkpoints, weights and users' networks beside the new store."""
    copied_bytes: int
    """Bytes of files that had to be copied, because they are on another disk."""


def merge(stores: Sequence[Path], output: Path, *, overwrite: bool = False) -> Merged:
    """Write a new store with everything that is in some stores, which stay as they are.

    It appears at `output` once it is complete. Copying a store in use is safe: it is read as it was at one moment; runs
    that were being trained are then waiting.

    Raises:
        BakeoffError: a store cannot be read, there is a file at `output` already, or the disk is full.
    """
    if output.exists() and not overwrite:
        raise BakeoffError(f"{output} exists: choose another name, or add --overwrite to replace it")
    if not output.parent.is_dir():
        raise BakeoffError(f"the folder {output.parent} of the new store does not exist: create it first")
    try:
        with part_beside(output) as part:
            with ExitStack() as stack:
                sources = [stack.enter_context(Store(path)) for path in stores]
                for source in sources:
                    stack.enter_context(source.reading())
                target = stack.enter_context(Store(part, create=True))
                with target.transaction():
                    merged, transfers = _merge_rows(sources, target._db, output)
            copied = copy_files(transfers, files_folder(output), overwrite=overwrite)
    except OSError as error:
        raise BakeoffError(f"cannot write {output}: {error.strerror or error}") from error
    return replace(merged, files=len(transfers), copied_bytes=copied)


def _merge_rows(sources: Sequence[Store], target: sqlite3.Connection, output: Path) -> tuple[Merged, list[Transfer]]:
    """Fill an empty store, and return the outcome with the files to copy."""
    _merge_data(sources, target)
    _merge_studies(sources, target)
    left_out: dict[str, LeftOut] = {}
    places: dict[str, list[int]] = {}
    order: dict[str, tuple[str, int]] = {}
    for number, source in enumerate(sources):
        damaged = {run.id: run for run in source.unreadable() if run.state == "damaged"}
        left_out |= {run.id: _left_out(source, run) for run in damaged.values()}
        for position, row in enumerate(source._db.execute("SELECT id, added FROM runs ORDER BY rowid")):
            if row["id"] not in damaged:
                places.setdefault(row["id"], []).append(number)
                key = (str(row["added"]), position)
                order[row["id"]] = min(key, order.get(row["id"], key))
    conflicts: list[Conflict] = []
    shared, owners = 0, dict[str, list[Store]]()
    for run_id in sorted(places, key=lambda run_id: (*order[run_id], run_id)):
        found = [(read_rows(sources[number]._db, run_id), sources[number]) for number in places[run_id]]
        rows, by, conflicting = _combine(found)
        conflicts += conflicting
        shared += len(by) > 1
        write_rows(target, rows)
        owners[run_id] = by
    nets = {str(row[0]) for row in target.execute("SELECT DISTINCT net FROM runs")}
    lost = [one for run_id, one in left_out.items() if run_id not in places]
    return (
        Merged(str(output), len(places), shared, conflicts, lost, 0, 0),
        plan_files(owners, nets, sources),
    )


def _left_out(source: Store, run: Unreadable) -> LeftOut:
    return LeftOut(run.id, run.net, run.data, run.recipe, run.seed, str(source.path), run.reason)


def _combine(found: Sequence[tuple[RunRows, Store]]) -> tuple[RunRows, list[Store], list[Conflict]]:
    """Return the rows to keep of a run, the stores with these results, and the results that differ from them."""
    ranked = sorted(found, key=lambda pair: _rank(pair[0]))
    kept, source = ranked[0]
    equal, conflicts = [source], []
    failures = {failure for rows, _ in ranked for failure in rows.failures}
    for rows, other in ranked[1:]:
        if rows.run["state"] != "done":
            continue
        if what := differences(kept, rows):
            run = kept.run
            names = (run["id"], run["net"], run["data"], run["recipe"], run["seed"])
            conflicts.append(Conflict(*names, str(source.path), str(other.path), what))
            continue
        equal.append(other)
        if rows.measures.keys() - kept.measures.keys():
            kept = sealed_again(kept, {**rows.measures, **kept.measures})
    last = kept.failures[-1] if kept.failures else None  # the one that is shown with the epochs that are kept
    ordered = sorted(failures, key=lambda one: (one == last, str(one[0]), digest([*map(str, one)])))
    return replace(kept, failures=tuple(ordered)), equal, conflicts


def _rank(rows: RunRows) -> tuple[int, int, str, str]:
    """Return what to sort versions of a run by, the one to keep first.

    A result comes before a failure, more epochs before fewer; of two results, that which was finished first.
    """
    run = rows.run
    is_done = run["state"] == "done"
    tested = [rows.measures.get(name) for name in TESTED]
    content = digest([run["settings"], [list(row) for row in rows.epochs], tested])
    progress = PROGRESS.index(run["state"])
    return -progress, 0 if is_done else -len(rows.epochs), str(run["finished"] or ""), content


def _merge_data(sources: Iterable[Store], target: sqlite3.Connection) -> None:
    """Carry over the data sets: facts that only one store has, such as duplicates, are added."""
    known: dict[str, tuple[dict[str, str], bytes]] = {}
    for source in sources:
        for row in source._db.execute("SELECT * FROM datasets ORDER BY rowid"):
            if record_of(row) is None:
                continue
            facts = {name: json.dumps(fact) for name, fact in json.loads(row["facts"]).items()}
            before, labels = known.get(row["content_hash"], ({}, row["test_labels"]))
            if not np.array_equal(unpack_array(labels, np.int64), unpack_array(row["test_labels"], np.int64)):
                raise BakeoffError(
                    f"{source.path} has other test labels than the other stores for the same data set "
                    f"({facts.get('name')}): `bakeoff store check {source.path}` says whether it is damaged"
                )
            both = {name: min(facts.get(name, fact), fact) for name, fact in before.items()}
            known[row["content_hash"]] = facts | both, labels
    for content_hash, (facts, labels) in known.items():
        whole = json.dumps({name: json.loads(fact) for name, fact in facts.items()})
        target.execute("INSERT INTO datasets VALUES (?, ?, ?)", (content_hash, whole, labels))


def _merge_studies(sources: Iterable[Store], target: sqlite3.Connection) -> None:
    """Carry over which studies were run, each once, and which recipes they compare."""
    studies: dict[tuple[str, str], str] = {}
    compared: set[tuple[str, str, str]] = set()
    for source in sources:
        for row in source._db.execute("SELECT at, command, study FROM studies ORDER BY id"):
            key = str(row["command"]), str(row["study"])
            studies[key] = min(studies.get(key, str(row["at"])), str(row["at"]))
        for row in source._db.execute("SELECT id, data_hash, recipe_key FROM comparisons"):
            compared.add((str(row["id"]), str(row["data_hash"]), str(row["recipe_key"])))
    rows = sorted((at, command, study) for (command, study), at in studies.items())
    target.executemany("INSERT INTO studies(at, command, study) VALUES (?, ?, ?)", rows)
    target.executemany("INSERT INTO comparisons(id, data_hash, recipe_key) VALUES (?, ?, ?)", sorted(compared))
