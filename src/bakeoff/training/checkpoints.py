"""Checkpoints, from which a run resumes: written atomically and loaded without unpickling code."""

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
    """The content of a checkpoint besides network and optimizer."""

    history: list[Epoch] = field(default_factory=list)
    best: dict[str, Tensor] | None = None
    """Weights of the best epoch so far, for recipes that report the best epoch."""
    spent: dict[str, float] = field(default_factory=dict)
    """Seconds by phase, over all sessions."""
    joules: float | None = None
    """Energy used by training so far; None if unknown."""
    environment: dict[str, Any] = field(default_factory=dict)
    """The machines of all sessions so far: see `hardware.merge_environments`."""
    load: dict[str, float] = field(default_factory=dict)
    """CPU seconds used, waited for, and used by other processes."""
    probe: dict[str, float] = field(default_factory=dict)
    """Measures of a probe."""
    average: list[Tensor] | None = None
    """The values of the moving average of the weights, for recipes that have one."""


def save_checkpoint(
    folder: Path, run_id: str, net: nn.Module, optimizer: torch.optim.Optimizer, state: State, draft: str = ""
) -> None:
    """Write a run's checkpoint, or a draft of it.

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
        "probe": state.probe,
    }
    if state.average is not None:
        content["average"] = state.average
    with written_whole(checkpoint_path(folder, run_id, draft)) as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # torch hides write errors behind an error about positions
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def load_checkpoint(folder: Path, run_id: str, net: nn.Module, optimizer: torch.optim.Optimizer) -> State:
    """Load a run's checkpoint into network and optimizer and return its state; without a checkpoint, an empty state.

    A file that is damaged or of another protocol version counts as missing: the run starts over. Drafts and partly
    written files of the run are deleted.
    """
    delete_drafts(folder, run_id)
    saved = _read(checkpoint_path(folder, run_id))
    if saved is None or _shapes(saved["net"]) != _shapes(net.state_dict()):
        return State()
    net.load_state_dict(saved["net"])
    optimizer.load_state_dict(saved["optimizer"])
    history = msgspec.convert(saved["history"], list[Epoch])
    names = ("best", "spent", "joules", "environment", "load", "probe", "average")
    rest = {name: saved[name] for name in names if name in saved}
    return State(history, **rest)


def _read(path: Path) -> dict[str, Any] | None:
    """Return the content of a checkpoint; None if it is missing, damaged or of another protocol version."""
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:  # torch writes checksums, but does not verify them
            if archive.testzip() is not None:
                return None
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return saved if saved["protocol"] == PROTOCOL else None
    except MemoryError:
        raise
    except Exception:  # a damaged file can raise almost anything
        return None


def _shapes(weights: dict[str, Any]) -> dict[str, torch.Size | None]:
    """Return the shape of each entry; None for entries that are no tensors (`get_extra_state`)."""
    return {name: getattr(value, "shape", None) for name, value in weights.items()}


def save_weights(
    folder: Path, run_id: str, net: nn.Module, draft: str = "", metadata: dict[str, str] | None = None
) -> None:
    """Write the evaluated weights, or a draft of them, as safetensors with this metadata.

    Shared weights are written once under each of their names.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in net.state_dict().items():
        tensor = value.detach().cpu().contiguous()
        memory = tensor.untyped_storage().data_ptr()
        tensors[name] = tensor.clone() if memory in seen else tensor  # safetensors rejects shared memory
        seen.add(memory)
    with written_whole(weights_path(folder, run_id, draft)) as file:
        file.write(safetensors.torch.save(tensors, metadata))
