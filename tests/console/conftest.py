import sys
from types import ModuleType, SimpleNamespace

import pytest


class Cell:
    """The output of a notebook's cell: what is shown in it now, and how often another was opened."""

    def __init__(self) -> None:
        self.shown: list[dict] = []
        self.opened = 0

    def display(self, shown: dict, raw: bool, display_id: bool) -> "Cell":
        self.opened += 1
        self.update(shown, raw)
        return self

    def update(self, shown: dict, raw: bool) -> None:
        self.shown.append(shown)


@pytest.fixture
def cell(monkeypatch) -> Cell:
    """The output of a cell in a notebook that the test runs in."""
    cell = Cell()
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=True)
    ipython.display = ModuleType("IPython.display")
    ipython.display.display = cell.display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    return cell
