"""A progress bar for everything that takes a `Progress`: on a terminal, in a notebook, or as occasional lines."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bakeoff.console.notebook import Output, is_notebook
from bakeoff.console.terminal import Console
from bakeoff.data.dataset import Progress
from bakeoff.text.formats import percent

LINE_SECONDS = 30.0
"""Seconds between two lines outside a terminal or notebook."""
DRAW_SECONDS = 0.3
"""Seconds between two drawings in a notebook."""


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[Progress]:
    """Yield a callback that draws one bar per task on standard error, or in a notebook."""
    console = Console(stderr=True)
    if quiet:
        yield lambda what, done, total: None
    elif is_notebook():
        output = Output()
        yield _at_intervals(DRAW_SECONDS, lambda what, done, total: output.draw(*_html(what, done, total)))
        output.clear()
    elif console.is_terminal:
        with _bars(console) as show:
            yield show
    else:
        yield _at_intervals(
            LINE_SECONDS, lambda what, done, total: console.print(_describe(what, done, total), markup=False)
        )


def _at_intervals(seconds: float, draw: Progress) -> Progress:
    """Return a callback that draws at most once in this many seconds, and not at the start: most tasks are short."""
    last = time.monotonic()

    def show(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > seconds:
            last = time.monotonic()
            draw(what, done, total)

    return show


def _describe(what: str, done: int, total: int) -> str:
    return f"{what}: {percent(done / total, 0) if total else f'{done:,}'}"


def _html(what: str, done: int, total: int) -> tuple[str, str]:
    from html import escape

    value = f' max="{total}" value="{done}"' if total else ""
    text = _describe(what, done, total)
    return text, f"<div><progress{value}></progress> {escape(text)}</div>"


@contextmanager
def _bars(console: Console) -> Iterator[Progress]:
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(),
    )
    tasks: dict[str, bars.TaskID] = {}
    with bars.Progress(*columns, console=console, transient=True) as drawn:

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = drawn.add_task(what, total=None)
            text = what if total else f"{what}: {done:,}"
            drawn.update(tasks[what], description=text, completed=done, total=total or None)

        yield show
