"""Training budgets of the recipes in a table: epochs, images seen, seconds. No torch."""

from collections.abc import Callable, Sequence

from bakeoff.analysis.cells import Cell, plain_name, short_names
from bakeoff.analysis.ranking import Row
from bakeoff.text.formats import count, duration


def describe_budgets(rows: Sequence[Row]) -> dict[str, str]:
    """Return the budget of each recipe of a table, over its networks: "8 epochs, 10,344 images seen, 0.9 s to 2.4 s".

    Seconds are those of training, medians over seeds.
    """
    table = rows[0].table if rows else ""
    names = short_names(sorted({row.recipe for row in rows}, key=lambda recipe: table.find(plain_name(recipe))))
    return {short: _describe([row for row in rows if row.recipe == recipe]) for recipe, short in names.items()}


def has_budget(table: Sequence[Cell]) -> bool:
    """Return whether `describe_budget` has something to say about the rows of a table."""
    several = len({cell.recipe for cell in table}) > 1
    return several or any(cell.median("features_seconds") is not None for cell in table)


def describe_budget(rows: Sequence[Row]) -> str:
    """Return a table's budgets in words: one for all recipes or one for each, and what probes share.

    Empty for a single recipe that is not a probe.
    """
    budget = ""
    if len({row.epochs for row in rows}) == 1 and len({row.images_seen for row in rows}) == 1:
        budget = f"budget of each run: {_describe(rows)}"
    else:
        budget = f"budgets: {'; '.join(f'{recipe} {budget}' for recipe, budget in describe_budgets(rows).items())}"
    compared = len({row.recipe for row in rows}) > 1
    return "; ".join(filter(None, (budget if compared else "", _describe_features(rows))))


def _describe_features(rows: Sequence[Row]) -> str:
    """Return which part of the training time probes share; empty if there are none."""
    seconds = _range([row.features_seconds for row in rows], duration, "")
    return f"training time of a probe includes {seconds} for features, computed once for all seeds" if seconds else ""


def _describe(rows: Sequence[Row]) -> str:
    parts = [
        _range([row.epochs for row in rows], count, "epoch"),
        _range([row.images_seen for row in rows], count, "image", " seen"),
        _range([row.train_seconds for row in rows], duration),
    ]
    return ", ".join(filter(None, parts))


def _range(values: Sequence[float | None], write: Callable[[float], str], noun: str = "", rest: str = "") -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    ends = dict.fromkeys(write(end) for end in (min(known), max(known)))
    unit = f" {noun}{'s' * (max(known) != 1)}{rest}" if noun else ""
    return f"{' to '.join(ends)}{unit}"
