"""Turns the names that a user gives into those of networks, data sets and studies."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from reprlib import repr as short
from typing import Any, TypeVar

import msgspec

from bakeoff import studies
from bakeoff.data import ADDED, DATASETS, Dataset, source_exists
from bakeoff.data.arrays import is_pair
from bakeoff.data.kinds import is_database
from bakeoff.data.source_name import FOLDER, LOCAL_FILES, has_images, kind_of_path
from bakeoff.errors import BakeoffError, Misplaced
from bakeoff.execution.options import Data, Network
from bakeoff.lookup import spelled, unknown
from bakeoff.spec.recipe import Recipe
from bakeoff.spec.run import collection_of
from bakeoff.studies.recipe_file import is_recipe_file, read_recipe
from bakeoff.studies.recipes import RECIPES
from bakeoff.studies.study import Study
from bakeoff.studies.tables import Exceptional

Part = TypeVar("Part", Study, Exceptional)
OWN_FILE = re.compile(r"\.py(:|$)")
"""What the name of a network from a user's own file ends with, before the name of one of several in it."""
WEIGHTS_FILE = re.compile(r"\.(safetensors|pth|pt)$", re.IGNORECASE)
"""What the name of a network that starts from a user's own weights ends with."""


def known_study(name: str) -> Study:
    """Return the study of a name or a file.

    Raises:
        BakeoffError: there is none; `Misplaced` if it names a network, a data set, a folder or a recipe.
    """
    if not is_study(name) and (wrong := misplaced(name)):
        raise wrong
    return studies.load_study(name)


def is_study(name: str) -> bool:
    """Return whether a name is that of a built-in study or of a study file."""
    return spelled(name, studies.study_names()) in studies.study_names() or name.endswith(".toml")


def misplaced(name: str) -> Misplaced | None:
    """Return what to say of a name in the place of a study that stands for something else, None if it does not."""
    for what, option, meant in _other_than_studies(name):
        return Misplaced(f"{name} is {what}, not a study", option, meant)
    return None


def _other_than_studies(name: str) -> Iterator[tuple[str, str, str]]:
    """Yield what a name stands for, and the option and the value that say so."""
    if name.startswith(LOCAL_FILES):
        yield "a folder" if name.startswith(FOLDER) else "a data set", "--data", name
    elif has_images(name):
        yield "a folder" if Path(name).is_dir() else "a data set", "--data", f"{kind_of_path(Path(name))}{name}"
    if name and is_database(Path(name)):
        yield "a store", "--store", name
    if (data := spelled(name.partition("~")[0], [*DATASETS, *ADDED])) in {*DATASETS, *ADDED}:
        yield "a data set", "--data", "".join([data, *name.partition("~")[1:]])
    if (recipe := spelled(name, RECIPES)) in RECIPES:
        yield "a recipe", "--recipe", recipe
    if OWN_FILE.search(name):
        yield "a network of your own", "--nets", name
    with suppress(BakeoffError):
        from bakeoff.nets import find_net

        meant = known_network(name)
        find_net(meant)
        yield "a network", "--nets", meant


def known_data(given: Data, *, is_path: bool = True) -> str:
    """Return the name of a data set: "MNIST" is mnist, "MNIST~contrast=0.5" a version of it.

    A path is that of a folder of images, or of a CSV or Parquet file that lists images; so may be a text that is not
    the name of a data set, unless `is_path` is false. A pair of arrays is packed.

    Raises:
        BakeoffError: it is not a data set.
    """
    if isinstance(given, Path):
        return f"{kind_of_path(given)}{given}"
    if isinstance(given, Dataset):
        return given.info.name
    if not isinstance(given, str):
        if is_pair(given):
            return Dataset.from_arrays(given).info.name
        raise BakeoffError(
            "--data takes names, such as mnist or folder:my-photos, paths, pairs of arrays and Datasets; got "
            f"{short(given)}"
        )
    base, tilde, grades = given.partition("~")
    if is_path and spelled(base, known := [*DATASETS, *ADDED]) not in known and has_images(given):
        return known_data(Path(given))
    return f"{ADDED.full_name(spelled(base, [*DATASETS, *ADDED]))}{tilde}{grades}"


def known_data_sets(given: Sequence[Data] | Data | None, *, is_path: bool = True) -> tuple[str, ...] | None:
    """Return the names of data sets, given as a list, one, or names separated by commas; None for None."""
    if given is None:
        return None
    several: Iterable[Any] = split_data(given) if isinstance(given, str) else [given]
    if isinstance(given, Iterable) and not isinstance(given, str) and not is_pair(given):
        several = given
    return tuple(known_data(each, is_path=is_path) for each in several)


def known_network(given: Network) -> str:
    """Return the name of a network; users' own networks and weights are read, and named with a hash of their content.

    Raises:
        BakeoffError: there is no such file, or no network or no weights in it; or it is not a network.
    """
    if not isinstance(given, str | Path):
        if not callable(given):
            raise BakeoffError(
                "--nets takes names, such as conv or my_net.py, and in Python classes and functions; got "
                f"{short(given)}"
            )
        from bakeoff.execution import user_networks

        return user_networks.add_object(given)
    name = str(given)
    architecture, colon, weights = name.rpartition(":")
    if colon and WEIGHTS_FILE.search(weights):
        from bakeoff.nets import user_weights

        return f"{known_network(architecture)}:{user_weights.register_weights(Path(weights))}"
    if collection_of(name) or ("@" in name and not OWN_FILE.search(name)):
        return name
    if OWN_FILE.search(name):
        from bakeoff.execution import user_networks

        return user_networks.add_network(name)
    from bakeoff.nets import NETS  # loads torch

    near = spelled(name, known := _networks_here())
    if near in known:
        return NETS.full_name(near)
    family, colon, weights = name.partition(":")
    return f"{family.lower()}{colon}{weights}"  # families of any depth are in small letters


def networks_with_recipes(
    given: Sequence[Network] | Network | None,
) -> list[tuple[str, str | None]] | None:
    """Return the names of networks, as `known_networks` does, each with the recipe that it names: "conv@quick".

    Raises:
        BakeoffError: as `known_network`, or there is no such recipe.
    """
    return None if given is None else [_with_recipe(each) for each in _networks(given)]


def _with_recipe(given: Network) -> tuple[str, str | None]:
    net, _, recipe = given.rpartition("@") if isinstance(given, str) else ("", "", "")
    if net and (is_recipe_file(recipe) or spelled(recipe, RECIPES) in RECIPES):
        return known_network(net), known_recipe(recipe)
    if recipe and spelled(net, known := _networks_here()) in known:  # the name of a user's network has a hash there
        raise BakeoffError(unknown("recipe", recipe, RECIPES))
    return known_network(given), None


def _networks_here() -> list[str]:
    from bakeoff.nets import NETS, PRETRAINED  # loads torch

    return [*NETS, *PRETRAINED]


def known_networks(given: Sequence[Network] | Network | None) -> tuple[str, ...] | None:
    """Return the names of networks, given as a list, one, or names separated by commas; None for None."""
    return None if given is None else tuple(map(known_network, _networks(given)))


def _networks(given: Sequence[Network] | Network) -> Iterable[Any]:
    if isinstance(given, str):
        return split_names(given)
    return given if isinstance(given, Iterable) and not callable(given) else [given]


def known_recipe(name: str) -> str:
    """Return the name of a recipe: "Quick" is quick; one from a package or a file has a name of its own.

    Raises:
        BakeoffError: it is a file, but not a recipe.
    """
    if name.endswith(".py"):
        raise BakeoffError(
            f"--recipe takes no Python file such as {name}: import its function in Python and call "
            "bakeoff.run(recipe=…), add it by a package, or write the recipe as a TOML file"
        )
    if is_recipe_file(name):
        return read_recipe(name)
    return RECIPES.full_name(spelled(name, RECIPES))


def known_recipes(given: Sequence[str] | str | Recipe | None) -> str | tuple[str, ...] | None:
    """Return the names of recipes, given as a list or separated by commas; a single one as it is, and None for None.

    Raises:
        BakeoffError: these are not names.
    """
    if given is None:
        return None
    several: Any = split_names(given) if isinstance(given, str) else given
    if not isinstance(several, Sequence) or not several or not all(isinstance(each, str) for each in several):
        raise BakeoffError(
            f"--recipe takes names, such as quick or quick,clark2020, and in Python also one Recipe; got {short(given)}"
        )
    names = tuple(map(known_recipe, several))
    return names[0] if len(names) == 1 else names


def split_names(text: str) -> tuple[str, ...]:
    """Split "a,b" at its commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def split_data(text: str) -> tuple[str, ...]:
    """Split "x,y" at its commas, but those in the name of a folder or file that exists."""
    names: list[str] = []
    parts = text.split(",")
    while parts:
        joined = (n for n in range(len(parts), 1, -1) if source_exists(",".join(parts[:n]).strip()))
        many = next(joined, 1)
        names.append(",".join(parts[:many]).strip())
        parts = parts[many:]
    return tuple(filter(None, names))


def with_known_names(study: Study) -> Study:
    """Return a study in which networks and data sets have the names they are known by.

    Paths in it have their kind before them, "folder:my-photos": those of a file are relative to its folder.
    """

    named = partial(known_data, is_path=False)

    def known(item: Part) -> Part:
        return msgspec.structs.replace(
            item, nets=known_networks(item.nets), data=known_data_sets(item.data, is_path=False)
        )

    dials = (
        msgspec.structs.replace(dial, nets=known_networks(dial.nets), data=named(dial.data)) for dial in study.dials
    )
    return msgspec.structs.replace(
        known(study),
        recipe=known_recipes(study.recipe),
        cells=tuple(map(known, study.cells)),
        variants=tuple(map(known, study.variants)),
        dials=tuple(dials),
        data_as={
            known_data(each, is_path=False): known_data(other, is_path=False) for each, other in study.data_as.items()
        },
    )
