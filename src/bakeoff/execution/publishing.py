"""Moves the files that a worker wrote into place, and deletes files that are no longer needed."""

from collections.abc import Callable, Iterable
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.execution.extend import can_be_extended, keep_trunk
from bakeoff.spec.paths import checkpoint_path, delete_drafts, draft_after, trunk_path, weights_path
from bakeoff.spec.run import Run
from bakeoff.store.claims import draft_of
from bakeoff.store.store import Store


def publish_checkpoint(epoch: int, run: Run, store: Store, owner: str) -> None:
    """Move the checkpoint of an epoch into place, and keep it if longer runs resume from this epoch.

    A resumed run yields its earlier epochs again, whose checkpoints no longer exist.
    """
    if not _publish_draft(checkpoint_path, run, store, draft_after(draft_of(owner), epoch)):
        return
    try:
        keep_trunk(store.files, run, epoch)
    except OSError as error:
        raise BakeoffError(f"cannot write {trunk_path(store.files, run.id)}: {error.strerror or error}") from error


def publish_weights(run: Run, store: Store, owner: str) -> None:
    """Move the weights into place. If a network has none that can be written, delete those of an earlier owner."""
    if not _publish_draft(weights_path, run, store, draft_of(owner)):
        weights_path(store.files, run.id).unlink(missing_ok=True)


def _publish_draft(path_of: Callable[..., Path], run: Run, store: Store, draft: str) -> bool:
    """Move the draft of a file into place; return False if there is none.

    Raises:
        BakeoffError: the file cannot be moved.
    """
    target = path_of(store.files, run.id)
    try:
        path_of(store.files, run.id, draft).replace(target)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BakeoffError(f"cannot write {target}: {error.strerror or error}") from error
    return True


def delete_unneeded_checkpoint(run: Run, store: Store) -> None:
    """Delete the checkpoint of a finished run, unless a run of more epochs could resume from it."""
    if not can_be_extended(run.recipe):
        checkpoint_path(store.files, run.id).unlink(missing_ok=True)


def delete_files(folder: Path, ids: Iterable[str]) -> None:
    """Delete the checkpoints and weights of runs."""
    for run_id in ids:
        delete_drafts(folder, run_id)
        checkpoint_path(folder, run_id).unlink(missing_ok=True)
        trunk_path(folder, run_id).unlink(missing_ok=True)
        weights_path(folder, run_id).unlink(missing_ok=True)
