"""Detects and undoes changes to process-wide settings by a user's file."""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.backends import cudnn, mkldnn

Setting = tuple[Callable[[], Any], Callable[[Any], object]]
"""Getter and setter."""


def _flag(owner: Any, name: str) -> Setting:
    return lambda: getattr(owner, name), partial(setattr, owner, name)


def _set_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)  # None adds no overhead


SETTINGS: dict[str, Setting] = {
    "torch.set_default_dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "torch.set_default_device": (torch.get_default_device, _set_device),
    "torch.set_grad_enabled": (torch.is_grad_enabled, torch.set_grad_enabled),
    "torch.use_deterministic_algorithms": (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    "torch.set_num_threads": (torch.get_num_threads, torch.set_num_threads),
    "torch.set_float32_matmul_precision": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    "torch.autograd.set_detect_anomaly": (torch.is_anomaly_enabled, torch.set_anomaly_enabled),
    "torch.backends.cudnn.enabled": _flag(cudnn, "enabled"),
    "torch.backends.cudnn.benchmark": _flag(cudnn, "benchmark"),
    "torch.backends.cudnn.deterministic": _flag(cudnn, "deterministic"),
    "torch.backends.mkldnn.enabled": _flag(mkldnn, "enabled"),
    "os.chdir": (os.getcwd, os.chdir),
}
"""Settings that affect numbers, or where files are written, by the name of what changes them."""

STREAMS: dict[str, Setting] = {
    "the seed of torch": (torch.get_rng_state, torch.set_rng_state),
    "the seed of numpy.random": (np.random.get_state, np.random.set_state),
    "the seed of random": (random.getstate, random.setstate),
}
"""The states of the random generators."""


@contextmanager
def undone(settings: dict[str, Setting]) -> Iterator[list[str]]:
    """Restore `settings` at the end of the block; the list then names those that were changed."""
    before = {name: get() for name, (get, _) in settings.items()}
    changed: list[str] = []
    try:
        yield changed
    finally:
        for name, (get, put) in settings.items():
            if not same(get(), before[name]):
                changed.append(name)
                with suppress(OSError):  # the working directory may be gone
                    put(before[name])


def same(one: Any, other: Any) -> bool:
    """Return whether two states are equal, including arrays in them."""
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    return bool(np.array_equal(one, other))


def states() -> dict[str, Any]:
    """Return the states of the random generators."""
    return {name: get() for name, (get, _) in STREAMS.items()}


def seed_others(seed: int) -> None:
    """Seed the global generators of numpy and Python, which users' networks may use besides torch's."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
