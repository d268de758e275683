"""A store of runs under several recipes, made without training, for the comparison of recipes."""

from pathlib import Path

import numpy as np

import tiny
from bakeoff.execution.plan import make_record
from bakeoff.spec.records import Epoch, Outcome, RecipeUse
from bakeoff.store.store import Store

SHORT, LONG, OTHER = {"name": "short (a=1)"}, {"name": "long", "epochs": 9}, {"name": "other", "batch_size": 8}


def fill(path: Path) -> Path:
    """Make a store of two networks under three recipes, two seeds each; nothing is compared yet."""
    data = tiny.dataset(test=50)
    random = np.random.default_rng(0)
    with tiny.ClaimingStore(path, create=True) as store:
        for changes in (SHORT, LONG, OTHER):
            for net in ("conv", "nin"):
                for seed in (0, 1):
                    run = tiny.run(net, seed, **changes)
                    store.add([run], [make_record(data)])
                    for number in range(1, run.recipe.epochs + 1):
                        store.record_epoch(run.id, Epoch(number, 1 / number, 0.5, 0.5, 0.6, 0.1, 2.0, 0.5, 22.0, 10**8))
                    predicted = np.where(random.random(50) < 0.8, data.test.labels, 0).astype(np.uint16)
                    accuracy = float((predicted == data.test.labels).mean())
                    trained = 42 if changes is OTHER else 45  # more are held out: a budget is nearly the same
                    measures = {"test_accuracy": accuracy, "test_images": 50, "train_images": trained}
                    store.finish(run.id, Outcome(3, predicted, np.eye(3, dtype=np.float16)[predicted], measures), {})
    return path


def use(changes: dict) -> RecipeUse:
    """Return a recipe on the data of the store."""
    return RecipeUse("tiny", tiny.run(**changes).recipe.key)


def compare(path: Path, *groups: tuple[dict, ...]) -> None:
    """Record in a store that recipes are compared, group by group."""
    with Store(path) as store:
        store.record_study("name = 'a'", "bakeoff run", [frozenset(map(use, group)) for group in groups])
