"""A study: from a grid to runs. `execute.py` carries it out."""

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
from bakeoff.spec.records import DataRecord
from bakeoff.spec.run import DataInfo, Image, Recipe, Run
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

    Without `fetch` data that are not on this machine stay away and images of folders are not decoded: such a plan is
    to be looked at, not to be executed.

    Raises:
        BakeoffError: whatever is wrong with the study that can be known before training.
    """
    from bakeoff import nets  # loads torch

    grid = _checked_grid(study)
    for cell in grid:
        nets.find_net(cell.net)
    loaded: dict[tuple[str, Image], Dataset] = {}
    absent: dict[str, DataInfo] = {}
    facts: dict[str, DataInfo] = {}
    cells: list[tuple[Cell, DataInfo, Recipe]] = []
    places: list[tuple[str, str]] = []
    problems: dict[str, None] = {}
    for number, cell in enumerate(grid):
        used = study.used(cell.data)
        base, _ = split_name(used)
        for name in (base, used):
            if name not in facts:
                facts[name] = datasets.info(name, progress=progress, fetch=fetch)
        data = datasets.usual_name(used, facts[base])
        known = datasets.stand_in(facts[used], cell.data)
        if progress:
            progress("checking networks", number, len(grid))
        try:
            recipe = recipe_for(cell, known)
            images = Image(recipe.image.size, recipe.image.fit)  # enlarging happens later: share what is loaded
            if not fetch and not datasets.is_here(used):
                absent[known.content_hash] = info = facts[used]
            else:
                if (data, images) not in loaded:
                    seen = None if fetch else datasets.look(data, images, progress)
                    # Where there is no shape, loading says what is missing.
                    loaded[data, images] = seen if seen and seen.info.shape else datasets.load(data, images, progress)
                info = loaded[data, images].info
                _check_recipe(recipe, loaded[data, images])
            assert info.shape is not None
            try_out(cell.net, recipe.image.shape(info.shape), len(info.classes), recipe)
        except BakeoffError as problem:
            problems[str(problem)] = None
        else:
            cells.append((cell, known, recipe))
            places.append((data, info.content_hash))
    if problems:
        raise BakeoffError(all_told(list(problems)))
    seeds = range(study.first_seed, study.first_seed + study.seeds)
    runs: dict[str, Run] = {}
    recipes = named_alike(cells)
    for seed in seeds:
        for (cell, _, _), (data, data_hash), recipe in zip(cells, places, recipes, strict=True):
            run = Run(cell.net, data, data_hash, recipe, seed)
            runs.setdefault(run.id, run)  # a changed study may have made a variant the same as its cell
    by_content = {dataset.info.content_hash: dataset for dataset in loaded.values()}
    return Plan(study, tuple(runs.values()), by_content, absent)


MOST_PROBLEMS = 4


def all_told(problems: Sequence[str]) -> str:
    """Return several problems in one sentence, the first of many."""
    rest = len(problems) - MOST_PROBLEMS
    return "; ".join([*problems[:MOST_PROBLEMS], *([f"and {rest} more like these"] if rest > 0 else [])])


def _checked_grid(study: Study) -> list[Cell]:
    """Return the cells of a study that names networks and data, each once."""
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
    """Say before training what the recipe asks for and the data set lacks."""
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

    With `search`, all its images are compared, the facts say which are there twice and what the images are like.
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
