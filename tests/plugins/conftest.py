import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bakeoff as api
from packages import install


class Commands:
    """The command line in a process that finds the packages of a folder."""

    def __init__(self, packages: Path, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(Path(api.__file__).parents[1]), str(packages)]),
            "COLUMNS": "200",
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        started = [sys.executable, "-m", "bakeoff", *arguments]
        return subprocess.run(
            started, capture_output=True, text=True, env=self.environment, cwd=self.folder, check=False, timeout=300
        )

    def json(self, *arguments: str):
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def packages(tmp_path_factory) -> Path:
    """A folder with the package acme, installed once."""
    return install(tmp_path_factory.mktemp("packages") / "site")


@pytest.fixture
def command(packages, tmp_path) -> Commands:
    """The command line beside acme."""
    return Commands(packages, tmp_path)
