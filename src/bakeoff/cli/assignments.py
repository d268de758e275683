"""Reads options of the form NAME=VALUE, and puts those that change the recipe together."""

from collections.abc import Collection, Mapping
from typing import Any

from bakeoff.errors import BakeoffError


def as_stand_ins(given: Collection[str]) -> dict[str, str]:
    """Read --data-as: data set of the study → the one that stands in for it."""
    stand_ins = {}
    for text in given:
        name, _, other = (part.strip() for part in text.partition("="))
        if not (name and other):
            raise BakeoffError(f"--data-as takes NAME=DATA, such as cifar10=folder:cifar10-jpeg; got {text!r}")
        stand_ins[name] = other
    return stand_ins


def as_changes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Put --epochs, --size, --scale and --set together; --set comes last and wins."""
    from bakeoff.spec.overrides import parse_assignment, parse_size

    changes: dict[str, Any] = {}
    if values["epochs"]:
        changes["epochs"] = values["epochs"]
    if values["size"] is not None:
        changes["image.size"] = parse_size(values["size"])
    if values["scale"]:
        changes["image.scale"] = values["scale"]
    return changes | dict(parse_assignment(text) for text in values["changes"])
