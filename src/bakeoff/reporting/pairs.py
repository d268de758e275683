"""Every pair of the best networks of a table, for the matrix of pairs and the comparison of two networks."""

from itertools import combinations
from typing import Any

import numpy as np

from bakeoff.reporting.leads import describe_verdict
from bakeoff.reporting.model import Line, Table

MOST = 24
"""Networks that are compared in pairs, the best first: with more, there would be hundreds of pairs."""


def list_pairs(table: Table) -> list[dict[str, Any]]:
    """Return difference, interval, probability and what would settle it for each pair, the better mean first."""
    lines = [line for line in table.ranked if line.right][:MOST]
    return [found for first, second in combinations(lines, 2) if (found := _pair(table, first, second)) is not None]


def _pair(table: Table, first: Line, second: Line) -> dict[str, Any] | None:
    lead = table.lead(first, second)
    if lead is None:
        return None
    found = lead.difference
    return {
        "first": first.label,
        "second": second.label,
        "difference": round(found.mean, 6),
        "low": round(found.low, 6),
        "high": round(found.high, 6),
        "probability": round(found.probability, 4),
        "p": lead.corrected,
        "seeds": found.seeds,
        "basis": found.basis,
        "mcnemar": lead.mcnemar and [lead.mcnemar.only_a, lead.mcnemar.only_b],
        "significant": lead.is_significant and lead.is_better is not None,
        "better": lead.is_better,
        "verdict": describe_verdict(lead),
    }


def pack_right(line: Line, labels: np.ndarray) -> str | None:
    """Return which test images most seeds of a line classify correctly, as bits; None without predictions.

    Two hexadecimal digits are eight images, the first of them the highest bit.
    """
    if line.pooled is None or len(line.pooled.vote.predicted) != len(labels):
        return None
    return np.packbits(line.pooled.vote.predicted == labels).tobytes().hex()
