"""A store as if experiments had been run on the digits: every network at every level as right as a table says."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bakeoff.data import info, stand_in
from bakeoff.spec.records import DataRecord, Epoch, Outcome
from bakeoff.spec.run import Run
from bakeoff.spec.values import to_dict
from bakeoff.studies.recipes import recipe_for
from bakeoff.studies.study import Study
from bakeoff.studies.tables import Exceptional, Turn
from bakeoff.studies.toml import write_study
from tiny import ClaimingStore

IMAGES = 2000


def study(turns: Sequence[Turn], nets: Sequence[str], seeds: int = 3) -> Study:
    """A study of nothing but these experiments."""
    return Study(
        name="made-up",
        nets=tuple(nets),
        data=("digits",),
        seeds=seeds,
        set={"epochs": 1},
        cells=(Exceptional(leave_out=True),),
        dials=tuple(turns),
    )


def fill(path: Path, own: Study, accuracy: Mapping[tuple[str, float], float], scatter: float = 0.004) -> Path:
    """Put the runs of `own` into a store: (network, level) → mean accuracy; seeds scatter about it."""
    random = np.random.default_rng(0)
    with ClaimingStore(path, create=True) as store:
        store.record_study(write_study(own), "bakeoff dial made-up")
        for turn in own.dials:
            for level, cell in own.turned(turn):
                if (cell.net, level) not in accuracy:
                    continue
                facts = info(cell.data)
                labels = np.arange(IMAGES) % len(facts.classes)
                record = DataRecord(facts.content_hash, to_dict(facts) | {"source": "made up"}, labels)
                for seed in range(own.seeds):
                    recipe = recipe_for(cell, stand_in(facts, cell.data))
                    run = Run(cell.net, cell.data, facts.content_hash, recipe, seed)
                    store.add([run], [record])
                    right = random.random(IMAGES) < accuracy[cell.net, level] + scatter * random.standard_normal()
                    predicted = np.where(right, labels, (labels + 1) % len(facts.classes))
                    probabilities = np.eye(len(facts.classes), dtype=np.float16)[predicted]
                    store.record_epoch(run.id, Epoch(1, 0.5, 0.9, 0.5, 0.9, 0.1, 1.0, 0.1, 100.0, 10**8))
                    measures = {"test_accuracy": float(right.mean()), "flops": 1e6, "train_seconds": 1.0}
                    store.finish(run.id, Outcome(1, predicted.astype(np.uint16), probabilities, measures), {})
    return path


CROSSING = {
    ("conv", 1.0): 0.98, ("conv", 0.5): 0.94, ("conv", 0.25): 0.70, ("conv", 0.125): 0.20,
    ("nin", 1.0): 0.94, ("nin", 0.5): 0.93, ("nin", 0.25): 0.91, ("nin", 0.125): 0.85,
    ("lenet-afif", 1.0): 0.90, ("lenet-afif", 0.5): 0.88, ("lenet-afif", 0.25): 0.80, ("lenet-afif", 0.125): 0.60,
}  # fmt: skip
"""conv leads at full contrast and degrades first; nin leads at low contrast; lenet-afif overtakes conv below."""
ASKS = "Does nin stand low contrast better?"
TURN = Turn(turn="contrast", data="digits", levels=(1, 0.5, 0.25, 0.125), asks=ASKS, favours=("nin",), towards=0.125)


def crossing_store(path: Path, seeds: int = 3) -> Path:
    """A store of `CROSSING`."""
    return fill(path, study([TURN], ("conv", "nin", "lenet-afif"), seeds), CROSSING)
