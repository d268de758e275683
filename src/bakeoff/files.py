"""Where the files of a run lie, in the folder beside the store. No torch."""

from pathlib import Path


def checkpoint_path(folder: Path, run_id: str) -> Path:
    """Return the file from which an unfinished run goes on."""
    return folder / f"{run_id}.pt"


def weights_path(folder: Path, run_id: str) -> Path:
    """Return the file with the weights that a finished run was judged by."""
    return folder / f"{run_id}.safetensors"
