"""Records of training: plain values passed from a worker to the store and on to the report."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from bakeoff.spec.data import data_label
from bakeoff.spec.run import Run
from bakeoff.spec.values import Value


class Epoch(Value, frozen=True, gc=False):  # without references, and there are many
    """One finished epoch of one run. Losses include the recipe's penalties; accuracies are fractions."""

    epoch: int
    """Counted from 1."""
    train_loss: float
    """Mean over the training images, each with the weights at its step."""
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    """At the last step of the epoch."""
    train_seconds: float
    evaluation_seconds: float
    images_per_second: float
    """Training images over `train_seconds`."""
    peak_memory_bytes: int
    """Peak memory of the training process so far, without mapped files; on a GPU, of the device."""


COSTS = ("seconds", "per_second", "memory_bytes", "ms_median", "ms_p95", "joules", "runs_at_once", "features_shared")


def is_cost(name: str) -> bool:
    """Return whether a field of an epoch or a measure is time, memory or energy, or something these depend on.

    Identical runs differ in them.
    """
    return name.endswith(COSTS)


class RecipeUse(NamedTuple):
    """A recipe on a data set: what comparisons of several recipes rank together."""

    data_hash: str
    recipe_key: str


@dataclass(frozen=True)
class Outcome:
    """Final evaluation of one run on the test split."""

    reported_epoch: int
    """The epoch whose weights were evaluated, chosen by the recipe's `select`."""
    predicted: np.ndarray
    """(N,) uint16: the predicted class of each test image."""
    probabilities: np.ndarray
    """(N, K) float16: softmax of the logits."""
    measures: dict[str, float]
    """All scalar measures; units are part of the name: test_accuracy, train_seconds, parameters, …"""
    layers: tuple[dict, ...] = ()
    """The layers of the network as dicts of `nets.summary.Layer`, in order of execution."""
    environment: dict = field(default_factory=dict)
    """The machine it was trained on, over all sessions: see `hardware.merge_environments`."""
    blanks: dict[str, str] = field(default_factory=dict)
    """Measures that failed → why; stored in the environment as `not_measured`."""


@dataclass(frozen=True)
class Trained:
    """All epochs of a run are done; its test images have not been evaluated yet."""


@dataclass(frozen=True)
class Measured:
    """Measures added to a finished run."""

    measures: dict[str, float]


@dataclass(frozen=True)
class Failure:
    """Why a run has no result."""

    kind: str
    """diverged, out-of-memory, killed, timeout, disk-full or error."""
    message: str
    traceback: str = ""
    epoch: int | None = None
    step: int | None = None
    file: str = ""
    """The user's network file that raised it; empty if none did."""
    line: int | None = None
    """Line in that file."""


@dataclass(frozen=True)
class Result:
    """One run as read from the store."""

    id: str
    run: Run
    state: str
    """waiting, running, done or failed."""
    epochs: tuple[Epoch, ...] = ()
    measures: dict[str, float] = field(default_factory=dict)
    failure: Failure | None = None
    started: str | None = None
    finished: str | None = None
    environment: dict = field(default_factory=dict)
    """Versions, machine, device and threads of the last session; `before`: what differed in earlier sessions."""
    layers: tuple[dict, ...] = ()
    """The layers of the network as dicts of `nets.summary.Layer`; empty in older stores."""
    data: str = ""
    """Name of the data set in tables; with part of its hash if the store has other data of that name."""
    version: str = ""
    """How its data differ from other data of that name in the store."""
    compared: tuple[str, ...] = ()
    """Ids of the comparisons of several recipes that it is part of."""
    parts: tuple["Result", ...] = ()
    """The runs of all folds of a cross-validation that this result combines; empty for a single run."""

    @property
    def is_untested(self) -> bool:
        """Whether it was completely trained, but not tested: contests and tuning test only possible winners."""
        epochs = self.run.recipe.epochs
        return self.state == "waiting" and bool(epochs) and len(self.epochs) >= epochs

    def conditions(self, name: str) -> tuple:
        """Return the values of one environment fact, such as the precision, over the sessions, oldest first."""
        return (*self.environment.get("before", {}).get(name, ()), self.environment.get(name))

    @property
    def selection(self) -> str:
        """How the reported epoch was chosen, as shown beside the result."""
        recipe = self.run.recipe
        if recipe.probe and recipe.validation == "none":
            return "the only one"
        if recipe.probe:
            rule = "the only one, with the penalty of lowest validation loss"
        elif recipe.select == "last":
            return "last epoch"
        else:
            rule = recipe.select.replace("-", " ")
        return f"{rule}{' on the TEST set' if recipe.validation == 'test' else ''}"


@dataclass(frozen=True)
class NamedRun:
    """What names a run of a store, of which other things may be damaged. The field names are JSON keys."""

    id: str
    net: str
    """Empty if only the id is readable, as are `data` and `recipe`."""
    data: str
    recipe: str
    seed: int | None

    @property
    def label(self) -> str:
        """The run as tables and messages name it: "conv · quick · mnist · seed 3"."""
        parts = (self.net, self.recipe, data_label(self.data), "" if self.seed is None else f"seed {self.seed}")
        return " · ".join(filter(None, parts)) if self.net else f"run {self.id}"


@dataclass(frozen=True)
class Unreadable(NamedRun):
    """A run in the store that cannot be read. The field names are JSON keys: do not rename them."""

    state: Literal["damaged", "newer"]
    reason: str
    """Why it cannot be read."""


@dataclass(frozen=True)
class DataRecord:
    """What the store keeps about a data set, so that results can be read without the data."""

    content_hash: str
    facts: dict
    """DataInfo as a dict, with source, licence, citation and skipped files; `groups` if it has any; `duplicates`,
    `twins` and `properties` if they were computed."""
    test_labels: np.ndarray
    """(N,) int64."""
