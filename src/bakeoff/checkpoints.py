"""Checkpoints: what a run needs to go on, written whole or not at all, read without pickle's dangers."""

import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bakeoff.files import checkpoint_path, weights_path
from bakeoff.records import Epoch
from bakeoff.spec import PROTOCOL


@dataclass(frozen=True)
class State:
    """What a checkpoint holds beside network and optimiser."""

    history: list[Epoch] = field(default_factory=list)
    best: dict[str, Tensor] | None = None
    """The weights of the best epoch so far, for recipes that report it."""


def save(folder: Path, run_id: str, net: nn.Module, optimizer: torch.optim.Optimizer, state: State) -> None:
    """Write the checkpoint beside its place, force it to disk, then move it there."""
    folder.mkdir(parents=True, exist_ok=True)
    target = checkpoint_path(folder, run_id)
    beside = target.with_suffix(f".{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            torch.save(
                {
                    "protocol": PROTOCOL,
                    "net": net.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "history": msgspec.to_builtins(state.history),
                    "best": state.best,
                },
                file,
            )
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def load(folder: Path, run_id: str, net: nn.Module, optimizer: torch.optim.Optimizer) -> State:
    """Fill network and optimiser from the checkpoint and return the rest; an absent one is an empty state.

    A file that cannot be read (cut short by a power failure, written by another protocol) counts as absent: the
    run starts anew, which costs time and no truth.
    """
    try:
        saved = torch.load(checkpoint_path(folder, run_id), map_location="cpu", weights_only=True)
        history = msgspec.convert(saved["history"], list[Epoch])
    except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError, msgspec.ValidationError):
        return State()
    if saved["protocol"] != PROTOCOL:
        return State()
    net.load_state_dict(saved["net"])
    optimizer.load_state_dict(saved["optimizer"])
    return State(history, saved["best"])


def save_weights(folder: Path, run_id: str, net: nn.Module) -> None:
    """Keep the weights that were evaluated, in a format anything can read."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    save_file(tensors, weights_path(folder, run_id))
