"""Where the files of a run lie, in the folder beside the store, and how files are written whole. No torch."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

LONGEST = 100
"""Characters of a run's id in a file's name."""


def checkpoint_path(folder: Path, run_id: str, draft: str = "") -> Path:
    """Return the file from which an unfinished run goes on.

    With `draft`, a word of whoever trains the run, it is one of their own, which does not count until the run is found
    to be theirs still.
    """
    return folder / f"{_begin(run_id, draft)}.pt"


def weights_path(folder: Path, run_id: str, draft: str = "") -> Path:
    """Return the file with the weights that a finished run was judged by, or a `draft` of it."""
    return folder / f"{_begin(run_id, draft)}.safetensors"


def _begin(run_id: str, draft: str) -> str:
    """Return how the name of a file begins. An id from a damaged store may be anything: it names no file elsewhere."""
    return f"{quote(run_id, safe='')[:LONGEST]}{draft and f'.{draft}'}"


def delete_drafts(folder: Path, run_id: str, draft: str = "") -> None:
    """Remove what did not come to count of a run, of one draft or of all, and what was left half-written."""
    begin = f"{_begin(run_id, '')}.{draft}*"
    for pattern in (f"{begin}.pt", f"{begin}.safetensors", f"{begin}.tmp", f".{begin}.tmp"):
        for left in folder.glob(pattern):
            left.unlink(missing_ok=True)


def part_beside(target: Path) -> Path:
    """Return where to write a file before it is moved to its place: nobody else, in no container, has this name."""
    return target.with_name(f".{target.stem[:40]}.{secrets.token_hex(8)}.tmp")


@contextmanager
def written_whole(target: Path) -> Iterator[BinaryIO]:
    """Give a file beside `target` to write to, force it to disk, then move it there: all of it or nothing.

    Folders that are not there are made.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not target.is_file():  # a pipe, /dev/stdout: written to, never replaced
        with target.open("wb") as file:
            yield file
        return
    part = part_beside(target)
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def write_whole(target: Path, content: bytes | str) -> None:
    """Write a file, text as UTF-8: others see the old one until the new one is whole.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    with written_whole(target) as file:
        file.write(content.encode() if isinstance(content, str) else content)
