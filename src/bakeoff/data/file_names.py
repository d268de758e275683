"""File names as text: valid Unicode for display, and a natural sort order."""

import os
import re
from pathlib import Path


def display_path(path: str | Path) -> str:
    """Return `path` as valid Unicode; undecodable bytes become U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")


def natural_key(text: str) -> tuple:
    """Return a sort key that puts "2" before "10"."""
    parts = re.split(r"(\d+)", text)
    return tuple((int(part), "") if i % 2 else (-1, part.casefold()) for i, part in enumerate(parts)), text
