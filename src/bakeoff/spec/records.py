"""What training leaves behind: plain values that pass from a worker to the store and on to the report."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from bakeoff.spec.run import Run
from bakeoff.spec.values import Value


class Epoch(Value, frozen=True):
    """One finished epoch of one run. Losses include the recipe's penalties; accuracies are fractions."""

    epoch: int
    """Counted from 1."""
    train_loss: float
    """Mean over the training images as they passed by, the weights changing meanwhile."""
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
    """Highest memory of the training process so far, mapped files left out; on a GPU, of the device."""


@dataclass(frozen=True)
class Outcome:
    """The final evaluation of one run on the test split."""

    reported_epoch: int
    """The epoch whose weights were evaluated, chosen by the recipe's `select`."""
    predicted: np.ndarray
    """(N,) uint16: the class each test image was given."""
    probabilities: np.ndarray
    """(N, K) float16: softmax of the logits."""
    measures: dict[str, float]
    """Everything else that is one number, by name and unit: test_accuracy, train_seconds, parameters, …"""
    layers: tuple[dict, ...] = ()
    """The layers of the network, as `nets.summary.Layer`, in the order they run."""
    environment: dict = field(default_factory=dict)
    """What it was trained on, in all sessions: see `hardware.merge_environments`."""
    blanks: dict[str, str] = field(default_factory=dict)
    """What could not be measured beside the training, and why; it comes to the environment, as `not_measured`."""


@dataclass(frozen=True)
class Measured:
    """Further measures of a run that had finished before."""

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
    """The user's own file that it came from; empty if it did not come from one."""
    line: int | None = None
    """In that file."""


@dataclass(frozen=True)
class Result:
    """What the store knows of one run."""

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
    """Versions, machine, device, threads of the process that trained it; `before`: what differed in earlier ones."""
    layers: tuple[dict, ...] = ()
    """The layers of the network, as `nets.summary.Layer`; none in results of older stores."""
    data: str = ""
    """What tables call its data set: with some of its hash where the store has other images of that name."""
    version: str = ""
    """How its images differ from others of that name in the store, in words."""

    def conditions(self, name: str) -> tuple:
        """Return one fact of the environment, such as the precision, of each session that had another, oldest first."""
        return (*self.environment.get("before", {}).get(name, ()), self.environment.get(name))

    @property
    def selection(self) -> str:
        """The rule by which the reported number was chosen, to be printed beside it."""
        recipe = self.run.recipe
        if recipe.select == "last":
            return "last epoch"
        return f"{recipe.select.replace('-', ' ')}{' on the TEST set' if recipe.validation == 'test' else ''}"


@dataclass(frozen=True)
class Unreadable:
    """A run that is in a store and cannot be read. The field names are the keys of the JSON: they stay."""

    id: str
    net: str
    """Empty where nothing but the id is left; so are `data` and `recipe`."""
    data: str
    recipe: str
    seed: int | None
    state: Literal["damaged", "newer"]
    reason: str
    """Why, in words."""


@dataclass(frozen=True)
class DataRecord:
    """What the store keeps of a data set, so that results can be read without it."""

    content_hash: str
    facts: dict
    """DataInfo as a dict, with source, licence, citation and skipped files; `duplicates` and `properties` where they
    were looked for."""
    test_labels: np.ndarray
    """(N,) int64."""
