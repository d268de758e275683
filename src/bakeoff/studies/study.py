"""What a study is: a grid of cells with exceptions and variants, what it asks, and what was published. No torch."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from bakeoff.data.grade import DIALS, IN_THE_RECIPE
from bakeoff.data.graded import Grade, checked, join_name, split_name
from bakeoff.lookup import find
from bakeoff.spec.values import Count, Fraction, NotNegative, Positive, Value

DialName: TypeAlias = Literal[
    "colour", "contrast", "resolution", "clutter", "classes", "label-noise", "imbalance", "images-per-class", "upscale"
]


class Cell(NamedTuple):
    """One place of a study's grid: a network, a data set and the treatment they get."""

    net: str
    data: str
    recipe: str
    changes: dict[str, Any]
    variant: dict[str, Any] = {}
    """Further changes, which tell a variant from the cell itself."""
    label: str = ""

    @property
    def all_changes(self) -> dict[str, Any]:
        """The cell's and the variant's; the latter win."""
        return self.changes | self.variant


class Exceptional(Value, frozen=True):
    """Cells of a study's grid that are treated in their own way; an absent list means all."""

    nets: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    recipe: str | None = None
    set: dict[str, Any] = {}
    leave_out: bool = False
    """Do not train these cells."""
    label: str = ""
    """What tables call a variant, in place of its changes."""

    def __contains__(self, cell: tuple[str, str]) -> bool:
        """Tell whether it speaks of the cell (network, data set)."""
        net, data = cell
        return (not self.nets or net in self.nets) and (not self.data or data in self.data)


class Turn(Value, frozen=True, kw_only=True):
    """An experiment: one thing about a data set, or about the use of it, turned step by step."""

    turn: DialName
    data: str
    levels: tuple[NotNegative, ...]
    nets: tuple[str, ...] = ()
    """Those of the study if there are none."""
    recipe: str | None = None
    set: dict[str, Any] = {}
    """Changes to the recipe at all levels."""
    asks: str = ""
    """The question that it answers."""
    favours: tuple[str, ...] = ()
    """The guess behind the question: the lead of these networks over the others grows …"""
    towards: NotNegative | None = None
    """… from the other end of the levels to this one."""

    def check(self) -> None:
        """Say that a level cannot be.

        Raises:
            BakeoffError: the dial cannot stand there.
        """
        for level in self.levels:
            checked(Grade(self.turn, level), DIALS.get(self.turn) or IN_THE_RECIPE[self.turn])

    def version(self, level: float) -> str:
        """Return the name of the data at a level: the data set itself where a level changes nothing of it."""
        dial = DIALS.get(self.turn)
        return self.data if dial is None or level == dial.original else join_name(self.data, [Grade(self.turn, level)])

    def variant(self, level: float) -> dict[str, Any]:
        """Return the changes to the recipe that a level is."""
        return {} if self.turn in DIALS else {IN_THE_RECIPE[self.turn].field: int(level)}


def dial_named(name: str) -> str:
    """Return the name of a dial if there is such a one.

    Raises:
        BakeoffError: there is not; the message suggests the nearest ones.
    """
    return find({dial: dial for dial in (*DIALS, *IN_THE_RECIPE)}, name, "dial")


class Published(Value, frozen=True, kw_only=True):
    """What was printed about one cell of a grid. Accuracies are fractions, absent numbers were not printed."""

    net: str
    data: str
    set: dict[str, Any] = {}
    """Changes to the cell's recipe that tell a variant of it: {"image.scale": 3}."""
    test_accuracy: Fraction | None = None
    test_loss: float | None = None
    """As the framework gives it: with the penalties of the recipe."""
    train_accuracy: Fraction | None = None
    """This and the next three are of the last epoch that was trained, whichever epoch is reported."""
    train_loss: float | None = None
    validation_accuracy: Fraction | None = None
    validation_loss: float | None = None
    class_accuracy: dict[str, Fraction] = {}
    """Test accuracy of each class, by its name."""
    accuracy_after_epoch: dict[str, Fraction] = {}
    """Validation accuracy after single epochs, by their number; of the test images where it watched these."""
    parameters: Count | None = None
    """Trainable or not, as Keras counts: the statistics of batch normalisation included."""
    trainable_parameters: Count | None = None
    seconds: Positive | None = None
    """Training and validating, all epochs."""
    epoch_seconds: Positive | None = None
    not_reproducible: str = ""
    """Why the accuracies and losses are an accident of that one run, or come from other settings than it says."""
    note: str = ""


class Study(Value, frozen=True, kw_only=True):
    """A grid of runs: every network on every data set under a recipe, with every seed."""

    name: str
    about: str = ""
    citation: str = ""
    nets: tuple[str, ...]
    data: tuple[str, ...]
    recipe: str = "quick"
    seeds: Annotated[int, Meta(ge=1, le=10_000)] = 3
    first_seed: Annotated[int, Meta(ge=-(2**62), le=2**62)] = 0
    set: dict[str, Any] = {}
    """Changes to the recipe, by dotted field: {"epochs": 3, "optimizer.lr": 0.01}."""
    cells: tuple[Exceptional, ...] = ()
    variants: tuple[Exceptional, ...] = ()
    """Cells to be trained in one more way, beside their own; they may name networks outside the grid."""
    dials: tuple[Turn, ...] = ()
    """Experiments with data sets of the study, beside the grid."""
    data_as: dict[str, str] = {}
    """Data sets of the grid that others stand in for: {"cifar10": "folder:cifar10-jpeg"}."""
    questions: tuple[str, ...] = ()
    """What the study asks."""
    departures: tuple[str, ...] = ()
    """How repeating it here is known to differ from how it was done, and what had to be assumed."""
    published: tuple[Published, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name is empty: expected a word or two")

    def treatment(self, net: str, data: str) -> tuple[str, dict[str, Any]]:
        """Return the recipe's name and the changes to it for one cell; later exceptions win over earlier ones."""
        recipe, changes = self.recipe, dict(self.set)
        for cell in self.cells:
            if (net, data) in cell:
                recipe, changes = cell.recipe or recipe, changes | cell.set
        return recipe, changes

    def grid(self) -> list[Cell]:
        """Return all cells, data set by data set, each data set's variants and experiments after its grid."""
        cells: list[Cell] = []
        for data in self.data:
            for net in self.nets:
                if not any(cell.leave_out and (net, data) in cell for cell in self.cells):
                    cells.append(Cell(net, data, *self.treatment(net, data)))
            for variant in self.variants:
                for net in variant.nets or self.nets:
                    if (net, data) in variant:
                        recipe, changes = self.treatment(net, data)
                        cells.append(Cell(net, data, variant.recipe or recipe, changes, variant.set, variant.label))
            cells += [cell for dial in self.dials if dial.data == data for _, cell in self.turned(dial)]
        return cells

    def turned(self, dial: Turn) -> Iterator[tuple[float, Cell]]:
        """Yield the cells of an experiment, each with its level."""
        for level in dial.levels:
            for net in dial.nets or self.nets:
                recipe, changes = self.treatment(net, dial.data)
                own = (dial.recipe or recipe, changes | dial.set)
                yield level, Cell(net, dial.version(level), *own, dial.variant(level))

    def used(self, data: str) -> str:
        """Return what stands in for a data set or a graded version of it, or itself."""
        if data in self.data_as or not self.data_as:
            return self.data_as.get(data, data)
        base, grades = split_name(data)
        return join_name(self.data_as.get(base, base), grades)

    def with_nets(self, nets: tuple[str, ...]) -> "Study":
        """Return the study with these networks in place of its own; of its variants and experiments what is theirs."""
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

    def with_changes(self, changes: Mapping[str, Any]) -> "Study":
        """Return the study with changes to the recipe of all cells, whatever the study says of these fields."""
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
