"""Finds the model that a user names: a file, or one of a store by id, network or "best"."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.inference.library import describe_best, find_model
from bakeoff.inference.model import Model, load_models
from bakeoff.store.store import Store
from bakeoff.training.bundles import has_bundle

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Chosen:
    """The files of the model that a user named."""

    paths: list[Path]
    """One, or with an ensemble one for each seed."""
    reason: str = ""
    """What "best" stands for, and why; empty for other names."""


def choose_files(name: str, store: Path, data: str | None = None, *, ensemble: bool = False) -> Chosen:
    """Return the file of the model that is named, or those of all its seeds.

    Raises:
        BakeoffError: there is no such model, or it was trained by a version that kept the weights alone.
    """
    if name.endswith(SUFFIX) or Path(name).is_file():
        return Chosen([Path(name)])
    with Store(store) as opened:
        found = find_model(opened, name, data)
    chosen = found.models if ensemble else found.models[:1]
    old = [one for one in chosen if not has_bundle(one.path)]
    if old:
        raise BakeoffError(
            f"{old[0].path} was written by an older version and lacks classes and image settings: "
            "run `bakeoff models --complete` where the images are"
        )
    return Chosen([one.path for one in chosen], describe_best(found, ensemble=ensemble) if found.reason else "")


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
            or "best": the winner of the latest contest on the data set, or without a contest the network with the best
            mean validation accuracy over its seeds.
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
    return load_models(choose_files(str(name), Path(store), data, ensemble=ensemble).paths)
