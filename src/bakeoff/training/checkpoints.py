"""Checkpoints: what a run needs to go on, written whole or not at all, read without pickle's dangers."""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
import torch
from torch import Tensor, nn

from bakeoff.spec.paths import checkpoint_path, delete_drafts, weights_path, written_whole
from bakeoff.spec.records import Epoch
from bakeoff.spec.run import PROTOCOL


@dataclass(frozen=True)
class State:
    """What a checkpoint holds beside network and optimiser."""

    history: list[Epoch] = field(default_factory=list)
    best: dict[str, Tensor] | None = None
    """The weights of the best epoch so far, for recipes that report it."""
    spent: dict[str, float] = field(default_factory=dict)
    """Seconds of all sessions by phase."""
    joules: float | None = None
    """Energy of the training so far, None if the machine did not tell."""
    environment: dict[str, Any] = field(default_factory=dict)
    """What the sessions so far ran on: see `hardware.merge_environments`."""
    load: dict[str, float] = field(default_factory=dict)
    """Processor time used, waited for and taken by others, in seconds."""


def save(
    folder: Path, run_id: str, net: nn.Module, optimizer: torch.optim.Optimizer, state: State, draft: str = ""
) -> None:
    """Write the checkpoint of a run, or a draft of it.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    content = {
        "protocol": PROTOCOL,
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": msgspec.to_builtins(state.history),
        "best": state.best,
        "spent": state.spent,
        "joules": state.joules,
        "environment": state.environment,
        "load": state.load,
    }
    with written_whole(checkpoint_path(folder, run_id, draft)) as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # torch hides the file's own error behind one about positions
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def load(folder: Path, run_id: str, net: nn.Module, optimizer: torch.optim.Optimizer) -> State:
    """Fill network and optimiser from the checkpoint and return the rest; an absent one is an empty state.

    A file that is damaged (cut short by a power failure, a bit turned over), or was written by another protocol,
    counts as absent: the run starts anew, which costs time and no truth. What others left of the run in drafts and
    half-written is removed.
    """
    delete_drafts(folder, run_id)
    saved = _read(checkpoint_path(folder, run_id))
    if saved is None or _shapes(saved["net"]) != _shapes(net.state_dict()):
        return State()
    net.load_state_dict(saved["net"])
    optimizer.load_state_dict(saved["optimizer"])
    history = msgspec.convert(saved["history"], list[Epoch])
    kept = {name: saved[name] for name in ("best", "spent", "joules", "environment", "load") if name in saved}
    return State(history, **kept)


def _read(path: Path) -> dict[str, Any] | None:
    """Return what is in a checkpoint, None if there is none that is whole and of this protocol."""
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not look at the checksums it wrote
            if archive.testzip() is not None:
                return None
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return saved if saved["protocol"] == PROTOCOL else None
    except MemoryError:
        raise
    except Exception:  # damage has many faces
        return None


def _shapes(weights: dict[str, Any]) -> dict[str, torch.Size | None]:
    """Return the shapes; a module may keep other things than tensors (`get_extra_state`)."""
    return {name: getattr(value, "shape", None) for name, value in weights.items()}


def save_weights(folder: Path, run_id: str, net: nn.Module, draft: str = "") -> None:
    """Keep the weights that were evaluated, or a draft of them, in a format anything can read.

    Weights that a network uses in several places are written under each of their names.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in net.state_dict().items():
        own = value.detach().cpu().contiguous()
        memory = own.untyped_storage().data_ptr()
        tensors[name] = own.clone() if memory in seen else own  # the format refuses two names for one memory
        seen.add(memory)
    with written_whole(weights_path(folder, run_id, draft)) as file:
        file.write(safetensors.torch.save(tensors))
