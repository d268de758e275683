"""Summaries of the files that were left out of an image folder, by reason."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

MOST_REASONS = 8
"""Reasons listed one by one; the rest are summed up."""


def count_reasons(skipped: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Count skipped files, given as (path, reason), by reason, the most frequent first.

    A folder counts as the images in it. Reasons that differ only in a number count as one.
    """
    counts = Counter[str]()
    for _, reason in skipped:
        several = re.fullmatch(r"(.*): (\d+)( images?)?", reason)
        kind = several[1] if several else re.sub(r" \(\d+\b[^)]*\)$|\d{3,}", "", reason)
        counts[kind] += int(several[2]) if several else 1
    return dict(counts.most_common())


def format_reasons(counts: Mapping[str, int]) -> str:
    """Return the result of `count_reasons` as text: "12 × not an image (.xml), 1 × empty file"."""
    parts = [f"{count:,} × {reason}" for reason, count in counts.items()]
    if len(parts) > MOST_REASONS:
        parts[MOST_REASONS - 1 :] = [f"{sum(list(counts.values())[MOST_REASONS - 1 :]):,} × other reasons"]
    return ", ".join(parts)
