"""Checks of a recipe."""

import inspect
from collections.abc import Callable, Iterator

from bakeoff.errors import BakeoffError
from bakeoff.execution.checking.report import Check, run_check
from bakeoff.execution.rehearsal import check_training, random_dataset
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.recipe import Recipe

NETS = ("resnet20", "conv", "vgg16-tv")
"""Networks that a recipe is checked with; it trains the first."""
PHOTOGRAPHS = DataInfo("folder:photos", None, ("a", "b"), "", 900, 100, 100, photographs=True)
"""A folder of images of several sizes, with a validation split."""


def check_recipe(choose: Callable[[str, DataInfo], Recipe], shape: ImageShape, classes: int) -> Iterator[Check]:
    """Get the recipe for several networks and data sets, and train on a few random images with it."""
    chosen: list[Recipe] = []
    small = random_dataset(shape, classes).info

    def choose_all() -> Iterator[str]:
        for net in NETS:
            for info in (small, PHOTOGRAPHS):
                recipe, again = choose(net, info), choose(net, info)
                if not isinstance(recipe, Recipe):
                    raise BakeoffError(f"it must return a bakeoff.Recipe, but returns {type(recipe).__name__}")
                if recipe != again:
                    yield f"it returns different settings for {net} on the second call"
                chosen.append(recipe)

    yield run_check("returns a recipe for every network and data set", choose_all)
    without = () if inspect.getdoc(choose) else ("it has no docstring to say where its settings come from",)
    yield run_check("says where its settings come from", lambda: without, optional=True)
    title = f"trains {NETS[0]}, and resumes from a checkpoint"
    if chosen:
        yield run_check(title, lambda: check_training(NETS[0], shape, classes, chosen[0]))
    else:
        yield Check(title, "skipped", "there is no recipe")
