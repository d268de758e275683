"""Finds the operations of a training step that torch reports as nondeterministic."""

import re
import warnings
from copy import deepcopy

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from bakeoff.machine import hardware
from bakeoff.machine.hardware import Machine
from bakeoff.measure.cost import images
from bakeoff.spec.data import ImageShape

WARNING = re.compile(r"^(\S+) does not have a deterministic implementation")


def varying_operations(net: nn.Module, shape: ImageShape, machine: Machine) -> list[str]:
    """Return the names of the operations in a training step of `net` without a deterministic implementation, sorted.

    The step is run on a copy of the network with two images; the network and the random generators are unchanged.
    """
    devices = [machine.device] if machine.device.startswith("cuda") else []
    is_on, warns_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    copy = deepcopy(net).train()
    with torch.random.fork_rng(devices), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            with hardware.autocast(machine):
                outputs = copy(images(2, shape, machine.device))
            sum(part.float().square().mean() for part in tree_leaves(outputs)).backward()
            hardware.synchronize(machine.device)
        finally:
            torch.use_deterministic_algorithms(is_on, warn_only=warns_only)
    found = (WARNING.match(str(warning.message)) for warning in caught)
    return sorted({match[1] for match in found if match})
