"""Studies: a grid of cells with exceptions and variants, questions, and published numbers. No torch."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from bakeoff.data.grade import DIALS, IN_THE_RECIPE
from bakeoff.data.graded import Grade, check_grade, join_name, split_name
from bakeoff.data.resplit import name_version
from bakeoff.lookup import find
from bakeoff.spec.values import Count, Fraction, NotNegative, Positive, Value

DialName: TypeAlias = Literal[
    "colour", "contrast", "resolution", "clutter", "classes", "label-noise", "imbalance", "images-per-class", "upscale"
]


class GridCell(NamedTuple):
    """One cell of a study's grid: a network, a data set and how they are trained."""

    net: str
    data: str
    recipe: str
    changes: dict[str, Any]
    variant: dict[str, Any] = {}
    """Further changes, which distinguish a variant from the cell itself."""
    label: str = ""

    @property
    def all_changes(self) -> dict[str, Any]:
        """The changes of the cell and the variant; the variant's take precedence."""
        return self.changes | self.variant


class Exceptional(Value, frozen=True):
    """Cells that are trained differently, or variants; an empty list means all."""

    nets: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    recipe: str | None = None
    set: dict[str, Any] = {}
    leave_out: bool = False
    """Do not train these cells."""
    label: str = ""
    """Name of a variant in tables, instead of its changes."""

    def __contains__(self, cell: tuple[str, str]) -> bool:
        """Return whether the cell (network, data set) is among these."""
        net, data = cell
        return (not self.nets or net in self.nets) and (not self.data or data in self.data)


class Turn(Value, frozen=True, kw_only=True):
    """An experiment: one property of a data set, or of its use, turned step by step."""

    turn: DialName
    data: str
    levels: tuple[NotNegative, ...]
    nets: tuple[str, ...] = ()
    """Empty for those of the study."""
    recipe: str | None = None
    set: dict[str, Any] = {}
    """Changes to the recipe at all levels."""
    asks: str = ""
    """The question it answers."""
    favours: tuple[str, ...] = ()
    """The hypothesis: the lead of these networks over the others grows …"""
    towards: NotNegative | None = None
    """… from the other end of the levels to this level."""

    def check(self) -> None:
        """Validate the levels.

        Raises:
            BakeoffError: a level is out of the dial's range.
        """
        for level in self.levels:
            check_grade(Grade(self.turn, level), DIALS.get(self.turn) or IN_THE_RECIPE[self.turn])

    def version(self, level: float) -> str:
        """Return the name of the data at a level: the original if the level changes nothing."""
        dial = DIALS.get(self.turn)
        return self.data if dial is None or level == dial.original else join_name(self.data, [Grade(self.turn, level)])

    def variant(self, level: float) -> dict[str, Any]:
        """Return the changes to the recipe at a level."""
        return {} if self.turn in DIALS else {IN_THE_RECIPE[self.turn].field: int(level)}


def dial_named(name: str) -> str:
    """Return `name` if it is a dial.

    Raises:
        BakeoffError: it is not; the message suggests similar names.
    """
    return find({dial: dial for dial in (*DIALS, *IN_THE_RECIPE)}, name, "dial")


class Published(Value, frozen=True, kw_only=True):
    """The published numbers of one cell. Accuracies are fractions; missing numbers were not published."""

    net: str
    data: str
    set: dict[str, Any] = {}
    """Changes to the cell's recipe that define a variant: {"image.scale": 3}."""
    test_accuracy: Fraction | None = None
    test_loss: float | None = None
    """As frameworks report it, including the recipe's penalties."""
    train_accuracy: Fraction | None = None
    """This and the next three are of the last trained epoch, whichever epoch is reported."""
    train_loss: float | None = None
    validation_accuracy: Fraction | None = None
    validation_loss: float | None = None
    class_accuracy: dict[str, Fraction] = {}
    """Test accuracy of each class, by its name."""
    accuracy_after_epoch: dict[str, Fraction] = {}
    """Validation accuracy by epoch; test accuracy if the study validated on the test images."""
    parameters: Count | None = None
    """All parameters as Keras counts them, including the statistics of batch normalisation."""
    trainable_parameters: Count | None = None
    seconds: Positive | None = None
    """Training and validation, all epochs."""
    epoch_seconds: Positive | None = None
    not_reproducible: str = ""
    """Why the accuracies and losses cannot be reproduced: an accident of one run, or settings other than stated."""
    note: str = ""


class Study(Value, frozen=True, kw_only=True):
    """A grid of runs: every network on every data set with every seed, under a recipe.

    Example:
        >>> study = bakeoff.Study(name="mine", nets=("linear", "lenet-afif"), data=("digits",), set={"epochs": 1})
        >>> [cell.net for cell in study.grid()]
        ['linear', 'lenet-afif']
        >>> results = bakeoff.run(study, store="small.db")
    """

    name: str
    about: str = ""
    citation: str = ""
    nets: tuple[str, ...]
    data: tuple[str, ...]
    recipe: str | tuple[str, ...] = "quick"
    """One, or several to compare: each network is trained with each, and all are ranked together."""
    seeds: Annotated[int, Meta(ge=1, le=10_000)] = 3
    first_seed: Annotated[int, Meta(ge=-(2**62), le=2**62)] = 0
    set: dict[str, Any] = {}
    """Changes to the recipe, by dotted field: {"epochs": 3, "optimizer.lr": 0.01}."""
    cells: tuple[Exceptional, ...] = ()
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

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name is empty: expected a word or two")

    @property
    def recipes(self) -> tuple[str, ...]:
        """The recipes that are compared; usually one."""
        return (self.recipe,) if isinstance(self.recipe, str) else self.recipe

    @property
    def compares_recipes(self) -> bool:
        """Whether networks trained with different recipes are ranked together."""
        return len({*self.recipes, *(part.recipe for part in (*self.cells, *self.variants) if part.recipe)}) > 1

    def treatment(self, net: str, data: str, recipe: str | None = None) -> tuple[str, dict[str, Any]]:
        """Return the recipe's name and the changes to it for one cell; later exceptions take precedence.

        Where the study compares several recipes, `recipe` says which of them; the first by default.
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
        """Yield (level, cell) of an experiment."""
        for level in dial.levels:
            for net in dial.nets or self.nets:
                recipe, changes = self.treatment(net, dial.data, dial.recipe)
                own = (dial.recipe or recipe, changes | dial.set)
                yield level, GridCell(net, dial.version(level), *own, dial.variant(level))

    def used(self, data: str) -> str:
        """Return the replacement of a data set or of a graded version of it, or the name itself; grouped if asked."""
        base, grades = split_name(data)
        used = self.data_as.get(data) or join_name(self.data_as.get(base, base), grades)
        return name_version(used, groups=self.groups, folds=self.folds)

    def with_nets(self, nets: tuple[str, ...]) -> "Study":
        """Return the study with these networks instead of its own, and with their variants and experiments."""
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
        """Return the study with changes to the recipes of all cells, overriding the study's own changes."""
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
