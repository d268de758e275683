"""Where data lie on this machine: original files in the data folder, packed arrays in the cache folder."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder for what can be made again: `$BAKEOFF_CACHE`, else the user's cache directory."""
    if chosen := os.environ.get("BAKEOFF_CACHE"):
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("bakeoff")


TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# What is here can be made again by bakeoff. See https://bford.info/cachedir/\n"
)


def tag_cache_folder() -> None:
    """Mark the cache folder, which must exist, as what it is: for backups, and lest it be taken for a class."""
    tag = cache_folder() / "CACHEDIR.TAG"
    if not tag.exists():
        tag.write_text(TAG, encoding="ascii")


def data_folders() -> list[Path]:
    """Return the folders in which original files are looked for, the preferred one first.

    They are `$BAKEOFF_DATA`, which may be read-only, and `data` in the cache folder.
    """
    chosen = os.environ.get("BAKEOFF_DATA")
    return ([Path(chosen).expanduser()] if chosen else []) + [cache_folder() / "data"]
