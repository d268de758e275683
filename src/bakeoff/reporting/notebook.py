"""Results as a cell of a notebook shows them: the answer, the ranking, seeds and intervals drawn beside it."""

from collections.abc import Sequence
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.records import DataRecord, Result
from bakeoff.reporting.answer import answers
from bakeoff.reporting.facts import Facts, arrange
from bakeoff.reporting.page import environment, strips
from bakeoff.store import Store


def to_html(store: Path, results: Sequence[Result]) -> str:
    """Return runs as a piece of HTML. Predictions are not read: that would take seconds with many runs."""
    facts = Facts(store.name, arrange(results, _records(store)), [])
    return (
        environment()
        .get_template("notebook.html")
        .render(facts=facts, answers=answers(facts), strips={table.key: strips(table) for table in facts.tables})
    )


def _records(store: Path) -> dict[str, DataRecord]:
    """Return what the store says of its data sets; results that outlive their file are shown without."""
    try:
        with Store(store) as opened:
            return opened.datasets()
    except BakeoffError:
        return {}
