"""Every built-in network exports, or the documentation says why not."""

import re
import sys
from pathlib import Path

import pytest

from bakeoff.nets import BUILTIN

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))


def documented() -> dict[str, list[str]]:
    """Network → the marks of its formats in the table of the documentation."""
    text = (ROOT / "docs" / "export.md").read_text(encoding="utf-8").partition("<!-- what benchmarks")[2]
    rows = re.findall(r"^\| `(.+?)` \|(.+)\|$", text, re.MULTILINE)
    return {name: [mark.strip() for mark in marks.split("|")] for name, marks in rows}


def test_the_table_has_every_network():
    table = documented()
    assert table.keys() == BUILTIN.keys()
    assert all(len(marks) == 4 and all(re.fullmatch(r"✓|\[\d+\]", mark) for mark in marks) for marks in table.values())


@pytest.mark.accuracy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", BUILTIN)
def test_the_table_is_right(name):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from exports import attempts

    assert [not why for why in attempts(name).values()] == [mark == "✓" for mark in documented()[name]]
