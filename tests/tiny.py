"""A data set and recipes so small that a run takes a fraction of a second."""

from pathlib import Path

import msgspec
import numpy as np

from bakeoff.data.dataset import Dataset, Images
from bakeoff.execution.plan import make_record
from bakeoff.machine.hardware import Machine
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.recipe import SGD, Recipe
from bakeoff.spec.records import Epoch, Outcome, is_cost
from bakeoff.spec.run import Run
from bakeoff.store.claims import Claim
from bakeoff.store.store import Store

MACHINE = Machine(threads=1)
RECIPE = Recipe(
    name="tiny", epochs=3, batch_size=16, validation=0.25, select="last", normalize="unit", optimizer=SGD(lr=0.05)
)


def images(count: int, seed: int, side: int = 8, classes: int = 3) -> Images:
    """Noise with a bright row that tells the class; labels in no order."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % classes)
    pixels = random.integers(0, 100, (count, 1, side, side), dtype=np.uint8)
    pixels[np.arange(count), :, labels, :] += 120
    return Images(pixels, labels.astype(np.int64))


def dataset(train: int = 60, test: int = 25, validation: int = 0, side: int = 8) -> Dataset:
    """A data set that exists only in memory."""
    info = DataInfo("tiny", ImageShape(1, side, side), ("a", "b", "c"), "tiny", train, validation, test, False)
    own = images(validation, 2, side) if validation else None
    return Dataset(info, images(train, 0, side), own, images(test, 1, side), "made up", "none", "none")


def run(net: str = "lenet-afif", seed: int = 0, **changes) -> Run:
    """One run on `dataset()`, with these changes to the recipe."""
    return Run(net, "tiny", "tiny", msgspec.structs.replace(RECIPE, **changes), seed)


def without_times(measures: dict[str, float]) -> dict[str, float]:
    """What two runs of the same settings must agree on to the last bit."""
    return {name: value for name, value in measures.items() if not is_cost(name)}


DIGITS = {"images_per_class": 20, "validation": 50, "epochs": 2}
"""Changes to `quick` that make a run on the real digits take about a tenth of a second."""


class ClaimingStore(Store):
    """A store that claims a run for whoever writes it, as a study does before it."""

    def held(self, run_id, owner="me", state="running"):
        """The claim of an owner on a run, which it is given if nobody has one."""
        row = self._db.execute("SELECT state, owner, token FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row and row["owner"] is None and {row["state"], state} in ({state}, {"waiting", "running"}):
            return self.claim(run_id, owner, finished=state == "done")
        return Claim(run_id, owner, row["token"] if row else 0)

    def record_epoch(self, run_id, epoch, owner="me"):
        super().record_epoch(self.held(run_id, owner), epoch)

    def finish(self, run_id, outcome, environment, owner="me"):
        super().finish(self.held(run_id, owner), outcome, environment)

    def fail(self, run_id, failure, environment, owner="me"):
        super().fail(self.held(run_id, owner), failure, environment)

    def add_measures(self, run_id, measures, owner="me"):
        super().add_measures(self.held(run_id, owner, "done"), measures)


def finished_store(
    path: Path, nets: tuple[str, ...] = ("lenet-afif", "nin"), seeds: int = 2, clarity: float = 0.7
) -> None:
    """Make a store as if runs had been trained, without training any; at a clarity of 2 nothing is mistaken."""
    data = dataset()
    random = np.random.default_rng(0)
    with ClaimingStore(path, create=True) as store:
        for net in nets:
            for seed in range(seeds):
                one = run(net, seed)
                store.add([one], [make_record(data)])
                for number in (1, 2, 3):
                    hits = float(random.uniform(0.5, 0.9))
                    store.record_epoch(one.id, Epoch(number, 1 / number, hits, 0.5, 0.6, 0.1, 2.0, 0.5, 22.0, 10**8))
                scores = random.random((25, 3)) + clarity * np.eye(3)[data.test.labels]
                probabilities = (scores / scores.sum(1, keepdims=True)).astype(np.float16)
                predicted = probabilities.argmax(1).astype(np.uint16)
                measures = {
                    "test_accuracy": float((predicted == data.test.labels).mean()),
                    "test_loss": float(-np.log(probabilities[np.arange(25), data.test.labels].astype(float)).mean()),
                    "epochs": 3,
                    "reported_epoch": 3,
                    "train_images": 45,
                    "test_images": 25,
                    "parameters": 1040,
                    "trainable_parameters": 1000,
                    "flops": 20_000,
                    "train_seconds": 6.0,
                    "evaluation_seconds": 1.0,
                    "images_per_second": 22.5,
                    "peak_memory_bytes": 10**8,
                }
                store.finish(one.id, Outcome(3, predicted, probabilities, measures), {"torch": "2", "threads": 1})
