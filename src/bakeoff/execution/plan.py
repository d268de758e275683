"""From a study to its runs, with everything checked before training. `execute.py` runs them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bakeoff import data as datasets
from bakeoff.data import Dataset, Progress
from bakeoff.data.describe import find_duplicates
from bakeoff.data.graded import split_name
from bakeoff.data.group_facts import find_groups
from bakeoff.data.properties import properties
from bakeoff.data.resplit import name_folds
from bakeoff.data.skipped import count_reasons
from bakeoff.data.twins import find_twins
from bakeoff.errors import BakeoffError
from bakeoff.execution.tryout import try_out
from bakeoff.lookup import unknown
from bakeoff.spec.data import DataInfo
from bakeoff.spec.recipe import ALL_BUT_CLASSIFIER, Image, Recipe
from bakeoff.spec.records import DataRecord, RecipeUse
from bakeoff.spec.run import Run
from bakeoff.spec.values import digest, to_dict
from bakeoff.studies.recipes import named_alike, recipe_for
from bakeoff.studies.study import Study
from bakeoff.studies.tables import GridCell

MAX_SKIPPED = 100
"""How many skipped files of an image folder the store lists; it counts all of them."""


@dataclass(frozen=True)
class Plan:
    """All runs of a study, checked: networks exist and fit the images, recipes are consistent, data are available."""

    study: Study
    runs: tuple[Run, ...]
    data: dict[str, Dataset]
    """By content hash."""
    absent: dict[str, DataInfo] = field(default_factory=dict)
    """Facts about data sets that were not downloaded, by a stand-in for their content hash."""
    compared: tuple[frozenset[RecipeUse], ...] = ()
    """In studies that compare several recipes, the sets of uses that are ranked together, one per table."""

    def info(self, data_hash: str) -> DataInfo:
        """Return the facts of a data set of the plan."""
        return self.absent.get(data_hash) or self.data[data_hash].info

    def records(self) -> list[DataRecord]:
        """Return the records of the data sets for the store."""
        return [make_record(dataset) for dataset in self.data.values()]


def plan(study: Study, progress: Progress | None = None, *, fetch: bool = True) -> Plan:
    """Return the runs of a study, seeds outermost, so that an interrupted study is balanced.

    Without `fetch`, data sets that are not on this machine are not downloaded and images of folders are not decoded:
    such a plan can be shown, not executed.

    Raises:
        BakeoffError: the study has an error that can be found before training.
    """
    from bakeoff import nets  # loads torch

    grid = check_grid(study)
    for cell in grid:
        nets.find_net(cell.net)
    sources = _Sources(progress, fetch)
    planned: list[_Planned] = []
    problems: dict[str, None] = {}
    for number, cell in enumerate(grid):
        if progress:
            progress("checking networks", number, len(grid))
        for used in name_folds(study.used(cell.data)):
            sources.describe(used)
            try:
                planned.append(_check_cell(cell, used, sources))
            except BakeoffError as problem:
                problems[str(problem)] = None
    if problems:
        raise BakeoffError(join_problems(list(problems)))
    by_content = {dataset.info.content_hash: dataset for dataset in sources.loaded.values()}
    compared = _compared(study, planned) if study.compares_recipes else ()
    return Plan(study, _runs(study, planned), by_content, sources.absent, compared)


@dataclass(frozen=True)
class _Planned:
    """One cell of a study, checked."""

    cell: GridCell
    facts: DataInfo
    """The facts used to choose the recipe."""
    recipe: Recipe
    data: str
    data_hash: str
    weights: str
    """SHA-256 of the weights that the network starts from."""


@dataclass(frozen=True)
class _Sources:
    """The data sets of a plan, each described once and loaded once per size of its images."""

    progress: Progress | None
    fetch: bool
    facts: dict[str, DataInfo] = field(default_factory=dict)
    loaded: dict[tuple[str, Image], Dataset] = field(default_factory=dict)
    absent: dict[str, DataInfo] = field(default_factory=dict)

    def describe(self, name: str) -> None:
        """Look up the facts of a data set and, if it is a graded version, of its base."""
        for needed in (split_name(name)[0], name):
            if needed not in self.facts:
                self.facts[needed] = datasets.info(needed, progress=self.progress, fetch=self.fetch)

    def load(self, name: str, images: Image) -> Dataset:
        """Return a data set with its images at this size; without `fetch`, only what is known without decoding."""
        if (name, images) not in self.loaded:
            seen = None if self.fetch else datasets.inspect(name, images, self.progress)
            # Without a shape, loading raises the error that says what is missing.
            self.loaded[name, images] = (
                seen if seen and seen.info.shape else datasets.load_dataset(name, images, self.progress)
            )
        return self.loaded[name, images]


def _check_cell(cell: GridCell, used: str, sources: _Sources) -> _Planned:
    """Choose the recipe of a cell, load its data, and try the network out on them.

    Raises:
        BakeoffError: recipe, data and network do not fit together.
    """
    from bakeoff import nets

    name = datasets.canonical_name(used, sources.facts[split_name(used)[0]])
    facts = datasets.stand_in(sources.facts[used], cell.data)
    recipe = recipe_for(cell, facts)
    if recipe.thaw_after is not None and recipe.freeze == "none":
        raise BakeoffError(
            f"{recipe.name}: thaw_after has no effect, as nothing is frozen: leave it out, or add "
            f"--set freeze={ALL_BUT_CLASSIFIER}"
        )
    if not sources.fetch and not datasets.is_local(used):
        sources.absent[facts.content_hash] = info = sources.facts[used]
    else:
        # Enlarging happens later, on the device: recipes that differ only in `scale` share the loaded data.
        dataset = sources.load(name, recipe.image.packed)
        _check_recipe(recipe, dataset)
        info = dataset.info
    assert info.shape is not None
    try_out(cell.net, recipe.image.shape(info.shape), len(info.classes), recipe)
    weights = nets.find_net(cell.net).weights
    return _Planned(cell, facts, recipe, name, info.content_hash, weights.sha256 if weights else "")


def _runs(study: Study, planned: Sequence[_Planned]) -> tuple[Run, ...]:
    """Return the runs of all seeds without repeats: changes can make a variant equal to its cell."""
    recipes = named_alike([(each.cell, each.facts, each.recipe) for each in planned])
    runs: dict[str, Run] = {}
    for seed in range(study.first_seed, study.first_seed + study.seeds):
        for each, recipe in zip(planned, recipes, strict=True):
            run = Run(each.cell.net, each.data, each.data_hash, recipe, seed, weights=each.weights)
            runs.setdefault(run.id, run)
    return tuple(runs.values())


def _compared(study: Study, planned: Sequence[_Planned]) -> tuple[frozenset[RecipeUse], ...]:
    """Return what a comparison of recipes ranks together: all cells on a data set, or all of one variant.

    Cells and variants with a recipe of their own are among the first, whatever else they change.
    """
    tables: dict[str, set[RecipeUse]] = {}
    for each in planned:
        same = (each.cell.variant, each.cell.label) if each.cell.recipe in study.recipes else ({}, "")
        table = digest([each.data_hash, *same])
        tables.setdefault(table, set()).add(RecipeUse(each.data_hash, each.recipe.key))
    return tuple(frozenset(uses) for uses in tables.values() if len(uses) > 1)


MAX_PROBLEMS = 4


def join_problems(problems: Sequence[str]) -> str:
    """Join problems into one message, which shows the first few."""
    rest = len(problems) - MAX_PROBLEMS
    return "; ".join([*problems[:MAX_PROBLEMS], *([f"and {rest} more like these"] if rest > 0 else [])])


def check_grid(study: Study) -> list[GridCell]:
    """Return the cells of a study.

    Raises:
        BakeoffError: the study has no networks or data, one of them twice, or excludes all cells.
    """
    for name, values in {"nets": study.nets, "data": study.data, "recipe": study.recipes}.items():
        if not values:
            raise BakeoffError(f"the study {study.name!r} has no {name}: add --{name}")
        if len(set(values)) < len(values):
            raise BakeoffError(f"the study {study.name!r} names the same {name} twice: {', '.join(values)}")
    for name in study.data_as:
        if name not in study.data:
            raise BakeoffError(unknown(f"data set of the study {study.name!r}", name, study.data))
    for dial in study.dials:
        dial.check()
    grid = study.grid()
    if not grid:
        raise BakeoffError(f"the study {study.name!r} excludes these networks on {', '.join(study.data)}")
    return grid


def _check_recipe(recipe: Recipe, dataset: Dataset) -> None:
    """Raise `BakeoffError` if the recipe needs something that the data set lacks."""
    from bakeoff.data.grouping import number_groups
    from bakeoff.data.split import balanced_sample, cut_validation

    labels, groups = dataset.train.labels, number_groups(dataset.train.groups)
    if recipe.validation == "own" and dataset.validation is None:
        raise BakeoffError(f"{dataset.info.name} has no validation split of its own: add --set validation=0.1")
    if recipe.images_per_class is not None:
        sample = balanced_sample(labels, recipe.images_per_class, 0, groups)
        labels, groups = labels[sample], None if groups is None else groups[sample]
    if not isinstance(recipe.validation, str):
        cut_validation(labels, recipe.validation, 0, groups=groups)


def make_record(dataset: Dataset, *, search: bool = False) -> DataRecord:
    """Return a data set's record for the store: facts and test labels.

    With `search`, the facts include duplicate images and properties of the data set, which takes time.
    """
    facts = to_dict(dataset.info) | {
        "source": dataset.source,
        "licence": dataset.licence,
        "citation": dataset.citation,
        "skipped": [list(item) for item in dataset.skipped[:MAX_SKIPPED]],
        "left_out": count_reasons(dataset.skipped),
    }
    if dataset.manifest:
        facts["manifest"] = dataset.manifest
    if groups := find_groups(dataset):
        facts["groups"] = to_dict(groups, full=True)
    if dataset.depth:
        facts["depth"] = to_dict(dataset.depth, full=True)
    if search:
        found = to_dict(find_duplicates(dataset), full=True)
        facts["duplicates"] = {name: value for name, value in found.items() if name != "examples"}
        facts["twins"] = {name: value for name, value in to_dict(find_twins(dataset)).items() if name != "examples"}
        facts["properties"] = to_dict(properties(dataset), full=True)
    return DataRecord(dataset.info.content_hash, facts, dataset.test.labels)
