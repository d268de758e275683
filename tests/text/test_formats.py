import re
from pathlib import Path

import pytest

from bakeoff.text import formats


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0123, "0.01 s"),
        (8.312, "8.3 s"),
        (99.96, "1 min 40 s"),
        (754, "12 min 34 s"),
        (3599.7, "1 h 0 min"),
        (None, "–"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert formats.duration(seconds).replace(formats.THIN, " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (150_742, "151 k"), (40_813_184, "40.8 M"), (999_950, "1.00 M")],
)
def test_short(value: float, text: str) -> None:
    assert formats.short(value).replace(formats.THIN, " ") == text


def test_listing() -> None:
    assert formats.listing(["a"]) == "a"
    assert formats.listing(["a", "b", "c"]) == "a, b and c"
    assert formats.listing(list("abcdef"), most=4) == "a, b, c and 3 others"


def test_what_is_not_known_is_a_dash() -> None:
    assert {formats.percent(None), formats.duration(None), formats.count(None), formats.short(None)} == {"–"}


def test_percent_and_span() -> None:
    assert formats.percent(0.98341) == "98.34\u202f%"
    assert formats.span(None, 0.5) == ""
    assert formats.span(0.9811, 0.9857) == "98.11 to 98.57\u202f%"


@pytest.mark.parametrize(
    ("number", "noun", "plural", "told"),
    [
        (0, "run", "", "0 runs"),
        (1, "run", "", "1 run"),
        (1200, "run", "", "1,200 runs"),
        (2, "class", "classes", "2 classes"),
    ],
)
def test_counting(number, noun, plural, told):
    assert formats.counted(number, noun, plural) == told


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0, "0:00"),
        (59.4, "0:59"),
        (59.6, "1:00"),
        (725, "12:05"),
        (11230, "3:07:10"),
        (302_400, "3.5 days"),
        (8.64e9, "100,000.0 days"),
    ],
)
def test_clocks_show_hours_and_days_only_when_there_are_some(seconds, text):
    assert formats.clock(seconds) == text


def test_intervals() -> None:
    assert formats.bracket(0.9811, 0.9857) == " [98.11, 98.57]"
    assert formats.bracket(0.5, None) == formats.spread(0.5, None, None) == ""
    assert formats.spread(0.985, 0.977, 0.993) == " ± 0.80"
    assert formats.spread(0.985, 0.95, 1.0) == " [95.00, 100.00]"


def test_byte_size() -> None:
    assert [formats.byte_size(size) for size in (12, 12_345_678, 3.2e9)] == ["12 B", "12 MB", "3.2 GB"]


def test_exact_size() -> None:
    sizes = (12, 999.9, 8204, 999_940, 20_000_000, 20_040_000, 3.2e9)
    assert [formats.exact_size(size) for size in sizes] == [
        "12 B",
        "999.9 B",
        "8.204 kB",
        "999.9 kB",
        "20 MB",
        "20.04 MB",
        "3.2 GB",
    ]


@pytest.mark.parametrize(
    ("difference", "text"), [(0.0025, "+0.3"), (-0.0025, "−0.3"), (0.9925 - 0.99, "+0.3"), (0.0, "+0.0")]
)
def test_halves_are_rounded_away_from_zero(difference: float, text: str) -> None:
    assert formats.signed_points(difference, 1) == text


def test_no_percentage_is_written_by_hand() -> None:
    """`percent` puts a narrow space before the sign and rounds as the page does; ":.0%" does neither."""
    sources = Path(formats.__file__).parents[1].rglob("*.py")
    found = [f"{path.name}:{line}" for path in sources for line in re.findall(r".*:\.\d%.*", path.read_text("utf-8"))]
    assert not found
