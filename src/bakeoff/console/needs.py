"""What a plan needs besides time: a store to write to, disk space for the images of folders, and memory."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from bakeoff import data as sets
from bakeoff.console.folders import describe_folder
from bakeoff.data.local_folders import cache_folder
from bakeoff.errors import BakeoffError
from bakeoff.execution.estimate import cell_of
from bakeoff.execution.plan import Plan
from bakeoff.execution.tryout import safely
from bakeoff.execution.worker import Placement
from bakeoff.spec.data import data_label
from bakeoff.spec.paths import weights_path
from bakeoff.spec.recipe import Image
from bakeoff.store.store import Store
from bakeoff.text.formats import byte_size

PROCESS_BYTES = 250 * 10**6
"""Of a worker without a network: Python, torch, buffers."""
COPIES = 4
"""Numbers kept for each weight: itself, its gradient, and two of the optimiser; one more for a moving average."""


@dataclass(frozen=True)
class Packing:
    """How the images of a folder are resized, and the disk space that this takes."""

    data: str
    images: int
    sizes: tuple[tuple[int, int, int], ...]
    """(height, width, images) of the files, the most frequent first."""
    image: Image
    disk_bytes: int
    """0 if they are packed already."""
    free_bytes: int

    def __str__(self) -> str:
        text = describe_folder(self.data, self.sizes, self.image)
        if not self.disk_bytes:
            return f"{text}; packed already"
        need, free = byte_size(self.disk_bytes), byte_size(self.free_bytes)
        return f"{text}; packing takes {need} on the disk, which has {free} free"


def packings(plan: Plan) -> list[Packing]:
    """Return the folders of a plan, each once per size and fit: its folds and other versions share a pack."""
    found: dict[tuple[str, Image], Packing] = {}
    folder = cache_folder()
    free = shutil.disk_usage(next(f for f in (folder, *folder.absolute().parents) if f.exists())).free
    for run in plan.runs:
        dataset, image = plan.data.get(run.data_hash), run.recipe.image.packed
        source = sets.source_of(run.data)
        if dataset and dataset.sizes and (source, image) not in found:
            images = sum(count for _, _, count in dataset.sizes)
            need = sets.disk_space_needed(run.data, image)
            found[source, image] = Packing(data_label(source), images, dataset.sizes, image, need, free)
    return list(found.values())


def memory_bytes(plan: Plan, placement: Placement) -> int | None:
    """Return about how much memory the workers take together at most, None if unknown.

    What automatic differentiation stores for a batch is counted twice, for its gradients.
    """
    from bakeoff.measure.cost import activation_bytes
    from bakeoff.nets.summary import summarize

    cells: dict[tuple[str, ...], int] = {}
    for run in plan.runs:
        info = plan.info(run.data_hash)
        if cell_of(run) in cells or info.shape is None:
            continue
        of_net = (run.net, run.recipe.image.shape(info.shape), len(info.classes))
        try:
            copies = COPIES + (run.recipe.average > 0)
            kept = safely(activation_bytes, *of_net, doing="counting the memory of")
            weights = safely(summarize, *of_net, doing="counting the layers of").total or 0
        except Exception:  # it was tried out before; unknown numbers are left blank
            return None
        cells[cell_of(run)] = PROCESS_BYTES + 2 * kept * run.recipe.batch_size + 4 * copies * weights
    largest = sorted(cells.values(), reverse=True)
    return sum(largest[i % len(largest)] for i in range(min(placement.workers, len(plan.runs))))


def check_store(path: Path) -> None:
    """Check that the store can be written, without creating it.

    Raises:
        BakeoffError: it cannot.
    """
    if path.exists():
        with Store(path) as opened, opened.transaction():
            return
    if not path.parent.is_dir():
        raise BakeoffError(f"the folder {path.parent} of the store does not exist: create it first")
    if not os.access(path.parent, os.W_OK):
        raise BakeoffError(f"cannot make the store {path}: no permission to write to {path.parent.absolute()}")


def missing_weights(plan: Plan, path: Path) -> list[str]:
    """Say how many finished runs lack the weights that --robustness needs."""
    if not path.exists():
        return []
    with Store(path) as opened:
        found = opened.results([run.id for run in plan.runs])
        gone = [
            result.id
            for result in found
            if result.state == "done"
            and "robustness" not in result.measures
            and not weights_path(opened.files, result.id).exists()
        ]
    note = (
        f"--robustness needs the weights of finished runs; those of {len(gone)} are not in {path}.files: train them "
        "again with --restart"
    )
    return [note] if gone else []


def short_of_memory(placement: Placement) -> list[str]:
    """Warn if the workers may need more memory than is free, estimated from timing one of them."""
    import psutil

    from bakeoff.machine.hardware import peak_memory_bytes

    if placement.device != "cpu":
        return []
    needed, free = placement.workers * peak_memory_bytes("cpu"), psutil.virtual_memory().available
    note = (
        f"{placement.workers} workers may need {needed / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} GiB are "
        "free: use fewer --workers or a smaller --set batch_size=N."
    )
    return [note] if needed > free else []
