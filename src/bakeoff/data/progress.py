"""A progress bar on the terminal for whatever takes a `Progress`."""

from collections.abc import Iterator
from contextlib import contextmanager

from bakeoff.data.dataset import Progress


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Give a callback that draws one bar per task on standard error, and nothing where that is no terminal."""
    from rich import progress as bars

    from bakeoff.terminal import Console

    console = Console(stderr=True)
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(),
    )
    tasks: dict[str, bars.TaskID] = {}
    with bars.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as drawn:

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = drawn.add_task(what, total=None)
            drawn.update(tasks[what], completed=done, total=total or None)

        yield show
