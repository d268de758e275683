"""Stores of finished runs with so many images right, for what is said of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import tiny
from bakeoff.data.dataset import Dataset
from bakeoff.execution.plan import record_of
from bakeoff.spec.records import Epoch, Outcome


def seeds_of(path: Path, right: Mapping[str, Sequence[int | np.ndarray]], images: int) -> Path:
    """Fill a store with runs that get so many of the test images right, the first ones, or those of a mask."""
    data: Dataset = tiny.dataset(test=images)
    labels = data.test.labels
    with tiny.ClaimingStore(path, create=True) as store:
        for net, seeds in right.items():
            for seed, own in enumerate(seeds):
                if own is None:
                    continue
                run = tiny.run(net, seed)
                store.add([run], [record_of(data)])
                hits = own if isinstance(own, np.ndarray) else np.arange(images) < own
                store.record_epoch(run.id, Epoch(1, 1.0, 0.5, 0.5, float(hits.mean()), 0.1, 2.0, 0.5, 22.0, 10**8))
                predicted = np.where(hits, labels, (labels + 1) % 3).astype(np.uint16)
                accuracy = float((predicted == labels).mean())
                measures = {"test_accuracy": accuracy, "test_images": images, "reported_epoch": 1, "flops": 1000}
                probabilities = np.eye(3, dtype=np.float16)[predicted]
                store.finish(run.id, Outcome(1, predicted, probabilities, measures), {})
    return path
