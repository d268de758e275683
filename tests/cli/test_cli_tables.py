import io

import pytest
from rich.console import Console
from rich.table import Table

from bakeoff.cli.tables import FILE_WIDTH, print_fitting, wide_console


def printed(width: int, kept: int = 1) -> str:
    table = Table(box=None)
    for name in ("network", "accuracy", "seconds"):
        table.add_column(name, no_wrap=True)
    table.add_row("a-network", "98.70\u202f% ± 1.06", "1,234.5")
    console = Console(file=io.StringIO(), width=width)
    print_fitting(console, table, kept)
    return console.file.getvalue()


def test_a_table_that_fits_is_whole():
    assert "± 1.06" in printed(80) and "1,234.5" in printed(80) and "Not shown" not in printed(80)


@pytest.mark.parametrize(("width", "shown"), [(32, ["network", "accuracy"]), (12, ["network"])])
def test_columns_that_do_not_fit_are_left_out_and_named(width, shown):
    """No number is ever truncated."""
    text = " ".join(printed(width).split())
    left_out = [name for name in ("network", "accuracy", "seconds") if name not in shown]
    assert text.endswith(f"Not shown in {width} columns: {', '.join(left_out)}")
    assert ("± 1.06" in text) == ("accuracy" in shown)
    assert "1,2" not in text


def test_what_is_kept_stays_however_narrow():
    assert "Not shown in 12 columns: seconds" in " ".join(printed(12, kept=2).split())


def test_files_get_wide_tables_by_default(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert wide_console().width == FILE_WIDTH
    monkeypatch.setenv("COLUMNS", "100")
    assert wide_console().width == 100
