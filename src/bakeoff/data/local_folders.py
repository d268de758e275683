"""Folders for data on this machine: original files in the data folder, packed arrays in the cache folder."""

import contextlib
import os
from pathlib import Path

from bakeoff.spec.paths import write_whole


def cache_folder() -> Path:
    """Return the folder for files that can be recreated: `$BAKEOFF_CACHE`, else the user's cache directory."""
    if chosen := os.environ.get("BAKEOFF_CACHE"):
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("bakeoff")


TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# What is here can be made again by bakeoff. See https://bford.info/cachedir/\n"
)


def tag_cache_folder() -> None:
    """Tag the cache folder, which must exist, so that backups skip it and it is not taken for a class."""
    tag = cache_folder() / "CACHEDIR.TAG"
    if not tag.exists():
        tag.write_text(TAG, encoding="ascii")


def data_folders() -> list[Path]:
    """Return the folders that are searched for original files, in order.

    They are `$BAKEOFF_DATA`, which may be read-only, and `data` in the cache folder.
    """
    chosen = os.environ.get("BAKEOFF_DATA")
    return ([Path(chosen).expanduser()] if chosen else []) + [cache_folder() / "data"]


def remember(path: Path, content: bytes) -> None:
    """Write a file to the cache atomically; failures are ignored, as they only cost time."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        tag_cache_folder()
        write_whole(path, content)
