"""Runs to rank."""

from bakeoff.spec.recipe import SGD, Recipe
from bakeoff.spec.records import Failure, Result
from bakeoff.spec.run import Run

RECIPE = Recipe(
    name="plain", epochs=3, batch_size=32, validation=0.1, select="last", normalize="unit", optimizer=SGD(lr=0.1)
)


def result(net="conv", seed=0, accuracy=None, data="digits", data_hash="h", recipe=RECIPE, **measures) -> Result:
    """One run, finished if it has an accuracy."""
    run = Run(net, data, data_hash, recipe, seed)
    if accuracy is None:
        return Result(run.id, run, "waiting")
    return Result(run.id, run, "done", measures={"test_accuracy": accuracy, **measures})


def failed(net="conv", seed=0) -> Result:
    run = Run(net, "digits", "h", RECIPE, seed)
    return Result(run.id, run, "failed", failure=Failure("error", "x"))
