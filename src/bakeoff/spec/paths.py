"""Paths of a run's files in the folder beside the store, and atomic writes. No torch."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

MAX_ID_LENGTH = 100
"""Characters of a run's id kept in a file name."""


def checkpoint_path(folder: Path, run_id: str, draft: str = "") -> Path:
    """Return the path of a run's checkpoint.

    With `draft`, return the path of one owner's draft. The owner moves it into place once the store confirms that it
    still holds the claim on the run.
    """
    return folder / f"{_stem(run_id, draft)}.pt"


def weights_path(folder: Path, run_id: str, draft: str = "") -> Path:
    """Return the path of the weights that were evaluated, or of a `draft` of them."""
    return folder / f"{_stem(run_id, draft)}.safetensors"


def _stem(run_id: str, draft: str) -> str:
    """Return the stem of a file name. The id is quoted: one from a damaged store must not point to another folder."""
    return f"{quote(run_id, safe='')[:MAX_ID_LENGTH]}{draft and f'.{draft}'}"


def delete_drafts(folder: Path, run_id: str, draft: str = "") -> None:
    """Remove the drafts of a run (of one owner, if `draft` is given) and its partly written files."""
    stem = f"{_stem(run_id, '')}.{draft}*"
    for pattern in (f"{stem}.pt", f"{stem}.safetensors", f"{stem}.tmp", f".{stem}.tmp"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def part_beside(target: Path) -> Path:
    """Return a temporary path beside `target`; the name is random, since process ids repeat across containers."""
    return target.with_name(f".{target.stem[:40]}.{secrets.token_hex(8)}.tmp")


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
    """Write a file atomically, text as UTF-8: readers see the old content until the new one is complete.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    with written_whole(target) as file:
        file.write(content.encode() if isinstance(content, str) else content)
