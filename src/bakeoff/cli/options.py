"""Options that several commands share."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import rich_click as click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON with stable keys, for scripts.")


rank_by_option = click.option(
    "--rank-by",
    type=click.Choice(["test", "validation"]),
    default="test",
    show_default=True,
    help="Whose accuracy decides which network is best. Chosen by the test images, the best is in part the luckiest on "
    "them; by the validation images, its test accuracy stays unbiased.",
)


class GivenPath(click.Path):
    """A path that is not empty."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path.

        Raises:
            UsageError: it is empty, or names what it may not.
        """
        if not str(value):
            self.fail("expected a path, found nothing", param, ctx)
        return super().convert(value, param, ctx)


def store_option(create: bool = False) -> Callable[[Any], Any]:
    """Return the --store option."""
    text = "The SQLite file with all results" + ("; made if absent." if create else ".")
    return click.option(
        "--store", type=GivenPath(path_type=Path, dir_okay=False), default="bakeoff.db", show_default=True, help=text
    )


def as_list(text: str | None) -> tuple[str, ...] | None:
    """Split "a,b" at its commas; None stays None."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def as_data(given: Iterable[str] | None) -> tuple[str, ...] | None:
    """Split each "x,y" at its commas, but those in the name of a folder that exists; None where nothing is given."""
    from bakeoff.data import is_there

    names: list[str] = []
    for text in given or ():
        parts = text.split(",")
        while parts:
            joined = (n for n in range(len(parts), 1, -1) if is_there(",".join(parts[:n]).strip()))
            many = next(joined, 1)
            names.append(",".join(parts[:many]).strip())
            parts = parts[many:]
    return tuple(filter(None, names)) if given else None
