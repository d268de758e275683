"""Finds the model that a command was given by name, and says which one `best` is."""

from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.console.terminal import Console, escape

if TYPE_CHECKING:
    from bakeoff.inference.model import Model


def find_named_files(name: str, store: Path, data: str | None = None, *, ensemble: bool = False) -> list[Path]:
    """Return the files of the model that is named, and print on standard error what `best` is.

    Raises:
        BakeoffError: there is no such model, or it was trained by a version that kept the weights alone.
    """
    from bakeoff.inference.choice import choose_files

    chosen = choose_files(name, store, data, ensemble=ensemble)
    if chosen.reason:
        Console(stderr=True).print(escape(chosen.reason), style="dim", soft_wrap=True, highlight=False)
    return chosen.paths


def load_named_model(name: str, store: Path, data: str | None = None, *, ensemble: bool = False) -> "Model":
    """Load the model that is named; see `find_named_files`."""
    from bakeoff.inference.model import load_models

    return load_models(find_named_files(name, store, data, ensemble=ensemble))
