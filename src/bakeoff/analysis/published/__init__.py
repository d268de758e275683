"""Measured beside published numbers: which runs repeat what a study printed, and whether they agree. No torch."""

from bakeoff.analysis.published.comparison import (
    EXACT,
    OUTCOMES,
    PRINTED,
    RULE,
    TIMES,
    PublishedComparison,
    check_has_numbers,
    compare_with_published,
    compared_study,
    judge,
    name_changes,
)

__all__ = [
    "EXACT",
    "OUTCOMES",
    "PRINTED",
    "RULE",
    "TIMES",
    "PublishedComparison",
    "check_has_numbers",
    "compare_with_published",
    "compared_study",
    "judge",
    "name_changes",
]
