"""Turns the arguments of this package's functions into the same options that the command line uses."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from bakeoff.execution.options import RunOptions, StudyOptions


def study_options(given: Mapping[str, Any]) -> StudyOptions:
    """Return what to train, from the arguments of a function (its `locals()`) that have the names of the options."""
    return StudyOptions(**{field.name: given[field.name] for field in fields(StudyOptions) if field.name in given})


def run_options(function: str, given: Mapping[str, Any]) -> RunOptions:
    """Return how to run, from the arguments of the function of this name, as `study_options`."""
    known = {field.name: given[field.name] for field in fields(RunOptions) if field.name in given}
    if isinstance(known.get("slurm"), Mapping):
        known["slurm"] = [f"{name}={value}" for name, value in known["slurm"].items()]
    return RunOptions(**known | {"command": f"bakeoff.{function}(...)", "store": Path(given["store"])})
