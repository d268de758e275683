"""Which change helped? From one (network, recipe) pair to another, one change at a time.

Each change is added alone to the first pair and removed alone from the second; `gains` compares the runs of this study.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff import data as datasets
from bakeoff import studies
from bakeoff.data import Progress
from bakeoff.errors import BakeoffError
from bakeoff.execution.names import known_data, known_data_sets, known_network, known_recipes
from bakeoff.execution.options import Network, StudyOptions
from bakeoff.spec.data import DataInfo
from bakeoff.spec.overrides import change, describe_changes, difference
from bakeoff.spec.recipe import Recipe
from bakeoff.studies.recipes import recipe_as_changes, recipe_for
from bakeoff.studies.study import Study
from bakeoff.studies.tables import Exceptional, GridCell

GROUPS: Mapping[str, tuple[str, ...]] = {
    "image size": ("image",),
    "normalisation": ("normalize",),
    "mixing of images": ("augment.mixup", "augment.cutmix"),
    "augmentation": ("augment",),
    "weight decay": ("optimizer.weight_decay", "l2"),
    "rates of layers": ("zero_head", "head_rate", "head_schedule", "layer_decay"),
    "frozen parts": ("freeze", "thaw_after", "frozen_norm"),
    "optimiser and schedule": ("optimizer", "schedule"),
    "clipping of gradients": ("clip_norm",),
    "average of weights": ("average",),
    "label smoothing": ("label_smoothing",),
    "loss": ("loss", "auxiliary_weight"),
    "epochs and stopping": ("epochs", "stop", "select"),
    "batch size": ("batch_size", "sync_batch_norm"),
    "training images": ("validation", "images_per_class"),
    "probe": ("probe",),
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
    """Names of those that are not, separated by commas."""
    impossible: str = ""
    """Why it cannot be trained."""


@dataclass(frozen=True)
class Ablation:
    """The runs to train, and which changes they measure."""

    base: str
    target: str
    study: Study
    changes: Mapping[str, tuple[Change, ...]]
    """By data set."""
    variations: tuple[Variation, ...]


def choose_ablation(
    target: Network,
    base: Network,
    base_recipe: str | Recipe | None,
    options: StudyOptions,
    *,
    progress: Progress | None = None,
    fetch: bool = True,
) -> Ablation:
    """Return the ablation that a user asked for: `plan_ablation` with names and options resolved.

    Raises:
        BakeoffError: as `plan_ablation`, or no data set is named.
    """
    recipe, base_recipe = (_one_recipe(given) for given in (options.recipe, base_recipe))
    data = known_data_sets(options.data)
    if not data:
        raise BakeoffError("name the images to try the changes on: --data cifar10")
    return plan_ablation(
        known_network(target),
        known_network(base),
        data,
        data_as={known_data(name): known_data(other) for name, other in (options.data_as or {}).items()},
        groups=options.groups or "",
        recipe=recipe,
        base_recipe=base_recipe,
        changes=options.changes,
        seeds=3 if options.seeds is None else options.seeds,
        first_seed=options.first_seed or 0,
        progress=progress,
        fetch=fetch,
    )


def plan_ablation(
    target: str,
    base: str,
    data: Sequence[str],
    *,
    data_as: Mapping[str, str] | None = None,
    groups: str = "",
    recipe: str | Recipe | None = None,
    base_recipe: str | Recipe | None = None,
    changes: Mapping[str, Any] | None = None,
    seeds: int = 3,
    first_seed: int = 0,
    progress: Progress | None = None,
    fetch: bool = True,
) -> Ablation:
    """Return the steps from (`base`, its recipe) to (`target`, its recipe), with each change alone on and alone off.

    Without `recipe` it is that of the built-in study that has both networks, else `quick`. `changes` are made to
    all recipes.

    Raises:
        BakeoffError: the two pairs do not differ, or there is no such network, recipe or data set.
    """
    base_recipe, own_of_base = _as_changes(base_recipe or recipe or usual_recipe(target, base))
    recipe, own_of_target = _as_changes(recipe or usual_recipe(target, base))
    stand_ins, changes = dict(data_as or {}), dict(changes or {})
    found: dict[str, tuple[Change, ...]] = {}
    variations: list[Variation] = []
    variants: list[Exceptional] = []
    for name in data:
        facts = datasets.stand_in(datasets.info(stand_ins.get(name, name), progress=progress, fetch=fetch), name)
        old = recipe_for(GridCell(base, name, base_recipe, own_of_base | changes), facts)
        new = recipe_for(GridCell(target, name, recipe, own_of_target | changes), facts)
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
        about=f"Each change between {base} and {target}, added alone to the first and removed alone from the second.",
        nets=tuple(dict.fromkeys((base, target))),
        data=tuple(data),
        data_as=stand_ins,
        groups=groups,
        recipe=recipe,
        seeds=seeds,
        first_seed=first_seed,
        set=changes,
        cells=(Exceptional(leave_out=True),),
        variants=tuple(variants),
    )
    return Ablation(base, target, study, found, tuple(variations))


def _one_recipe(given: Sequence[str] | str | Recipe | None) -> str | Recipe | None:
    """Return the recipe of a user's option.

    Raises:
        BakeoffError: it is several, or none.
    """
    names = given if isinstance(given, Recipe) else known_recipes(given)
    if isinstance(names, tuple):
        raise BakeoffError(f"an ablation takes one --recipe, and --from-recipe if the other differs; got {names!r}")
    return names


def _as_changes(recipe: str | Recipe) -> tuple[str, dict[str, Any]]:
    return recipe_as_changes(recipe) if isinstance(recipe, Recipe) else (recipe, {})


def usual_recipe(target: str, base: str) -> str:
    """Return the recipe of the built-in study that has both networks, else `quick`."""
    for study in map(studies.load_study, studies.study_names()):
        if {target, base} <= set(study.nets):
            return study.recipes[0]
    return "quick"


def _variant(
    variation: Variation, recipe: str, changes: dict[str, Any], facts: DataInfo, of_changes: int
) -> Exceptional:
    """Return a variation in the words of a study file: by its difference from what a recipe does with its network."""
    own = recipe_for(GridCell(variation.net, variation.data, recipe, changes), facts)
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
            why = "its images have several sizes and are not resized to one"
    except BakeoffError as error:
        why = str(error)
    missing = ", ".join(each.name for each in changes if each.name not in made)
    return Variation(facts.name, net, recipe, made, missing, why)


def _with(base: str, changes: set[str]) -> str:
    """Return the name of a network with changes, in the order the network lists them."""
    from bakeoff.nets import find_net

    root, before = _parts(base)
    return "+".join([root, *(name for name in find_net(root).changes if name in before | changes)])
