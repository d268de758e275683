"""Finds the model that a user names: a file, or one of a store by id, network or "best"."""

from collections.abc import Sequence
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.inference.library import find_models, find_seeds
from bakeoff.inference.model import Model, load_models
from bakeoff.store.store import Store
from bakeoff.training.bundles import has_bundle

SUFFIX = ".safetensors"


def choose_paths(name: str, store: Path, data: str | None = None, *, ensemble: bool = False) -> list[Path]:
    """Return the file of the model that is named, or those of all its seeds.

    Raises:
        BakeoffError: there is no such model, or it was trained by a version that kept the weights alone.
    """
    if name.endswith(SUFFIX) or Path(name).is_file():
        return [Path(name)]
    with Store(store) as opened:
        models = find_models(opened, name, data)
        chosen = find_seeds(models) if ensemble else models[:1]
    old = [one for one in chosen if not has_bundle(one.path)]
    if old:
        raise BakeoffError(
            f"{old[0].path} was written by an older version and lacks classes and image settings: "
            "run `bakeoff models --complete` where the images are"
        )
    return [one.path for one in chosen]


def choose_model(name: str, store: Path, data: str | None = None, *, ensemble: bool = False) -> Model:
    """Load the model that is named; see `choose_paths`."""
    return load_models(choose_paths(name, store, data, ensemble=ensemble))


def load_model(
    name: str | Path | Sequence[str | Path] = "best",
    store: str | Path = "bakeoff.db",
    *,
    data: str | None = None,
    ensemble: bool = False,
) -> Model:
    """Load a trained network with everything that turns an image into probabilities.

    Args:
        name: a file, or of a store: the id of a run or its beginning, a network (its best seed by validation accuracy),
            or "best".
        store: the SQLite file with the results.
        data: the data set, where the store has several.
        ensemble: average the probabilities of all seeds.

    Raises:
        BakeoffError: there is no such model, or its file cannot be read.

    Example:
        >>> model = bakeoff.load_model("best", store="small.db")
        >>> model.predict("new.png")[0].label in model.classes
        True
    """
    if not isinstance(name, str | Path):
        return load_models([Path(one) for one in name])
    return choose_model(str(name), Path(store), data, ensemble=ensemble)
