"""Completes weights of older versions to bundles, if the images of the training are on this machine.

Bundles that lack only the measures of the run get them from the store; those of versions that kept the folder of the
images lose it.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from bakeoff import data as datasets
from bakeoff.errors import BakeoffError
from bakeoff.inference.library import Listed, list_models
from bakeoff.spec.paths import written_whole
from bakeoff.spec.run import Run
from bakeoff.store.store import Store
from bakeoff.training.bundles import (
    Bundle,
    has_bundle,
    make_bundle,
    portable,
    read_description,
    with_bundle,
    with_results,
)
from bakeoff.training.partition import partition_data


def complete_bundles(store: Store) -> Iterator[tuple[Listed, str]]:
    """Complete the weights of a store, and yield each model that was incomplete with why it still is, or ""."""
    results, records = {result.id: result for result in store.results()}, store.datasets()
    for model in list_models(store):
        try:
            bundle = read_description(model.path) if has_bundle(model.path) else None
            if bundle is not None and bundle.measures and bundle.run == portable(bundle.run):
                continue
            result = results[model.id]
            labels = records[result.run.data_hash].test_labels
            bundle = replace(bundle, run=portable(bundle.run)) if bundle else _bundle_of(result.run)
            bundle = with_results(bundle, result.measures, labels, *store.predictions(model.id))
            with written_whole(model.path) as target:
                target.write(with_bundle(model.path, bundle))
        except BakeoffError as error:
            yield model, str(error)
        except OSError as error:
            yield model, f"cannot write {model.path}: {error.strerror or error}"
        else:
            yield model, ""


def _bundle_of(run: Run) -> Bundle:
    """Return the bundle of a run from its images.

    Raises:
        BakeoffError: they are not on this machine, or have changed.
    """
    images = datasets.load_dataset(run.data, run.recipe.image)
    if images.info.content_hash != run.data_hash:
        raise BakeoffError(f"the images of {run.data} have changed since the training")
    return make_bundle(run, images, partition_data(run, images, "cpu").normalizer)
