"""The images that a model was trained on, where they are on this machine.

A model's file names its data set without the folder. The store beside the file knows the folder. No torch.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff import data as datasets
from bakeoff.data.dataset import Dataset
from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import store_beside
from bakeoff.store.store import Store

if TYPE_CHECKING:
    from bakeoff.training.bundles import Bundle


def name_of_training_data(path: Path, bundle: "Bundle") -> str:
    """Return the name of the data set that a model was trained on: that in its store, else that in its file.

    Args:
        path: of the model's file.
        bundle: what it says.
    """
    if store := store_beside(path):
        with Store(store) as opened:
            for result in opened.results([bundle.run.id]):
                return result.run.data
    return bundle.run.data


def load_training_data(path: Path, bundle: "Bundle") -> Dataset:
    """Return the data set that a model was trained on, without downloading anything.

    Raises:
        BakeoffError: the images are not here, or have changed.
    """
    run, name = bundle.run, name_of_training_data(path, bundle)
    if not datasets.is_local(name):
        raise BakeoffError(f"the images of {name} are not on this machine")
    found = datasets.load_dataset(name, run.recipe.image)
    if found.info.content_hash != run.data_hash:
        raise BakeoffError(f"the images of {name} have changed since the training")
    return found
