"""Which network is best for these images, at what cost, and how sure are we?

`pick` finds the best network for some images within a budget of time, `tune` a better recipe for a network. `run`
trains networks on data sets and returns `Results`; `estimate` says what that would take, `load` opens those of a
store. `answer` says which network is best and how sure that is, `audit` which numbers cannot be trusted, `report`
writes the page. `load_model` loads a trained network, which predicts the classes of image files. `reproduce` repeats a
published study, `compare` shows its numbers next to yours. `dial` changes one thing about a data set step by step,
`ablate` finds out which change helped. `merge` puts stores together, `forget` removes runs.

Nothing heavy is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bakeoff.api import (
        Answer,
        Estimate,
        Experiments,
        Picked,
        Results,
        Tuned,
        ablate,
        answer,
        audit,
        compare,
        dial,
        estimate,
        forget,
        load,
        merge,
        pick,
        report,
        reproduce,
        run,
        tune,
    )
    from bakeoff.data.dataset import Dataset
    from bakeoff.errors import BakeoffError
    from bakeoff.inference.choice import load_model
    from bakeoff.inference.model import Model
    from bakeoff.spec.recipe import Recipe
    from bakeoff.spec.run import Run
    from bakeoff.studies.study import Study

__all__ = [
    "Answer",
    "BakeoffError",
    "Dataset",
    "Estimate",
    "Experiments",
    "Model",
    "Picked",
    "Recipe",
    "Results",
    "Run",
    "Study",
    "Tuned",
    "ablate",
    "answer",
    "audit",
    "compare",
    "dial",
    "estimate",
    "forget",
    "load",
    "load_model",
    "merge",
    "pick",
    "report",
    "reproduce",
    "run",
    "tune",
]

_HOMES = dict.fromkeys(__all__, "api") | {
    "BakeoffError": "errors",
    "Dataset": "data.dataset",
    "Model": "inference.model",
    "load_model": "inference.choice",
    "Recipe": "spec.recipe",
    "Run": "spec.run",
    "Study": "studies.study",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"bakeoff.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'bakeoff' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
