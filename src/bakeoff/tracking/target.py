"""Where to mirror results: `mlflow:URI`, `tensorboard:DIR` or `wandb:PROJECT`."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from bakeoff.errors import BakeoffError, install
from bakeoff.lookup import find
from bakeoff.tracking.records import TrackedRun

MODULES = {"mlflow": "mlflow", "tensorboard": "tensorboard", "wandb": "wandb"}
"""Kind of tracker → the module it needs, which the extra of this name installs."""


class Tracker(Protocol):
    """A place that results are mirrored to. It identifies a sent run by its id and mark."""

    def marks(self) -> Mapping[str, str]:
        """Return the mark of each completely sent run, by its id.

        Raises:
            Unreachable: the tracker does not answer.
        """

    def send(self, run: TrackedRun) -> None:
        """Send a run, and replace what the tracker has of it; its mark comes last.

        Raises:
            Unreachable: the tracker does not answer.
        """

    def send_page(self, page: Path) -> None:
        """Send the page, and replace an earlier one.

        Raises:
            Unreachable: the tracker does not answer.
        """


class Unreachable(BakeoffError):
    """The tracker does not answer; missing runs can be sent later."""


@dataclass(frozen=True)
class Target:
    """A tracker and where its results go."""

    kind: str
    place: str
    """URI of an MLflow server, folder of TensorBoard's files, or project of Weights & Biases; empty for the default."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.place}" if self.place else self.kind


def parse_target(text: str) -> Target:
    """Read `KIND` or `KIND:PLACE`.

    Raises:
        BakeoffError: there is no such tracker, or its package is not installed.
    """
    kind, _, place = text.strip().partition(":")
    module = find(MODULES, kind, "tracker")
    if find_spec(module) is None:
        package = f"'bakeoff[{kind}]'"
        raise BakeoffError(f"--track {kind} needs a package that is not installed: {install(package)}")
    return Target(kind, place)


def open_tracker(target: Target, store: Path) -> Tracker:
    """Open a tracker for the results of a store.

    Raises:
        Unreachable: it does not answer.
        BakeoffError: the place is invalid, or cannot be written.
    """
    if target.kind == "mlflow":
        from bakeoff.tracking.mlflow_server import MlflowTracker

        return MlflowTracker(target.place, store)
    if target.kind == "tensorboard":
        from bakeoff.tracking.tensorboard_files import TensorboardTracker

        return TensorboardTracker(Path(target.place or "runs"))
    from bakeoff.tracking.wandb_project import WandbTracker

    return WandbTracker(target.place or "bakeoff")
