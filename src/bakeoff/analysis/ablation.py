"""Which of the changes gained it? From one (network, recipe) pair to another, one change at a time.

Every change is added alone to the one pair and taken alone from the other. The runs are those of a study, so they are
trained, stored and resumed like any; `gains` compares them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff import data as datasets
from bakeoff import studies
from bakeoff.data import Progress
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import DataInfo
from bakeoff.spec.overrides import change, describe_changes, difference
from bakeoff.spec.recipe import Recipe
from bakeoff.studies.recipes import recipe_for
from bakeoff.studies.study import Cell, Exceptional, Study

GROUPS: Mapping[str, tuple[str, ...]] = {
    "image size": ("image",),
    "normalisation": ("normalize",),
    "augmentation": ("augment",),
    "weight decay": ("optimizer.weight_decay", "l2"),
    "optimiser and schedule": ("optimizer", "schedule"),
    "label smoothing": ("label_smoothing",),
    "loss": ("loss", "auxiliary_weight"),
    "epochs and stopping": ("epochs", "stop", "select"),
    "batch size": ("batch_size",),
    "training images": ("validation", "images_per_class"),
}
"""What counts as one change of a recipe → its fields; a field belongs to the first group that has it."""


@dataclass(frozen=True)
class Change:
    """One step on the way from one pair to the other."""

    name: str
    what: str
    fields: Mapping[str, Any]
    """What it changes in the recipe; empty for a change of the network."""


@dataclass(frozen=True)
class Variation:
    """One pair on the way: a network and a recipe with some of the changes made."""

    data: str
    net: str
    recipe: Recipe
    made: frozenset[str]
    """Names of the changes that are made in it."""
    missing: str
    """Names of those that are not, by comma."""
    impossible: str = ""
    """Why it cannot be trained."""


@dataclass(frozen=True)
class Ablation:
    """What is to be trained, and what it will tell."""

    base: str
    target: str
    study: Study
    changes: Mapping[str, tuple[Change, ...]]
    """By data set."""
    variations: tuple[Variation, ...]


def plan_ablation(
    target: str,
    base: str,
    data: Sequence[str],
    *,
    data_as: Mapping[str, str] | None = None,
    recipe: str | None = None,
    base_recipe: str | None = None,
    changes: Mapping[str, Any] | None = None,
    seeds: int = 3,
    first_seed: int = 0,
    progress: Progress | None = None,
    fetch: bool = True,
) -> Ablation:
    """Return the way from (`base`, its recipe) to (`target`, its recipe), each change on and off alone.

    Without `recipe` it is that of the built-in study that has both networks, else `quick`. `changes` are made to
    all recipes.

    Raises:
        BakeoffError: the two pairs do not differ, or there is no such network, recipe or data set.
    """
    recipe = recipe or usual_recipe(target, base)
    base_recipe = base_recipe or recipe
    stand_ins, changes = dict(data_as or {}), dict(changes or {})
    found: dict[str, tuple[Change, ...]] = {}
    variations: list[Variation] = []
    variants: list[Exceptional] = []
    for name in data:
        facts = datasets.stand_in(datasets.info(stand_ins.get(name, name), progress=progress, fetch=fetch), name)
        old = recipe_for(Cell(base, name, base_recipe, changes), facts)
        new = recipe_for(Cell(target, name, recipe, changes), facts)
        found[name] = (*network_changes(base, target), *recipe_changes(old, new))
        if not found[name]:
            raise BakeoffError(f"{target} and {base} do not differ under the recipe {recipe} on {name}")
        own = _variations(base, target, old, new, found[name], facts, progress)
        variations += own
        variants += [
            _variant(variation, base_recipe if len(variation.made) <= 1 else recipe, changes, facts, len(found[name]))
            for variation in own
            if not variation.impossible
        ]
    study = Study(
        name=f"ablation of {target}",
        about=f"Each change between {base} and {target}, alone added to the one and alone taken from the other.",
        nets=tuple(dict.fromkeys((base, target))),
        data=tuple(data),
        data_as=stand_ins,
        recipe=recipe,
        seeds=seeds,
        first_seed=first_seed,
        set=changes,
        cells=(Exceptional(leave_out=True),),
        variants=tuple(variants),
    )
    return Ablation(base, target, study, found, tuple(variations))


def usual_recipe(target: str, base: str) -> str:
    """Return the recipe of the built-in study that has both networks, else `quick`."""
    for study in map(studies.load, studies.names()):
        if {target, base} <= set(study.nets):
            return study.recipe
    return "quick"


def _variant(
    variation: Variation, recipe: str, changes: dict[str, Any], facts: DataInfo, of_changes: int
) -> Exceptional:
    """Return a variation in the words of a study file: by its difference from what a recipe does with its network."""
    own = recipe_for(Cell(variation.net, variation.data, recipe, changes), facts)
    fields = difference(own, variation.recipe)
    label = ""
    if fields and variation.made and len(variation.made) < of_changes:
        label = f"with {next(iter(variation.made))}" if len(variation.made) == 1 else f"without {variation.missing}"
    return Exceptional((variation.net,), (variation.data,), recipe, fields, label=label)


def network_changes(base: str, target: str) -> list[Change]:
    """Return the named changes between two networks, or one change of all if they are not of one kind.

    Raises:
        BakeoffError: there is no such network.
    """
    from bakeoff.nets import find_net

    (root, before), (other, after) = _parts(base), _parts(target)
    if root == other and before < after:
        known = find_net(root).changes
        return [Change(name, what, {}) for name, what in known.items() if name in after - before]
    return [] if base == target else [Change("network", f"{target} in place of {base}", {})]


def _parts(name: str) -> tuple[str, frozenset[str]]:
    """Return the network that a network is a change of, and the names of the changes."""
    from bakeoff.nets import find_net

    net = find_net(name)
    if net.improves:
        return net.improves, frozenset(find_net(net.improves).changes)
    root, *changes = name.split("+")
    return root, frozenset(changes)


def recipe_changes(old: Recipe, new: Recipe) -> list[Change]:
    """Return what differs between two recipes, a `Change` per group of fields that belong together."""
    fields = difference(old, new)
    groups: dict[str, dict[str, Any]] = {}
    for field, value in fields.items():
        groups.setdefault(_group(field, "optimizer" in fields), {})[field] = value
    return [Change(name, "; ".join(describe_changes(old, own)), own) for name, own in groups.items()]


def _group(field: str, other_optimizer: bool) -> str:
    table = field.partition(".")[0]
    if table == "optimizer" and other_optimizer:  # the decay of one optimiser is not that of another
        return "optimiser and schedule"
    return next(name for name, members in GROUPS.items() if field in members or table in members)


def _variations(
    base: str,
    target: str,
    old: Recipe,
    new: Recipe,
    changes: Sequence[Change],
    facts: DataInfo,
    progress: Progress | None,
) -> list[Variation]:
    """Return the two ends and all that is one change from either, each once."""
    names = [each.name for each in changes]
    everything = frozenset(names)
    sets = [frozenset[str](), *(frozenset({n}) for n in names), *(everything - {n} for n in names), everything]
    found = []
    for number, made in enumerate(unlike := list(dict.fromkeys(sets))):
        if progress:
            progress(f"checking the changes on {facts.name}", number, len(unlike))
        found.append(_variation(base, target, old, new, changes, facts, made))
    return found


def _variation(
    base: str, target: str, old: Recipe, new: Recipe, changes: Sequence[Change], facts: DataInfo, made: frozenset[str]
) -> Variation:
    from bakeoff.nets import find_net

    of_net = {each.name for each in changes if not each.fields}
    net = base if not of_net & made else target if of_net <= made else _with(base, of_net & made)
    fields = {field: value for each in changes if each.name in made for field, value in each.fields.items()}
    recipe, why = old, ""
    try:
        recipe = new if fields == difference(old, new) else change(old, fields)
        if facts.shape is not None:
            find_net(net).check(net, recipe.image.shape(facts.shape))
        elif recipe.image.size is None:
            why = "its images have several sizes and are not brought to one"
    except BakeoffError as error:
        why = str(error)
    missing = ", ".join(each.name for each in changes if each.name not in made)
    return Variation(facts.name, net, recipe, made, missing, why)


def _with(base: str, changes: set[str]) -> str:
    """Return the name of a network with changes, in the order the network lists them."""
    from bakeoff.nets import find_net

    root, before = _parts(base)
    return "+".join([root, *(name for name in find_net(root).changes if name in before | changes)])
