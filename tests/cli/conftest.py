import contextlib
import io
import os
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest


class Said(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


def call(*arguments: str) -> Said:
    """Run a command line in this process, as `bakeoff ARGUMENTS` would."""
    from bakeoff.cli import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    argv, columns = sys.argv, os.environ.get("COLUMNS")
    sys.argv, os.environ["COLUMNS"] = ["bakeoff", *arguments], "120"
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = argv
        os.environ.pop("COLUMNS")
        if columns is not None:
            os.environ["COLUMNS"] = columns
    return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def bakeoff() -> Callable[..., Said]:
    """The command line."""
    return call


TINY = ["--epochs", "2", "--set", "images_per_class=20", "--set", "validation=50"]


@pytest.fixture(scope="session")
def tiny_options() -> list[str]:
    """Options that make a run on digits take a fraction of a second."""
    return TINY


@pytest.fixture(scope="session")
def trained(tmp_path_factory, own_cache) -> tuple[str, Said]:
    """A store of two networks and two seeds that the command line filled, and its output."""
    store = str(tmp_path_factory.mktemp("trained") / "a.db")
    arguments = ["--nets", "lenet-afif,nin", "--data", "digits", "--seeds", "2", *TINY, "--store", store]
    said = call("run", *arguments, "--json")
    return store, said
