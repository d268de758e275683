"""What the documentation says of the code is so."""

import re
from pathlib import Path

import bakeoff
from test_imports import LAYERS

PACKAGE = Path(bakeoff.__file__).parent
REPOSITORY = PACKAGE.parents[1]
ARCHITECTURE = REPOSITORY / "docs" / "architecture.md"


def test_every_file_that_the_architecture_names_is_there():
    text = ARCHITECTURE.read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py)?)`", text))
    assert len(named) > 40
    assert [name for name in sorted(named) if not ((PACKAGE / name).exists() or (REPOSITORY / name).exists())] == []


def test_every_package_is_in_the_architecture_in_its_order():
    table = ARCHITECTURE.read_text(encoding="utf-8").partition("## The packages")[2].partition("## Where")[0]
    found = re.findall(r"`([a-z_]+)(?:/|\.py)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))
    packages = [part for layer in LAYERS for part in layer.split() if part not in ("bakeoff", "__main__")]
    assert found == packages
