"""From a study to its runs, everything checked before training. `execute.py` runs them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bakeoff import data as datasets
from bakeoff.data import Dataset, Progress
from bakeoff.data.describe import find_duplicates
from bakeoff.data.graded import split_name
from bakeoff.data.properties import properties
from bakeoff.data.tree import count_reasons
from bakeoff.errors import BakeoffError
from bakeoff.execution.tryout import try_out
from bakeoff.lookup import unknown
from bakeoff.spec.data import DataInfo
from bakeoff.spec.recipe import Image, Recipe
from bakeoff.spec.records import DataRecord
from bakeoff.spec.run import Run
from bakeoff.spec.values import to_dict
from bakeoff.studies.recipes import named_alike, recipe_for
from bakeoff.studies.study import Cell, Study

SKIPPED = 100
"""Files left out of an image folder that a store names; it counts them all."""


@dataclass(frozen=True)
class Plan:
    """All runs of a study, checked: networks exist and fit the images, recipes make sense, data are there."""

    study: Study
    runs: tuple[Run, ...]
    data: dict[str, Dataset]
    """By content hash."""
    absent: dict[str, DataInfo] = field(default_factory=dict)
    """What is known of data sets that were not fetched, by what stands for their content hash."""

    def info(self, data_hash: str) -> DataInfo:
        """Return the facts of a data set of the plan."""
        return self.absent.get(data_hash) or self.data[data_hash].info

    def records(self) -> list[DataRecord]:
        """Return what the store keeps of the data sets."""
        return [record_of(dataset) for dataset in self.data.values()]


def plan(study: Study, progress: Progress | None = None, *, fetch: bool = True) -> Plan:
    """Return the runs of a study, seeds outermost, so that an interrupted study is balanced.

    Without `fetch`, data sets that are not on this machine are not downloaded and images of folders are not decoded:
    such a plan can be shown, not executed.

    Raises:
        BakeoffError: whatever is wrong with the study that can be known before training.
    """
    from bakeoff import nets  # loads torch

    grid = _check_grid(study)
    for cell in grid:
        nets.find_net(cell.net)
    sources = _Sources(progress, fetch)
    planned: list[_Planned] = []
    problems: dict[str, None] = {}
    for number, cell in enumerate(grid):
        used = study.used(cell.data)
        sources.describe(used)
        if progress:
            progress("checking networks", number, len(grid))
        try:
            planned.append(_check_cell(cell, used, sources))
        except BakeoffError as problem:
            problems[str(problem)] = None
    if problems:
        raise BakeoffError(join_problems(list(problems)))
    by_content = {dataset.info.content_hash: dataset for dataset in sources.loaded.values()}
    return Plan(study, _runs(study, planned), by_content, sources.absent)


@dataclass(frozen=True)
class _Planned:
    """One cell of a study, checked."""

    cell: Cell
    facts: DataInfo
    """What the recipe was chosen by."""
    recipe: Recipe
    data: str
    data_hash: str


@dataclass(frozen=True)
class _Sources:
    """The data sets of a plan, each described once and loaded once per size of its images."""

    progress: Progress | None
    fetch: bool
    facts: dict[str, DataInfo] = field(default_factory=dict)
    loaded: dict[tuple[str, Image], Dataset] = field(default_factory=dict)
    absent: dict[str, DataInfo] = field(default_factory=dict)

    def describe(self, name: str) -> None:
        """Look up the facts of a data set and of the one it is a graded version of."""
        for needed in (split_name(name)[0], name):
            if needed not in self.facts:
                self.facts[needed] = datasets.info(needed, progress=self.progress, fetch=self.fetch)

    def load(self, name: str, images: Image) -> Dataset:
        """Return a data set with its images in this form; without `fetch`, only what can be known undecoded."""
        if (name, images) not in self.loaded:
            seen = None if self.fetch else datasets.look(name, images, self.progress)
            # Without a shape, loading raises the error that says what is missing.
            self.loaded[name, images] = seen if seen and seen.info.shape else datasets.load(name, images, self.progress)
        return self.loaded[name, images]


def _check_cell(cell: Cell, used: str, sources: _Sources) -> _Planned:
    """Choose the recipe of a cell, load its data, and try the network out on them.

    Raises:
        BakeoffError: the recipe, the data or the network do not go together.
    """
    name = datasets.usual_name(used, sources.facts[split_name(used)[0]])
    facts = datasets.stand_in(sources.facts[used], cell.data)
    recipe = recipe_for(cell, facts)
    if not sources.fetch and not datasets.is_here(used):
        sources.absent[facts.content_hash] = info = sources.facts[used]
    else:
        # Enlarging happens later, on the device: recipes that differ in it alone share what is loaded.
        dataset = sources.load(name, Image(recipe.image.size, recipe.image.fit))
        _check_recipe(recipe, dataset)
        info = dataset.info
    assert info.shape is not None
    try_out(cell.net, recipe.image.shape(info.shape), len(info.classes), recipe)
    return _Planned(cell, facts, recipe, name, info.content_hash)


def _runs(study: Study, planned: Sequence[_Planned]) -> tuple[Run, ...]:
    """Return the runs of all seeds, each once: a changed study may make a variant the same as its cell."""
    recipes = named_alike([(each.cell, each.facts, each.recipe) for each in planned])
    runs: dict[str, Run] = {}
    for seed in range(study.first_seed, study.first_seed + study.seeds):
        for each, recipe in zip(planned, recipes, strict=True):
            run = Run(each.cell.net, each.data, each.data_hash, recipe, seed)
            runs.setdefault(run.id, run)
    return tuple(runs.values())


MOST_PROBLEMS = 4


def join_problems(problems: Sequence[str]) -> str:
    """Return several problems as one sentence, the first of many."""
    rest = len(problems) - MOST_PROBLEMS
    return "; ".join([*problems[:MOST_PROBLEMS], *([f"and {rest} more like these"] if rest > 0 else [])])


def _check_grid(study: Study) -> list[Cell]:
    """Return the cells of a study.

    Raises:
        BakeoffError: it names no networks or data, one of them twice, or leaves all of them out.
    """
    for name, values in {"nets": study.nets, "data": study.data}.items():
        if not values:
            raise BakeoffError(f"the study {study.name!r} names no {name}: add --{name}")
        if len(set(values)) < len(values):
            raise BakeoffError(f"the study {study.name!r} names the same {name} twice: {', '.join(values)}")
    for name in study.data_as:
        if name not in study.data:
            raise BakeoffError(unknown(f"data set of the study {study.name!r}", name, study.data))
    for dial in study.dials:
        dial.check()
    grid = study.grid()
    if not grid:
        raise BakeoffError(f"the study {study.name!r} leaves out these networks on {', '.join(study.data)}")
    return grid


def _check_recipe(recipe: Recipe, dataset: Dataset) -> None:
    """Raise `BakeoffError` where the recipe asks for something that the data set lacks."""
    from bakeoff.data.split import balanced_sample, cut_validation

    labels = dataset.train.labels
    if recipe.validation == "own" and dataset.validation is None:
        raise BakeoffError(f"{dataset.info.name} has no validation split of its own: add --set validation=0.1")
    if recipe.images_per_class is not None:
        labels = labels[balanced_sample(labels, recipe.images_per_class, 0)]
    if not isinstance(recipe.validation, str):
        cut_validation(labels, recipe.validation, 0)


def record_of(dataset: Dataset, *, search: bool = False) -> DataRecord:
    """Return what the store keeps of a data set: facts and test labels, so that results read without it.

    With `search`, the facts include duplicate images and the properties of the data set, which takes time.
    """
    facts = to_dict(dataset.info) | {
        "source": dataset.source,
        "licence": dataset.licence,
        "citation": dataset.citation,
        "skipped": [list(item) for item in dataset.skipped[:SKIPPED]],
        "left_out": count_reasons(dataset.skipped),
    }
    if dataset.manifest:
        facts["manifest"] = dataset.manifest
    if dataset.depth:
        facts["depth"] = to_dict(dataset.depth, full=True)
    if search:
        found = to_dict(find_duplicates(dataset), full=True)
        facts["duplicates"] = {name: value for name, value in found.items() if name != "examples"}
        facts["properties"] = to_dict(properties(dataset), full=True)
    return DataRecord(dataset.info.content_hash, facts, dataset.test.labels)
