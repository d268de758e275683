"""Recipes in TOML files, such as those that `bakeoff tune` writes: changes to another recipe, and their origin."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from bakeoff.errors import BakeoffError
from bakeoff.lookup import find
from bakeoff.spec.data import DataInfo
from bakeoff.spec.overrides import change, read_toml
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.validation import explain_error
from bakeoff.spec.values import Value, digest
from bakeoff.studies.recipes import RECIPES
from bakeoff.text.decoding import decoded

TUNED = re.compile(r"(?P<recipe>.+)-tuned-for-(?P<net>.+)@[0-9a-f]{8}")
"""The name of a recipe that `bakeoff tune` found: what it changes, for which network, and a digest of its settings."""


class RecipeFile(Value, frozen=True, kw_only=True):
    """A recipe in a file."""

    recipe: str
    """The recipe that it changes, such as quick."""
    set: dict[str, Any] = {}
    """Changes by dotted field."""
    tuned: dict[str, Any] = {}
    """How `bakeoff tune` found it; empty for recipes written by hand."""


def is_recipe_file(name: str) -> bool:
    """Return whether a recipe is given by the name of a file."""
    return name.endswith(".toml")


def read_recipe(path: str | Path) -> str:
    """Add the recipe in a file to `RECIPES`, and return its name there, which includes a digest of its settings.

    Raises:
        BakeoffError: the file cannot be read, is not valid TOML, or is not a recipe.
    """
    try:
        text = decoded(Path(path).expanduser().read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BakeoffError(f"cannot read the recipe {path}: {reason or error}") from error
    try:
        given = msgspec.convert(read_toml(text), RecipeFile)
    except tomllib.TOMLDecodeError as error:
        raise BakeoffError(f"{path} is not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise BakeoffError(
            f"{path} is not a recipe: {explain_error(error, RecipeFile.__struct_fields__)}; a recipe names the recipe "
            "that it changes, and the changes in a table [set]"
        ) from error
    base = find(RECIPES, given.recipe, "recipe")

    def choose(net: str, data: DataInfo) -> Recipe:
        return change(base(net, data), given.set)

    choose.__doc__ = f"The recipe {given.recipe} with the changes of {path}."
    is_tuned = "net" in given.tuned and given.tuned.get("is_better", True)
    if is_tuned:
        name = name_tuned(given.recipe, given.set, given.tuned["net"])
    else:
        name = f"{Path(path).stem}@{digest([given.recipe, given.set])[:8]}"
    RECIPES[name] = choose
    return name


def name_tuned(base: str, changes: dict[str, Any], net: str) -> str:
    """Return the name of a recipe that was tuned for a network, given as changes to another one."""
    return f"{base}-tuned-for-{net}@{digest([base, changes])[:8]}"


def tuned_for(recipe: str) -> str | None:
    """Return the network that a recipe of this name was tuned for; None if it was not tuned."""
    found = TUNED.match(recipe)
    return found["net"] if found else None


def write_recipe(recipe: RecipeFile) -> str:
    """Return a recipe as TOML text; the inverse of `read_recipe`."""
    return tomli_w.dumps({"recipe": recipe.recipe, "set": recipe.set, "tuned": recipe.tuned})
