"""Cells: all seeds of one network on one data set under one recipe, and the tables they belong to. No torch."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from statistics import fmean, median

from bakeoff.analysis.labels import label_key, label_recipes
from bakeoff.data.versions import label_versions
from bakeoff.spec.records import Result
from bakeoff.spec.run import starts_from
from bakeoff.stats.folds import fold_interval
from bakeoff.stats.intervals import Interval, mean_interval
from bakeoff.store.folds import merge_results, split_ids
from bakeoff.text.formats import listing


@dataclass(frozen=True)
class Cell:
    """All seeds of one network on one data set under one recipe."""

    data: str
    recipe: str
    net: str
    results: tuple[Result, ...]
    compared: tuple[str, ...] = ()
    """The recipes of its table, if a study compared several; its own is one of them."""

    @property
    def table(self) -> str:
        """Name of its table: its recipe, or "quick and clark2020"."""
        return _list_recipes(self.compared) if self.compared else self.recipe

    @property
    def where(self) -> str:
        """Its table with the data set: "mnist, recipe quick"."""
        return f"{self.data}, {name_table(self.table, self.recipe)}"

    @property
    def label(self) -> str:
        """Its label in the table: the network and, if several recipes are compared, the recipe."""
        return f"{self.net} · {self.short_recipe}" if self.compared else self.net

    @property
    def short_recipe(self) -> str:
        """The recipe without its changes, unless another recipe of the table has that name."""
        return short_names(self.compared).get(self.recipe, self.recipe)

    @cached_property
    def finished(self) -> tuple[Result, ...]:
        """The runs that have a result."""
        return tuple(result for result in self.results if result.state == "done")

    @property
    def starts_from(self) -> str:
        """Name of the weights that the network starts from; empty if it starts from scratch."""
        return starts_from(self.results[0].run)

    @property
    def selection(self) -> str:
        """The rule by which the reported epoch was chosen."""
        return self.results[0].selection

    @property
    def fold_sizes(self) -> tuple[int, ...]:
        """Test images of each fold of a cross-validation; () if there was none, or before a seed finished."""
        parts = self.finished[0].parts if self.finished else ()
        return tuple(int(part.measures.get("test_images", 0)) for part in parts)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Ids of all its runs, finished or not."""
        return tuple(chain.from_iterable(split_ids(result.id) for result in self.results))

    @property
    def test_images(self) -> int | None:
        """Test images of its runs; None before one has finished, or if old runs do not record it."""
        images = self.median("test_images")
        return None if images is None else int(images)

    def interval(self, measure: str) -> Interval | None:
        """Return mean and interval over the finished seeds that have the measure, None if none has."""
        if measure == "test_accuracy":
            return self._accuracy
        values = [r.measures[measure] for r in self.finished if measure in r.measures]
        return mean_interval(values) if values else None

    @cached_property
    def _accuracy(self) -> Interval | None:
        values = [r.measures["test_accuracy"] for r in self.finished if "test_accuracy" in r.measures]
        return accuracy_interval(values, self.finished) if values else None

    @property
    def validation_accuracy(self) -> float | None:
        """Mean validation accuracy of the reported epochs; None where a finished seed has none.

        Accuracies on test images that were watched during training do not count.
        """
        found = [_reported_validation(result) for result in self.finished]
        known = [accuracy for accuracy in found if accuracy is not None]
        return fmean(known) if known and len(known) == len(found) else None

    def median(self, measure: str) -> float | None:
        """Return the median over the finished seeds that have the measure, None if none has."""
        values = [r.measures[measure] for r in self.finished if measure in r.measures]
        return median(values) if values else None


def group_cells(results: Iterable[Result]) -> list[Cell]:
    """Group runs that differ only in the seed, in the order they were planned; different protocols are never mixed.

    Different images under one name (a changed folder, two folders of the same name) are distinguished by their hash,
    recipes as described in `label_recipes`. Recipes that a study compared share a table.
    """
    results = merge_results(results)
    recipes = label_recipes(result.run for result in results)
    groups: dict[tuple[str, str, int, str, str], list[Result]] = {}
    for result in results:
        run = result.run
        groups.setdefault((run.data_hash, run.recipe.key, run.protocol, run.net, run.weights), []).append(result)
    labels = label_versions((result.run.data, result.run.data_hash) for result in results)
    cells = [
        Cell(
            group[0].data or labels[data_hash].label,
            recipes[label_key(group[0].run)],
            net,
            tuple(group),
        )
        for (data_hash, _, _, net, _), group in groups.items()
    ]
    together = _recipes_together(cells)
    return [replace(cell, compared=together.get((cell.data, cell.recipe), ())) for cell in cells] if together else cells


def _recipes_together(cells: Sequence[Cell]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the recipes that share a table with others: (data set, recipe) → all recipes of the table.

    Comparisons with a recipe in common are one: each network is in one table only.
    """
    of_comparison: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for cell in cells:
        for comparison in {name for result in cell.results for name in result.compared}:
            of_comparison.setdefault((cell.data, comparison), []).append((cell.data, cell.recipe))
    if not of_comparison:
        return {}
    from scipy.cluster.hierarchy import DisjointSet  # slow to import

    places = dict.fromkeys((cell.data, cell.recipe) for cell in cells)
    tables = DisjointSet(places)
    for first, *others in of_comparison.values():
        for other in others:
            tables.merge(first, other)
    subsets = [tables.subset(place) for place in places]
    own = [tuple(recipe for data, recipe in places if (data, recipe) in subset) for subset in subsets]
    return {place: recipes for place, recipes in zip(places, own, strict=True) if len(recipes) > 1}


def group_into_tables(cells: Iterable[Cell]) -> list[list[Cell]]:
    """Split cells into their tables, in their order."""
    tables: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        tables.setdefault((cell.data, cell.table), []).append(cell)
    return list(tables.values())


def accuracy_interval(accuracies: Sequence[float], results: Sequence[Result]) -> Interval:
    """Return the mean test accuracy of some seeds with its interval, within 0 to 1.

    A deviation between seeds below one test image is taken as one, as so few images cannot show a smaller one: seeds
    that happen to agree do not show that others would.
    """
    images = min((r.measures.get("test_images", 0) for r in results), default=0)
    if folds := [result.parts for result in results if result.parts]:
        by_fold = [fmean(part.measures["test_accuracy"] for part in fold) for fold in zip(*folds, strict=True)]
        return fold_interval(fmean(accuracies), by_fold, step=1 / images, within=(0.0, 1.0))
    return mean_interval(accuracies, step=1 / images if images else 0.0, within=(0.0, 1.0))


def _reported_validation(result: Result) -> float | None:
    if result.run.recipe.validation in ("none", "test"):
        return None
    reported = result.measures.get("reported_epoch", len(result.epochs))
    return next((epoch.validation_accuracy for epoch in result.epochs if epoch.epoch == reported), None)


def parameters_of(cell: Cell) -> tuple[float | None, str | None]:
    """Return a cell's parameters, and whether these are the trainable ones or (in old runs) all."""
    for measure, kind in (("trainable_parameters", "trainable"), ("parameters", "all")):
        if (count := cell.median(measure)) is not None:
            return count, kind
    return None, None


def name_table(table: str, recipe: str) -> str:
    """Return the name of a table for a sentence: "recipe quick", "recipes quick and clark2020"."""
    return f"recipe {table}" if table == recipe else f"recipes {table}"


def plain_name(recipe: str) -> str:
    """Return the name of a recipe without what was changed in it: "quick (epochs=9)" → "quick"."""
    return recipe.partition(" (")[0]


def short_names(recipes: Iterable[str]) -> dict[str, str]:
    """Return short names of recipes in one table: without their changes, unless two would have the same name."""
    plain = {recipe: plain_name(recipe) for recipe in recipes}
    several = Counter(plain.values())
    return {recipe: name if several[name] == 1 else recipe for recipe, name in plain.items()}


def _list_recipes(recipes: Sequence[str]) -> str:
    """Return "quick and clark2020 (epochs=2)": changes that all have in common are written once."""
    changes = {recipe.removeprefix(plain_name(recipe)) for recipe in recipes}
    return (
        f"{listing(list(map(plain_name, recipes)), None)}{changes.pop()}"
        if len(changes) == 1
        else listing(recipes, None)
    )
