"""Paths of a run's files in the folder beside the store, and atomic writes. No torch."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from bakeoff.errors import BakeoffError
from bakeoff.text import shell

DEFAULT_STORE = Path("bakeoff.db")
"""The store of commands without --store."""
MAX_ID_LENGTH = 100
"""Characters of a run's id kept in a file name."""


def store_argument(store: str | Path) -> str:
    """Return what a suggested command needs to use a store: ` --store FILE`, or nothing for the default one."""
    return "" if Path(store) == DEFAULT_STORE else f" --store {shell.quote(store)}"


def files_folder(store: Path) -> Path:
    """Return the folder beside a store for checkpoints, weights and other files that belong to it."""
    return store.with_name(f"{store.name}.files")


def store_beside(path: Path) -> Path | None:
    """Return the store that a file belongs to: `runs.db` for `runs.db.files/ID.safetensors`, None if there is none."""
    folder = path.absolute().parent
    store = folder.with_name(folder.name.removesuffix(".files") or folder.name)
    return store if store != folder and store.is_file() else None


def contests_folder(files: Path) -> Path:
    """Return the folder with the records of contests, in the folder beside their store."""
    return files / "contests"


def checkpoint_path(folder: Path, run_id: str, draft: str = "") -> Path:
    """Return the path of a run's checkpoint.

    With `draft`, return the path of one owner's draft. The owner moves it into place once the store confirms that it
    still holds the claim on the run.
    """
    return folder / f"{_stem(run_id, draft)}.pt"


def draft_after(draft: str, epoch: int) -> str:
    """Return the draft of the checkpoint after an epoch; none for no draft.

    Each epoch has its own, so that a worker never replaces the checkpoint of an epoch that is still to be recorded.
    """
    return draft and f"{draft}-{epoch}"


def weights_path(folder: Path, run_id: str, draft: str = "") -> Path:
    """Return the path of the weights that were evaluated, or of a `draft` of them."""
    return folder / f"{_stem(run_id, draft)}.safetensors"


def trunk_path(folder: Path, run_id: str) -> Path:
    """Return the path of the checkpoint from before a run's learning rate falls: longer runs resume from it."""
    return folder / f"{_stem(run_id, '')}.trunk"


def _stem(run_id: str, draft: str) -> str:
    """Return the stem of a file name. The id is quoted: one from a damaged store must not point to another folder."""
    return f"{quote(run_id, safe='')[:MAX_ID_LENGTH]}{draft and f'.{draft}'}"


def delete_drafts(folder: Path, run_id: str, draft: str = "") -> None:
    """Remove the drafts of a run (of one owner, if `draft` is given) and its partly written files."""
    stem = f"{_stem(run_id, '')}.{draft}*"
    for pattern in (f"{stem}.pt", f"{stem}.safetensors", f"{stem}.tmp", f".{stem}.tmp"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


@contextmanager
def part_beside(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`, and move the file written there to `target`, unless there is an error.

    The name is random, since process ids repeat across containers.
    """
    part = target.with_name(f".{target.stem[:40]}.{secrets.token_hex(8)}.tmp")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def move_folder(finished: Path, target: Path) -> None:
    """Move a complete folder to `target`; if another process was faster, its folder stays.

    Raises:
        OSError: the disk cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        finished.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def replace_folder(finished: Path, target: Path) -> None:
    """Move a complete folder to `target`, and delete the folder that was there. If the move fails, that one stays.

    Raises:
        OSError: the disk cannot be written.
    """
    old = finished.with_name(f"{finished.stem}.old.tmp")
    with suppress(FileNotFoundError):
        target.rename(old)
    try:
        finished.rename(target)
    except OSError:
        with suppress(OSError):
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def written_whole(target: Path) -> Iterator[BinaryIO]:
    """Open a temporary file for writing, sync it to disk, then move it to `target`: written completely or not at all.

    Missing folders are created.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not target.is_file():  # a pipe or /dev/stdout: write to it, do not replace it
        with target.open("wb") as file:
            yield file
        return
    with part_beside(target) as part, part.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_whole(target: Path, content: bytes | str) -> None:
    """Write a file atomically, text as UTF-8: readers see the old content until the new one is complete.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    with written_whole(target) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def check_output(target: Path) -> None:
    """Check that a file that the user asked for can be written, before the work for it begins.

    Raises:
        BakeoffError: it is a folder, or its folder cannot be written or made.
    """
    above = next(parent for parent in target.absolute().parents if parent.exists())
    if target.is_dir():
        code = errno.EISDIR
    elif not above.is_dir():
        code = errno.ENOTDIR
    elif not os.access(target if target.exists() else above, os.W_OK):
        code = errno.EACCES
    else:
        return
    raise BakeoffError(f"cannot write {target}: {os.strerror(code)}")


def write_output(target: Path, content: bytes | str) -> None:
    """Write a file that the user asked for, as `write_whole`.

    Raises:
        BakeoffError: it cannot be written.
    """
    try:
        write_whole(target, content)
    except OSError as error:
        raise BakeoffError(f"cannot write {target}: {error.strerror or error}") from error
