"""Runs of more epochs that resume from a run of fewer epochs, where the schedule allows it."""

import os
import shutil
from pathlib import Path
from typing import TypeAlias

from msgspec.structs import replace

from bakeoff.spec.paths import checkpoint_path, part_beside, trunk_path
from bakeoff.spec.recipe import Constant, Cooldown, Plateau, Recipe, Steps
from bakeoff.spec.run import Run
from bakeoff.store.store import Store

Key: TypeAlias = tuple[str, str, str, int, int, str]
"""What runs must have in common, except for their epochs."""


def can_be_extended(recipe: Recipe) -> bool:
    """Return whether a finished run can resume with more epochs: its schedule does not depend on their number."""
    schedules = (recipe.schedule, recipe.head_schedule or recipe.schedule)
    return recipe.probe is None and all(isinstance(schedule, Constant | Steps | Plateau) for schedule in schedules)


def shared_epochs(recipe: Recipe) -> int:
    """Return how many epochs of a run are those of a run of more epochs, too."""
    if isinstance(recipe.schedule, Cooldown):
        head = recipe.head_schedule
        is_shared = head is None or isinstance(head, Constant | Steps | Plateau)
        return recipe.schedule.begin(recipe.epochs) if is_shared else 0
    return recipe.epochs if can_be_extended(recipe) else 0


class Donors:
    """The runs of a store by what they share with longer ones, read once; `note` keeps it up to date."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[Key, dict[str, tuple[Run, bool]]] | None = None
        """Runs by their ids, and whether they are finished; None until a run asks for it."""

    def note(self, run: Run, *, is_finished: bool) -> None:
        """Learn that a run was started, or has finished."""
        if self._known is not None:
            self._known.setdefault(key_without_epochs(run), {})[run.id] = run, is_finished

    def find(self, run: Run) -> Path | None:
        """Return the checkpoint of the run with which a run shares the most trained epochs."""
        if not shared_epochs(run.recipe):
            return None
        if self._known is None:
            self._known = {}
            for result in self._store.results():
                self.note(result.run, is_finished=result.state == "done")
        known = self._known.get(key_without_epochs(run), {}).values()
        shorter = [(donor, is_finished) for donor, is_finished in known if donor.recipe.epochs < run.recipe.epochs]
        for donor, is_finished in sorted(shorter, key=lambda pair: pair[0].recipe.epochs, reverse=True):
            if _donated(self._store.files, donor, is_finished=is_finished).exists():
                return _donated(self._store.files, donor)
        return None


def _donated(folder: Path, run: Run, *, is_finished: bool = True) -> Path:
    """Return the checkpoint that longer runs can resume from; it need not exist."""
    if isinstance(run.recipe.schedule, Cooldown) or not is_finished:
        return trunk_path(folder, run.id)
    return checkpoint_path(folder, run.id)


def key_without_epochs(run: Run) -> Key:
    """Return what a run has in common with longer and shorter ones."""
    return run.net, run.weights, run.data_hash, run.seed, run.protocol, replace(run.recipe, epochs=1).key


def share_checkpoint(folder: Path, source: Path, run_id: str) -> bool:
    """Give a run the checkpoint of another; return False if the other has none or the run has its own."""
    target = checkpoint_path(folder, run_id)
    if not source.exists() or target.exists():
        return False
    _link(source, target)
    return True


def keep_trunk(folder: Path, run: Run, epoch: int) -> None:
    """Keep the checkpoint of the last epoch before the learning rate falls; nothing after other epochs.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    if isinstance(run.recipe.schedule, Cooldown) and epoch == shared_epochs(run.recipe):
        _link(checkpoint_path(folder, run.id), trunk_path(folder, run.id))


def _link(source: Path, target: Path) -> None:
    with part_beside(target) as part:
        try:
            os.link(source, part)  # safe to share: checkpoints are replaced, never changed in place
        except (OSError, AttributeError):  # not every file system has hard links
            shutil.copyfile(source, part)
