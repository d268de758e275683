"""Finds what there is to check in a file: networks, data sets and recipes in Python files, studies in TOML files."""

import inspect
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bakeoff.errors import BakeoffError
from bakeoff.execution.checking.dataset import check_dataset
from bakeoff.execution.checking.network import check_network
from bakeoff.execution.checking.recipe import check_recipe
from bakeoff.execution.checking.report import Check, Report, run_check
from bakeoff.execution.isolate import run_isolated
from bakeoff.lookup import unknown
from bakeoff.spec.data import ImageShape
from bakeoff.text.formats import counted

HINT = Check(
    "is a function without a return annotation of Dataset or Recipe",
    "note",
    "so it counts as a network: if it returns one of these, write -> Dataset or -> Recipe after its arguments",
)


def check_file(given: str, shape: ImageShape, classes: int) -> Report:
    """Check a Python file, "my_net.py" or "my_net.py:TinyNet", or a study file; networks with images of this shape.

    A function annotated to return a Dataset or a Recipe is a data set or a recipe; others are networks.

    Raises:
        BakeoffError: the file cannot be read or run, or has nothing to check, or several things.
    """
    if given.endswith(".toml"):
        return _check_study(Path(given))
    return run_isolated(_check_python, given, shape, classes, doing=f"checking {given}")


def _check_study(path: Path) -> Report:
    from bakeoff.execution.names import with_known_names
    from bakeoff.execution.plan import plan
    from bakeoff.studies.toml import read_study

    study = with_known_names(read_study(path))
    runs: list[int] = []

    def make_plan() -> Iterator[str]:
        runs.append(len(plan(study, fetch=False).runs))
        yield from ()

    title = "networks, data sets and recipes fit together"
    return Report("study", study.name, (run_check(title, make_plan, facts=lambda: counted(runs[0], "run")),))


def _check_python(given: str, shape: ImageShape, classes: int) -> Report:
    """Run a file in this process, and check what it has."""
    from bakeoff.nets import sources, user_file

    path, wanted = user_file.split(given)
    texts = sources.gather_file(path)
    contents = user_file.read_contents(texts)
    module = sources.run_source(texts)
    functions = {name: kind for name, value in vars(module).items() if (kind := _returned(value, module.__name__))}
    nets = [name for name in contents.names if name not in functions]
    if not functions and not nets:
        raise BakeoffError(f"{path} has no network, data set or recipe: bakeoff new net NAME writes a file with one")
    if wanted and wanted not in {*functions, *nets}:
        raise BakeoffError(f"{path}: {unknown('name', wanted, [*functions, *nets])}")
    if not wanted and len(functions) > 1:
        raise BakeoffError(f"{path} has several: write {' or '.join(f'{given}:{name}' for name in functions)}")
    name = wanted or next(iter(functions), "")
    if functions.get(name) == "Dataset":
        return Report("data set", name, tuple(check_dataset(getattr(module, name))))
    if functions.get(name) == "Recipe":
        return Report("recipe", name, tuple(check_recipe(getattr(module, name), shape, classes)))
    changes = [f"it changes {change}, which is undone" for change in contents.changed]
    called = user_file.register_net(texts, nets, wanted)
    reading = run_check("reading the file changes no global settings", lambda: changes)
    report = Report("network", called, (reading, *check_network(called, shape, classes)))
    made = getattr(module, called.partition("@")[0])
    return report if report.passes or not inspect.isfunction(made) else replace(report, checks=(*report.checks, HINT))


def _returned(value: Any, module: str) -> str:
    """Return "Dataset" or "Recipe" for a public function of a module annotated to return one, else nothing."""
    if not inspect.isfunction(value) or value.__module__ != module or value.__name__.startswith("_"):
        return ""
    annotation = value.__annotations__.get("return")
    name = getattr(annotation, "__name__", str(annotation)).rpartition(".")[2]
    return name if name in ("Dataset", "Recipe") else ""
