"""Where the files of a run lie, in the folder beside the store. No torch."""

import os
import secrets
from pathlib import Path


def checkpoint_path(folder: Path, run_id: str) -> Path:
    """Return the file from which an unfinished run goes on."""
    return folder / f"{run_id}.pt"


def weights_path(folder: Path, run_id: str) -> Path:
    """Return the file with the weights that a finished run was judged by."""
    return folder / f"{run_id}.safetensors"


def part_beside(target: Path) -> Path:
    """Return where to write a file before it is moved to its place: nobody else, in no container, has this name."""
    return target.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}.tmp")
