"""Stores of finished runs with so many images right, for what is said of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec
import numpy as np

import tiny
from bakeoff.data.dataset import Dataset
from bakeoff.data.resplit import hash_folds
from bakeoff.execution.plan import make_record
from bakeoff.spec.records import DataRecord, Epoch, Outcome
from bakeoff.spec.run import Run


def seeds_of(
    path: Path,
    right: Mapping[str, Sequence[int | np.ndarray]],
    images: int,
    weights: Mapping[str, str] = MappingProxyType({}),
    *,
    folds: int = 0,
    **changes: object,
) -> Path:
    """Fill a store with runs that get so many of the test images right, the first ones, or those of a mask.

    Networks in `weights` start from weights of that SHA-256. With `folds`, each run is one per fold, which tests its
    part of the images. `changes` are those of the recipe.
    """
    data: Dataset = tiny.dataset(test=images)
    labels = data.test.labels
    whole, parts = make_record(data), np.array_split(np.arange(images), folds or 1)
    with tiny.ClaimingStore(path, create=True) as store:
        for net, seeds in right.items():
            for seed, own in enumerate(seeds):
                if own is None:
                    continue
                hits = own if isinstance(own, np.ndarray) else np.arange(images) < own
                for number, part in enumerate(parts, start=1):
                    run = msgspec.structs.replace(tiny.run(net, seed, **changes), weights=weights.get(net, ""))
                    record = whole
                    if folds:
                        named = {"data": f"tiny~fold={number}of{folds}", "data_hash": hash_folds("tiny", number, folds)}
                        run = msgspec.structs.replace(run, **named)
                        facts = whole.facts | {"name": named["data"], "content_hash": named["data_hash"]}
                        record = DataRecord(named["data_hash"], facts, labels[part])
                    store.add([run], [record])
                    _finish(store, run, labels[part], hits[part])
    return path


def _finish(store: tiny.ClaimingStore, run: Run, labels: np.ndarray, hits: np.ndarray) -> None:
    store.record_epoch(run.id, Epoch(1, 1.0, 0.5, 0.5, float(hits.mean()), 0.1, 2.0, 0.5, 22.0, 10**8))
    predicted = np.where(hits, labels, (labels + 1) % 3).astype(np.uint16)
    accuracy = float((predicted == labels).mean())
    measures = {"test_accuracy": accuracy, "test_images": len(labels), "reported_epoch": 1, "flops": 1000}
    store.finish(run.id, Outcome(1, predicted, np.eye(3, dtype=np.float16)[predicted], measures), {})
