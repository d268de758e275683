"""What a notebook shows while a study runs: one bar, and a line for each run that failed."""

import sys
import time
from dataclasses import dataclass, field
from html import escape
from typing import Any

from rich.text import Text

from bakeoff.console.live import label
from bakeoff.execution.estimate import Remaining
from bakeoff.execution.execute import Event
from bakeoff.spec.records import Epoch, Failure, Outcome
from bakeoff.text.formats import clock, percent

EVERY = 0.5
"""Seconds between two drawings, at least."""


def is_notebook() -> bool:
    """Tell whether this runs in the kernel of a notebook, which shows one output again and again."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


@dataclass
class NotebookView:
    """Draws events into one output."""

    remaining: Remaining
    counts: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    note: str = ""
    output: Any = None
    started: float = field(default_factory=time.monotonic)
    drawn: float = 0.0

    def __enter__(self) -> "NotebookView":
        return self

    def __exit__(self, *exception: object) -> None:
        self._draw()

    def show(self, event: Event) -> None:
        """Draw one event."""
        self.counts[event.kind] = self.counts.get(event.kind, 0) + 1
        run, content = event.run, event.content
        if isinstance(content, Epoch):
            self.remaining.epoch(run, content)
            self.note = f"{_plain(label(run))}: epoch {content.epoch}/{run.recipe.epochs}"
        elif isinstance(content, Outcome | Failure):
            self.remaining.ended(run)
            if isinstance(content, Failure):
                self.lines.append(f"✗ {_plain(label(run))}: {content.message}")
            else:
                self.note = f"{_plain(label(run))}: {percent(content.measures['test_accuracy'])} on the test images"
        elif event.kind == "lost":
            self.remaining.ended(run)
            self.lines.append(f"• {_plain(label(run))}: another command took over")
        if time.monotonic() - self.drawn > EVERY:
            self._draw()

    def say(self, line: str) -> None:
        """Show a line of markup beside the bar from now on."""
        self.lines.append(_plain(line))

    def _draw(self) -> None:
        from IPython.display import display

        self.drawn = time.monotonic()
        shown = {"text/plain": self._text(), "text/html": self._html()}
        if self.output is None:
            self.output = display(shown, raw=True, display_id=True)
        else:
            self.output.update(shown, raw=True)

    def _text(self) -> str:
        done = self.counts.get("done", 0) + self.counts.get("failed", 0)
        left = self.remaining.seconds()
        to_go = f", about {clock(left)} to go" if left else ""
        return f"{done} of {len(self.remaining.runs)} runs, {clock(time.monotonic() - self.started)} so far{to_go}"

    def _html(self) -> str:
        lines = "".join(f"<div>{escape(line)}</div>" for line in self.lines)
        bar = f'<progress max="1" value="{self.remaining.fraction:.4f}"></progress>'
        return f"{lines}<div>{bar} {escape(self._text())} <small>{escape(self.note)}</small></div>"


def _plain(markup: str) -> str:
    return Text.from_markup(markup).plain
