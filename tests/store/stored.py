"""Runs and results that the tests of the store write and read."""

import subprocess
import sys

import msgspec
import numpy as np

from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.recipe import SGD, Recipe
from bakeoff.spec.records import DataRecord, Epoch, Outcome
from bakeoff.spec.run import Run
from bakeoff.spec.values import to_dict

RECIPE = Recipe(
    name="r", epochs=3, batch_size=32, validation=0.1, select="last", normalize="unit", optimizer=SGD(lr=0.1)
)
RUN = Run("conv", "digits", "hash", RECIPE, 0)
OTHER = msgspec.structs.replace(RUN, seed=1)
LABELS = np.array([0, 2, 1, 1])
INFO = DataInfo("digits", ImageShape(1, 8, 8), ("a", "b", "c"), "hash", 9, 0, len(LABELS), False)
DATA = DataRecord("hash", to_dict(INFO), LABELS)
PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0, 0, 1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]], np.float16)
OUTCOME = Outcome(3, PROBABILITIES.argmax(1).astype(np.uint16), PROBABILITIES, {"test_accuracy": 0.75, "epochs": 3})
ENVIRONMENT = {"torch": "2", "threads": 1}
SOMEBODY = "elsewhere.example:1234:1700000000"
ME = "me"
"""Owners on machines whose processes are not visible."""


def epoch(number: int, **changes) -> Epoch:
    return msgspec.structs.replace(Epoch(number, 1.0, 0.5, 0.9, 0.6, 0.1, 2.0, 0.5, 700.0, 10**9), **changes)


def end_process() -> str:
    """The owner of a process on this machine that has ended."""
    code = "from bakeoff.store.claims import new_owner; print(new_owner())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


OLDER = {
    2: ["ALTER TABLE runs DROP COLUMN network", "DROP TABLE networks"],
    3: ["ALTER TABLE failures DROP COLUMN file", "ALTER TABLE failures DROP COLUMN line"],
    4: ["DROP TABLE comparisons"],
    5: ["ALTER TABLE runs DROP COLUMN token", "DROP TABLE tokens"],
}
"""Version of a store → what the next one added, undone."""


def make_older(store, version: int) -> None:
    """Turn an open store into one as a former version wrote it."""
    for number in sorted(OLDER, reverse=True):
        for statement in OLDER[number] if number >= version else ():
            store._db.execute(statement)
    store._db.execute(f"PRAGMA user_version = {version}")
