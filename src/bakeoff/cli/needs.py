"""What a plan takes of a machine beside time: room on the disk for the images of folders, and memory."""

import shutil
from dataclasses import dataclass

from bakeoff import data as sets
from bakeoff.cli.describe import tell_folder
from bakeoff.data.places import cache_folder
from bakeoff.execution.estimate import cell_of
from bakeoff.execution.plan import Plan
from bakeoff.execution.tryout import safely
from bakeoff.execution.worker import Placement
from bakeoff.spec.data import data_label
from bakeoff.spec.recipe import Image
from bakeoff.text.formats import byte_size

PROCESS_BYTES = 250 * 10**6
"""Of a worker without a network: Python, torch, buffers."""
COPIES = 4
"""Numbers kept for each weight: itself, its gradient, and two of the optimiser."""


@dataclass(frozen=True)
class Packing:
    """How the images of a folder are brought to one size, and what that takes."""

    data: str
    images: int
    sizes: tuple[tuple[int, int, int], ...]
    """(height, width, images) of the files, the most frequent first."""
    image: Image
    disk_bytes: int
    """0 if they are packed already."""
    free_bytes: int

    def __str__(self) -> str:
        told = tell_folder(self.data, self.sizes, self.image)
        if not self.disk_bytes:
            return f"{told}; packed already"
        need, free = byte_size(self.disk_bytes), byte_size(self.free_bytes)
        return f"{told}; packing takes {need} on the disk, where {free} are free"


def packings(plan: Plan) -> list[Packing]:
    """Return the folders of a plan, each once per size and fit."""
    found: dict[tuple[str, Image], Packing] = {}
    folder = cache_folder()
    free = shutil.disk_usage(next(f for f in (folder, *folder.absolute().parents) if f.exists())).free
    for run in plan.runs:
        dataset, image = plan.data.get(run.data_hash), Image(run.recipe.image.size, run.recipe.image.fit)
        if dataset and dataset.sizes and (run.data, image) not in found:
            images = sum(count for _, _, count in dataset.sizes)
            need = sets.room_needed(run.data, image)
            found[run.data, image] = Packing(data_label(run.data), images, dataset.sizes, image, need, free)
    return list(found.values())


def memory_bytes(plan: Plan, placement: Placement) -> int | None:
    """Return about how much memory the workers take together at most, None where it cannot be counted.

    What automatic differentiation keeps of a batch is counted twice, for the gradients of it.
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
            kept = safely(activation_bytes, *of_net, doing="counting the memory of")
            weights = safely(summarize, *of_net, doing="counting the layers of").total or 0
        except Exception:  # it was tried out before; what cannot be counted is left blank
            return None
        cells[cell_of(run)] = PROCESS_BYTES + 2 * kept * run.recipe.batch_size + 4 * COPIES * weights
    largest = sorted(cells.values(), reverse=True)
    return sum(largest[i % len(largest)] for i in range(min(placement.workers, len(plan.runs))))
