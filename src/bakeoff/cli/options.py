"""Options that several commands share."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import rich_click as click

from bakeoff.spec.paths import DEFAULT_STORE

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON with stable keys, for scripts.")


rank_by_option = click.option(
    "--rank-by",
    type=click.Choice(["test", "validation"]),
    default="test",
    show_default=True,
    help="Accuracy to rank by. Ranking by test accuracy favours networks that were lucky on the test images; ranking "
    "by validation accuracy keeps the test accuracy of the best one unbiased.",
)

model_data_option = click.option("--data", metavar="NAME", help="The model's data set, if the store has several.")
overwrite_option = click.option("--overwrite", is_flag=True, help="Also replace files that bakeoff did not write.")
ensemble_option = click.option("--ensemble", is_flag=True, help="Average the probabilities of all seeds of the model.")
calibrate_option = click.option(
    "--calibrate", is_flag=True, help="Scale the probabilities by a temperature fitted on validation images."
)


class GivenPath(click.Path):
    """A path that is not empty."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path.

        Raises:
            UsageError: it is empty, or not allowed.
        """
        if not str(value):
            self.fail("expected a path, found nothing", param, ctx)
        return super().convert(value, param, ctx)


def store_option(create: bool = False) -> Callable[[Any], Any]:
    """Return the --store option."""
    text = "SQLite file with the results" + ("; created if missing." if create else ".")
    return click.option(
        "--store", type=GivenPath(path_type=Path, dir_okay=False), default=DEFAULT_STORE, show_default=True, help=text
    )


def as_list(text: str | None) -> tuple[str, ...] | None:
    """Split "a,b" at its commas; None stays None."""
    from bakeoff.execution.names import split_names

    return None if text is None else split_names(text)


def as_data(given: Iterable[str] | None) -> tuple[str, ...] | None:
    """Split each "x,y" at its commas, except those in the name of an existing folder; None if nothing is given."""
    from bakeoff.execution.names import split_data

    return tuple(name for text in given for name in split_data(text)) if given else None
