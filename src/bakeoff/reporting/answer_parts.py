"""What an answer in sentences is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bakeoff.text.formats import listing

MOST_NAMED = 4
"""Names in a list; the others are counted."""


class AnswerPoint(NamedTuple):
    """One further fact: its topic and the sentence."""

    about: str
    sentence: str


@dataclass(frozen=True)
class AnswerBlock:
    """The answer for one table, or over all of them."""

    title: str
    lead: str
    points: tuple[AnswerPoint, ...]
    cautions: tuple[str, ...]
    key: str | None = None
    """Key of its table; None for the answer over all data sets."""
    premise: str = ""
    """What to know first: that only some of the networks are pretrained."""


def bold_list(names: Sequence[str]) -> str:
    """Return names in bold, the most important ones: "**a**, **b** and 3 others"."""
    return listing([f"**{name}**" for name in names], MOST_NAMED)
