"""Studies: a grid of cells with exceptions and variants, questions, and published numbers. No torch."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from bakeoff.data.graded import join_name, split_name
from bakeoff.data.resplit import name_version
from bakeoff.spec.values import Value
from bakeoff.studies.tables import Exceptional, GridCell, Published, Turn


class Study(Value, frozen=True, kw_only=True):
    """A grid of runs: every network on every data set with every seed, under a recipe.

    Example:
        >>> study = bakeoff.Study(name="mine", nets=("linear", "lenet-afif"), data=("digits",), set={"epochs": 1})
        >>> [cell.net for cell in study.grid()]
        ['linear', 'lenet-afif']
        >>> results = bakeoff.run(study, store="small.db")
    """

    name: str
    """In tables and on the page."""
    about: str = ""
    """What it studies, in a sentence."""
    citation: str = ""
    """Whom to cite."""
    nets: tuple[str, ...]
    """Networks, as `--nets` takes them."""
    data: tuple[str, ...]
    """Data sets, as `--data` takes them."""
    recipe: str | tuple[str, ...] = "quick"
    """One, or several to compare: each network is trained with each, and all are ranked together."""
    seeds: Annotated[int, Meta(ge=1, le=10_000)] = 3
    """How often each cell is trained, each time from other initial weights and with another order of the images."""
    first_seed: Annotated[int, Meta(ge=-(2**62), le=2**62)] = 0
    """The first of them; the others follow it."""
    set: dict[str, Any] = {}
    """Changes to the recipe, by dotted field: {"epochs": 3, "optimizer.lr": 0.01}."""
    cells: tuple[Exceptional, ...] = ()
    """Cells that are trained differently, or left out."""
    variants: tuple[Exceptional, ...] = ()
    """Cells that are also trained in another way; they may name networks outside the grid."""
    dials: tuple[Turn, ...] = ()
    """Experiments with the study's data sets, in addition to the grid."""
    data_as: dict[str, str] = {}
    """Replacements of data sets in the grid: {"cifar10": "folder:cifar10-jpeg"}."""
    groups: str = ""
    """What keeps images together in every split: a column, or a regular expression for file names."""
    folds: Annotated[int, Meta(ge=0)] = 0
    """Into how many folds all images are divided, each being the test images once; 0 for the data's own splits."""
    questions: tuple[str, ...] = ()
    """The questions of the study."""
    departures: tuple[str, ...] = ()
    """Known differences between this reproduction and the original, and assumptions."""
    published: tuple[Published, ...] = ()
    """Published numbers, which `bakeoff compare` sets beside the results."""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name is empty: expected a word or two")

    @property
    def recipes(self) -> tuple[str, ...]:
        """The recipes that are compared; usually one."""
        return (self.recipe,) if isinstance(self.recipe, str) else self.recipe

    @property
    def compares_recipes(self) -> bool:
        """Whether networks trained with different recipes are ranked together.

        Example:
            >>> study = bakeoff.Study(name="mine", nets=("linear",), data=("digits",), recipe=("quick", "modern"))
            >>> study.recipes, study.compares_recipes
            (('quick', 'modern'), True)
        """
        return len({*self.recipes, *(part.recipe for part in (*self.cells, *self.variants) if part.recipe)}) > 1

    def treatment(self, net: str, data: str, recipe: str | None = None) -> tuple[str, dict[str, Any]]:
        """Return the recipe's name and the changes to it for one cell; later exceptions take precedence.

        Where the study compares several recipes, `recipe` says which of them; the first by default.

        Example:
            >>> study = bakeoff.Study(name="mine", nets=("linear",), data=("digits",), set={"epochs": 1})
            >>> study.treatment("linear", "digits")
            ('quick', {'epochs': 1})
        """
        recipe, changes = recipe or self.recipes[0], dict(self.set)
        for cell in self.cells:
            if (net, data) in cell:
                recipe, changes = cell.recipe or recipe, changes | cell.set
        return recipe, changes

    def grid(self) -> list[GridCell]:
        """Return all cells, data set by data set: the grid, then variants, then experiments."""
        cells: list[GridCell] = []
        for data in self.data:
            for recipe in self.recipes:
                cells += [cell for cell in self._cells(data, recipe) if recipe == self.recipes[0] or cell not in cells]
            cells += [cell for dial in self.turns() if dial.data == data for _, cell in self.turned(dial)]
        return cells

    def _cells(self, data: str, recipe: str) -> Iterator[GridCell]:
        """Yield the cells and variants of one data set under one of the study's recipes."""
        for net in self.nets:
            if not any(cell.leave_out and (net, data) in cell for cell in self.cells):
                yield GridCell(net, data, *self.treatment(net, data, recipe))
        for variant in self.variants:
            for net in variant.nets or self.nets:
                if (net, data) in variant:
                    own, changes = self.treatment(net, data, recipe)
                    yield GridCell(net, data, variant.recipe or own, changes, variant.set, variant.label)

    def turns(self) -> Iterator[Turn]:
        """Yield the experiments: where the study compares recipes, one for each that does not name its own."""
        for dial in self.dials:
            if dial.recipe or len(self.recipes) == 1:
                yield dial
            else:
                yield from (msgspec.structs.replace(dial, recipe=recipe) for recipe in self.recipes)

    def turned(self, dial: Turn) -> Iterator[tuple[float, GridCell]]:
        """Yield (level, cell) of an experiment.

        Example:
            >>> from bakeoff.studies.tables import Turn
            >>> turn = Turn(turn="contrast", data="digits", levels=(1.0, 0.5))
            >>> study = bakeoff.Study(name="mine", nets=("linear",), data=("digits",), dials=(turn,))
            >>> [[level for level, _ in study.turned(dial)] for dial in study.turns()]
            [[1.0, 0.5]]
        """
        for level in dial.levels:
            for net in dial.nets or self.nets:
                recipe, changes = self.treatment(net, dial.data, dial.recipe)
                own = (dial.recipe or recipe, changes | dial.set)
                yield level, GridCell(net, dial.version(level), *own, dial.variant(level))

    def used(self, data: str) -> str:
        """Return the replacement of a data set or of a graded version of it, or the name itself; grouped if asked.

        Example:
            >>> jpeg = {"cifar10": "folder:cifar10-jpeg"}
            >>> bakeoff.Study(name="mine", nets=("conv",), data=("cifar10",), data_as=jpeg).used("cifar10")
            'folder:cifar10-jpeg'
        """
        base, grades = split_name(data)
        used = self.data_as.get(data) or join_name(self.data_as.get(base, base), grades)
        return name_version(used, groups=self.groups, folds=self.folds)

    def with_nets(self, nets: tuple[str, ...]) -> "Study":
        """Return the study with these networks instead of its own, and with their variants and experiments.

        Example:
            >>> bakeoff.Study(name="mine", nets=("linear",), data=("digits",)).with_nets(("conv", "drop")).nets
            ('conv', 'drop')
        """
        variants = (
            msgspec.structs.replace(variant, nets=tuple(net for net in variant.nets if net in nets))
            for variant in self.variants
            if not variant.nets or set(variant.nets) & set(nets)
        )
        dials = (
            msgspec.structs.replace(dial, nets=tuple(net for net in dial.nets if net in nets))
            for dial in self.dials
            if not dial.nets or set(dial.nets) & set(nets)
        )
        return msgspec.structs.replace(self, nets=nets, variants=tuple(variants), dials=tuple(dials))

    def with_own_recipes(self, wanted: Sequence[tuple[str, str | None]]) -> "Study":
        """Return the study with these networks, each trained with the recipe beside it; None means the study's own.

        A network may occur with several recipes. If the same occurs twice, it stays twice, for `plan` to refuse.

        Example:
            >>> study = bakeoff.Study(name="mine", nets=("linear",), data=("digits",))
            >>> study = study.with_own_recipes([("conv", "modern"), ("drop", None)])
            >>> [(cell.net, cell.recipe) for cell in study.grid()]
            [('conv', 'modern'), ('drop', 'quick')]
        """
        recipes: dict[str, list[str | None]] = {}
        for net, recipe in wanted:
            recipes.setdefault(net, []).append(recipe)
        instead = [(net, own[0]) for net, own in recipes.items() if None not in own]
        also = [(net, recipe) for net, own in recipes.items() for recipe in own[None not in own :] if recipe]
        is_twice = len(set(wanted)) < len(wanted)
        study = self.with_nets(tuple(net for net, _ in wanted) if is_twice else tuple(recipes))
        return msgspec.structs.replace(
            study,
            cells=study.cells + tuple(Exceptional(nets=(net,), recipe=recipe) for net, recipe in instead),
            variants=study.variants + tuple(Exceptional(nets=(net,), recipe=recipe) for net, recipe in also),
        )

    def with_changes(self, changes: Mapping[str, Any]) -> "Study":
        """Return the study with changes to the recipes of all cells, overriding the study's own changes.

        Example:
            >>> study = bakeoff.Study(name="mine", nets=("linear",), data=("digits",), set={"epochs": 1})
            >>> study.with_changes({"epochs": 9}).set
            {'epochs': 9}
        """
        if not changes:
            return self

        def without(own: dict[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in own.items() if name not in changes}

        return msgspec.structs.replace(
            self,
            set=self.set | dict(changes),
            cells=tuple(msgspec.structs.replace(cell, set=without(cell.set)) for cell in self.cells),
            variants=tuple(msgspec.structs.replace(variant, set=without(variant.set)) for variant in self.variants),
            dials=tuple(msgspec.structs.replace(dial, set=without(dial.set)) for dial in self.dials),
        )
