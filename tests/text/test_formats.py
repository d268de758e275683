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
    assert formats.listing(list("abcdef")) == "a, b, c and 3 others"


def test_what_is_not_known_is_a_dash() -> None:
    assert {formats.percent(None), formats.duration(None), formats.count(None), formats.short(None)} == {"–"}


def test_percent_and_span() -> None:
    assert formats.percent(0.98341) == "98.34\u202f%"
    assert formats.span(None, 0.5) == ""
    assert formats.span(0.9811, 0.9857) == "98.11 to 98.57\u202f%"
