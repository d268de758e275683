"""Packs what another machine needs to train a run. `relay.py` unpacks it there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Protocol, TypeAlias

from msgspec.structs import replace

from bakeoff.data import source_of
from bakeoff.data.shipping import Shipment, packed, shipment
from bakeoff.execution.worker import Job, Placement, load_images
from bakeoff.spec.paths import checkpoint_path, weights_path, write_output
from bakeoff.spec.run import Run, is_own
from bakeoff.spec.values import digest, to_dict


class Content(Protocol):
    """The content of a file, wherever it is."""

    def chunks(self) -> Iterator[bytes]:
        """Yield it in pieces."""


@dataclass(frozen=True)
class Held:
    """Content that travels with the parcel."""

    content: bytes

    def chunks(self) -> Iterator[bytes]:
        """Yield it in one piece."""
        yield self.content


Keep: TypeAlias = Callable[[Path], Content]
"""Puts a file where other machines can read it, and returns its content there."""


@dataclass(frozen=True)
class Cargo:
    """The images of a run, the same object for all runs on them."""

    shipment: Shipment
    files: Mapping[str, Content]
    """By name."""


@dataclass(frozen=True)
class Parcel:
    """One run with all that it needs besides its images."""

    run: Run
    placement: Placement
    job: Job
    bakeoff: str
    """The version of bakeoff that must train it."""
    files: Mapping[str, Content]
    """By their paths in the worker's folder: checkpoint, weights, and the texts of a user's network."""
    checkpoints: str = ""
    """URL of the folder where its checkpoints are kept; empty if they come back to the sender."""
    begun: bool = False
    """Whether to use a checkpoint there: it may also belong to results that were discarded."""


def version() -> str:
    """Return the version of bakeoff."""
    try:
        return metadata.version("bakeoff")
    except metadata.PackageNotFoundError:
        return ""


def pack_parcel(run: Run, placement: Placement, job: Job, folder: Path, keep: Keep, begun: bool = False) -> Parcel:
    """Pack what the run needs from the folder beside the store.

    Args:
        run: the run.
        placement: of the whole execution.
        job: what is to be done with the run.
        folder: beside the store.
        keep: puts large files where other machines can read them.
        begun: the store has epochs of the run.
    """
    from bakeoff.nets.user_weights import ENDINGS, copy_path  # loads torch

    assert placement.cluster is not None
    files: dict[str, Content] = {
        str(path.relative_to(folder)): Held(path.read_bytes()) for path in _texts(run.net, folder)
    }
    large = [checkpoint_path(folder, run.id), weights_path(folder, run.id)]
    large += [copy_path(folder, run.net.rpartition(":")[2], ending) for ending in ENDINGS] if ":" in run.net else []
    files |= {path.name: keep(path) for path in large if path.exists()}
    alone = replace(placement, workers=1, cluster=None)
    return Parcel(run, alone, job, version(), files, placement.cluster.checkpoints, begun)


def keep_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files that came with a report to the folder beside the store.

    Raises:
        BakeoffError: the disk is full or cannot be written.
    """
    for name, content in files.items():
        write_output(folder / Path(name).name, content)


def _texts(net: str, folder: Path) -> list[Path]:
    """Return the files with the text of a user's network and of what it imports."""
    from bakeoff.nets.user_file import source_path  # loads torch

    called = net.partition(":")[0]
    if not is_own(called):
        return []
    text = source_path(folder, called)
    return [path for path in (text, text.with_suffix(".json")) if path.exists()] + sorted(
        path for path in (folder / called).rglob("*.py") if path.is_file()
    )


def images_key(run: Run) -> str:
    """Return a key of the pixels of a run."""
    return digest([run.data, run.data_hash, to_dict(run.recipe.image)])[:24]


def pack_cargo(run: Run, keep: Keep) -> Cargo:
    """Pack the images of a run.

    Raises:
        BakeoffError: they have changed since the run was planned, or the cache cannot be written.
    """
    images = load_images(run)
    folder = packed(images, is_version=source_of(run.data) != run.data, key=images_key(run))
    described = shipment(folder, images.info)
    return Cargo(described, {file.name: keep(folder / file.name) for file in described.files})
