"""Every public name has an example in its docstring, and the examples say what happens.

Each runs in a folder of its own with the store of the demonstration, bakeoff.db, one of a published study, and
small.db, in which a small network has just been trained.
"""

import doctest
import inspect
import shutil
from collections.abc import Callable, Iterator
from functools import cached_property

import PIL.Image
import pytest
from documents import ROOT

import bakeoff

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NEEDS = {"Model.export": "onnxscript", "Tuned": "optuna", "tune": "optuna"}
"""Example → the package that it needs."""


def documented() -> Iterator[tuple[str, str]]:
    """Yield the docstrings of public names, and of the members of public classes that have examples."""
    for name in bakeoff.__all__:
        thing = getattr(bakeoff, name)
        yield name, inspect.getdoc(thing) or ""
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            text = "" if member.startswith("_") else inspect.getdoc(value) or ""
            if ">>>" in text:
                yield f"{name}.{member}", text


@pytest.mark.parametrize("name", [name for name in bakeoff.__all__ if inspect.isclass(getattr(bakeoff, name))])
def test_every_member_of_a_public_class_is_in_an_example(name):
    thing = getattr(bakeoff, name)
    examples = "".join(text for place, text in documented() if place.partition(".")[0] == name)
    members = [
        member
        for member, value in vars(thing).items()
        if not member.startswith("_")
        and isinstance(value, Callable | property | cached_property | staticmethod | classmethod)
    ]
    assert [member for member in members if f".{member}" not in examples] == []


@pytest.fixture(scope="module")
def stores(tmp_path_factory, own_cache):
    folder = tmp_path_factory.mktemp("examples")
    shutil.copy(ROOT / "docs/example/demo.db", folder / "bakeoff.db")
    shutil.copy(ROOT / "docs/runs/afif2018-lenet5.db", folder)
    PIL.Image.new("L", (8, 8), 200).save(folder / "new.png")
    settings = {"epochs": 1, "batch_size": 32}
    bakeoff.run(nets="linear", data="digits", changes=settings, seeds=2, store=folder / "small.db", quiet=True)
    return folder


@pytest.mark.parametrize(("name", "text"), list(documented()), ids=[name for name, _ in documented()])
def test_examples_say_what_happens(name, text, stores, tmp_path, monkeypatch):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    monkeypatch.chdir(shutil.copytree(stores, tmp_path / "here"))
    test = doctest.DocTestParser().get_doctest(text, {"bakeoff": bakeoff}, name, None, None)
    assert test.examples, f"{name} has no example"
    said: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    assert not failed, "".join(said)
