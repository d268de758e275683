"""Numbers as people read them: the one place where the page's formats are decided."""

THIN = "\u202f"
"""A narrow space that does not break, between a number and its unit."""


def percent(fraction: float | None, digits: int = 2) -> str:
    """0.98341 → "98.34 %"."""
    return "–" if fraction is None else f"{100 * fraction:.{digits}f}{THIN}%"


def points(difference: float) -> str:
    """A difference of two fractions in percentage points: 0.0123 → "1.23 points"; "0.04 points"."""
    return f"{abs(100 * difference):.2f}{THIN}points"


def span(low: float | None, high: float | None) -> str:
    """An interval of fractions: "98.11 to 98.57 %"; empty where there is none."""
    return "" if low is None or high is None else f"{100 * low:.2f} to {100 * high:.2f}{THIN}%"


def duration(seconds: float | None) -> str:
    """8.312 → "8.3 s", 754 → "12 min 34 s", 11532 → "3 h 12 min"."""
    if seconds is None:
        return "–"
    if seconds < 99.95:
        return f"{seconds:.{1 if seconds >= 1 else 2}f}{THIN}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}{THIN}min {whole % 60}{THIN}s"
    minutes = round(seconds / 60)
    return f"{minutes // 60}{THIN}h {minutes % 60}{THIN}min"


def count(value: float | None) -> str:
    """1234567 → "1,234,567"."""
    return "–" if value is None else f"{value:,.0f}"


def short(value: float | None) -> str:
    """Three figures with a unit: 150742 → "151 k", 40813184 → "40.8 M"."""
    if value is None:
        return "–"
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * size:
            scaled = value / size
            digits = 0 if scaled >= 99.95 else 1 if scaled >= 9.995 else 2
            return f"{scaled:.{digits}f}{THIN}{unit}"
    return f"{value:.0f}"


def times(ratio: float) -> str:
    """How many times: 8.31 → "8.3 times", 24.2 → "24 times"."""
    return f"{ratio:.{1 if ratio < 10 else 0}f} times"


def listing(names: list[str], most: int = 4) -> str:
    """["a", "b", "c"] → "a, b and c"; beyond `most` the rest is counted."""
    shown = names if len(names) <= most else [*names[: most - 1], f"{len(names) - most + 1} others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def number(value: int, noun: str) -> str:
    """1, "seed" → "one seed"; 3, "seed" → "3 seeds"."""
    return f"one {noun}" if value == 1 else f"{value:,} {noun}s"
