"""How numbers and lists are written: in the terminal, in messages, in Markdown and on the page."""

import math
from collections.abc import Sequence

THIN = "\u202f"
"""A narrow no-break space, between a number and its unit."""


def percent(fraction: float | None, digits: int = 2) -> str:
    """0.98341 → "98.34 %"; None → "–"."""
    return "–" if fraction is None else f"{hundredfold(fraction, digits)}{THIN}%"


def hundredfold(fraction: float, digits: int, sign: str = "") -> str:
    """Write 100 times a fraction, halves rounded away from zero, as the page's JavaScript does: 0.0025 is 0.3.

    Halves that floating point misses by its rounding errors count as such.
    """
    value, scale = 100 * fraction, 10**digits
    if math.isfinite(value):
        value = math.copysign(math.floor(abs(value) * scale + 0.5 + 1e-9) / scale, value)
    return f"{value:{sign}z.{digits}f}"


def accuracy_digits(images: float | None) -> int:
    """Return how many decimals of a percentage so many test images support: 1 for 400, 2 for 10,000 or if unknown."""
    return min(3, max(0, math.ceil(math.log10(images)) - 2)) if images else 2


def point_digits(images: float | None) -> int:
    """Return how many decimals to give a difference of two mean accuracies: as many as these have, at least 1."""
    return max(1, accuracy_digits(images))


def minus(number: str) -> str:
    """A number with a true minus sign: "-1.23" → "−1.23"."""
    return number.replace("-", "−")


def points(difference: float, digits: int = 2) -> str:
    """A difference of two fractions in percentage points, without its sign: -0.0123 → "1.23 points"."""
    return f"{hundredfold(abs(difference), digits)}{THIN}points"


def signed_points(difference: float, digits: int = 2) -> str:
    """A difference of two fractions in percentage points, as a bare number: 0.0123 → "+1.23"."""
    return minus(hundredfold(difference, digits, "+"))


def span(low: float | None, high: float | None, digits: int = 2) -> str:
    """An interval of fractions in a sentence: "98.11 to 98.57 %"; empty where there is none."""
    if low is None or high is None:
        return ""
    return f"{hundredfold(low, digits)} to {hundredfold(high, digits)}{THIN}%"


def bracket(low: float | None, high: float | None, digits: int = 2) -> str:
    """An interval of fractions after its mean, in percent: " [98.11, 98.57]"; empty where there is none."""
    if low is None or high is None:
        return ""
    return minus(f" [{hundredfold(low, digits)}, {hundredfold(high, digits)}]")


def spread(mean: float, low: float | None, high: float | None, digits: int = 2) -> str:
    """An interval of fractions after its mean, in percent: " ± 0.80", or as `bracket` where it is not symmetric."""
    if low is None or high is None:
        return ""
    half = high - mean
    return f" ± {100 * half:.{digits}f}" if abs(mean - low - half) < 1e-9 else bracket(low, high, digits)


def duration(seconds: float | None) -> str:
    """A measured time, in three or four figures: 8.312 → "8.3 s", 754 → "12 min 34 s", 11532 → "3 h 12 min"."""
    if seconds is None:
        return "–"
    if seconds < 99.95:
        return f"{seconds:.{1 if seconds >= 1 else 2}f}{THIN}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}{THIN}min {whole % 60}{THIN}s"
    minutes = round(seconds / 60)
    return f"{minutes // 60}{THIN}h {minutes % 60}{THIN}min"


def clock(seconds: float | None) -> str:
    """An elapsed or estimated time: 0:42, 12:05, 3:07:10 or, from two days on, 3.5 days; "–" for None."""
    if seconds is None:
        return "–"
    if seconds >= 2 * 86_400:
        return f"{seconds / 86_400:,.1f} days"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def byte_size(size: float) -> str:
    """A number of bytes in decimal units: 12_345_678 → "12 MB", 3_200_000_000 → "3.2 GB"."""
    value, unit = _in_bytes(size, 1000)
    return f"{value:,.1f} GB" if unit == "GB" else f"{value:.0f} {unit}"


def exact_size(size: float) -> str:
    """A number of bytes in up to four figures, to compare with another: 8_204 → "8.204 kB", 20_000_000 → "20 MB"."""
    value, unit = _in_bytes(size, 999.95)
    return f"{value:,.4g} {unit}"


def _in_bytes(size: float, below: float) -> tuple[float, str]:
    """Return a number of bytes in the smallest decimal unit in which it is `below` a bound, at most gigabytes."""
    for unit in ("B", "kB", "MB"):
        if size < below:
            return size, unit
        size /= 1000
    return size, "GB"


def count(value: float | None) -> str:
    """1234567 → "1,234,567"; None → "–"."""
    return "–" if value is None else f"{value:,.0f}"


def short(value: float | None, space: str = THIN) -> str:
    """Three figures with a unit after `space`: 150742 → "151 k", 40813184 → "40.8 M"; None → "–"."""
    if value is None:
        return "–"
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * size:
            scaled = value / size
            digits = 0 if scaled >= 99.95 else 1 if scaled >= 9.995 else 2
            return f"{scaled:.{digits}f}{space}{unit}"
    return f"{value:.0f}"


def times(ratio: float) -> str:
    """8.31 → "8.3 times", 24.2 → "24 times"."""
    return f"{ratio:.{1 if ratio < 10 else 0}f} times"


def counted(number: int, noun: str, plural: str = "") -> str:
    """1, "seed" → "1 seed"; 3000, "seed" → "3,000 seeds"; 2, "class", "classes" → "2 classes"."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def listing(names: Sequence[str], most: int | None = 8) -> str:
    """["a", "b", "c"] → "a, b and c"; beyond `most` the rest is counted: "a, b and 7 others"."""
    shown = list(names)
    if most is not None and len(shown) > most:
        shown[most - 1 :] = [f"{len(shown) - most + 1} others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
