"""Networks that installed packages add: a function or class of (shape of an image, classes), or a `Net`."""

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.nets.guard import SETTINGS, seed_others, undone
from bakeoff.nets.net import Build, Net
from bakeoff.spec.data import ImageShape
from bakeoff.spec.plugins import Plugin


def as_net(plugin: Plugin, loaded: Any) -> Net:
    """Return the entry of a network of a package.

    Raises:
        BakeoffError: it is neither a `Net` nor callable.
    """
    if isinstance(loaded, Net):
        return replace(
            loaded, build=partial(_build, plugin, loaded.build), source=f"{plugin.provider}: {loaded.source}"
        )
    if not callable(loaded):
        raise BakeoffError(
            f"{plugin} is a {type(loaded).__name__}: expected a function of (shape of an image, number of classes)"
        )
    about = (loaded.__doc__ or "").strip().partition("\n")[0]
    source = f"{plugin.provider}{f': {about}' if about else ''}"
    return Net(partial(_build, plugin, loaded), plugin.package, 0, source, smallest=1)


def _build(plugin: Plugin, build: Build, shape: ImageShape, classes: int) -> nn.Module:
    """Build the network with random numbers from the current seed, and undo changes to global settings."""
    seed_others(torch.initial_seed())
    with plugin.described(f"fails on {shape} images with {classes} classes"), undone(SETTINGS):
        net = build(shape, classes)
    if not isinstance(net, nn.Module):
        raise BakeoffError(f"{plugin} must return a torch module, but returns {type(net).__name__}")
    return net
