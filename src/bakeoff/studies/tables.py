"""The tables of a study: its cells, exceptions from them, experiments, and published numbers. No torch."""

from typing import Any, Literal, NamedTuple, TypeAlias

from bakeoff.data.grade import DIALS, IN_THE_RECIPE
from bakeoff.data.graded import Grade, check_grade, join_name
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
    """Their networks."""
    data: tuple[str, ...] = ()
    """Their data sets."""
    recipe: str | None = None
    """Instead of the study's."""
    set: dict[str, Any] = {}
    """Changes to the recipe, besides the study's."""
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
    """The property."""
    data: str
    """The data set, as `--data` takes it."""
    levels: tuple[NotNegative, ...]
    """Its values; `bakeoff dial --help` describes those of each property."""
    nets: tuple[str, ...] = ()
    """Empty for those of the study."""
    recipe: str | None = None
    """Instead of the study's."""
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
    """The network of the cell."""
    data: str
    """Its data set."""
    set: dict[str, Any] = {}
    """Changes to the cell's recipe that define a variant: {"image.scale": 3}."""
    test_accuracy: Fraction | None = None
    """Of the reported epoch."""
    test_loss: float | None = None
    """As frameworks report it, including the recipe's penalties."""
    train_accuracy: Fraction | None = None
    """This and the next three are of the last trained epoch, whichever epoch is reported."""
    train_loss: float | None = None
    """With the recipe's penalties."""
    validation_accuracy: Fraction | None = None
    """On the images that the study validated on."""
    validation_loss: float | None = None
    """Likewise."""
    class_accuracy: dict[str, Fraction] = {}
    """Test accuracy of each class, by its name."""
    accuracy_after_epoch: dict[str, Fraction] = {}
    """Validation accuracy by epoch; test accuracy if the study validated on the test images."""
    parameters: Count | None = None
    """All parameters as Keras counts them, including the statistics of batch normalisation."""
    trainable_parameters: Count | None = None
    """Those that training changes."""
    seconds: Positive | None = None
    """Training and validation, all epochs."""
    epoch_seconds: Positive | None = None
    """Training and validation, one epoch."""
    not_reproducible: str = ""
    """Why the accuracies and losses cannot be reproduced: an accident of one run, or settings other than stated."""
    note: str = ""
    """Shown beside the numbers."""
