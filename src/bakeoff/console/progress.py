"""A progress bar on the terminal for whatever takes a `Progress`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bakeoff.data.dataset import Progress

EVERY = 30.0
"""Seconds between two lines where there is no terminal."""


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Give a callback that draws one bar per task on standard error; where that is no terminal, a line now and then."""
    from rich import progress as bars

    from bakeoff.console.terminal import Console

    console = Console(stderr=True)
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(),
    )
    tasks: dict[str, bars.TaskID] = {}
    last = 0.0
    with bars.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as drawn:

        def show(what: str, done: int, total: int) -> None:
            nonlocal last
            last = last or time.monotonic()
            if drawn.disable and time.monotonic() - last > EVERY:
                last = time.monotonic()
                console.print(f"{what}: {f'{done / total:.0%}' if total else f'{done:,}'}", markup=False)
            if what not in tasks:
                tasks[what] = drawn.add_task(what, total=None)
            told = what if total else f"{what}: {done:,}"
            drawn.update(tasks[what], description=told, completed=done, total=total or None)

        yield show
