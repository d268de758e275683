"""What a notebook shows while a study runs: one bar, and a line for each run that failed."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from rich.text import Text

from bakeoff.console.live import label
from bakeoff.execution.estimate import Remaining
from bakeoff.execution.execute import Event
from bakeoff.execution.worker import Step
from bakeoff.spec.records import Epoch, Failure, Outcome
from bakeoff.spec.run import Run
from bakeoff.text.formats import clock, percent

EVERY = 0.5
"""Seconds between two drawings, at least."""


def is_notebook() -> bool:
    """Return whether this runs in the kernel of a notebook, where an output can be redrawn."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


@dataclass
class Output:
    """One output of a notebook's cell, which can be redrawn."""

    handle: Any = None

    def draw(self, text: str, html: str) -> None:
        """Show this in place of what was shown before."""
        from IPython.display import display

        shown = {"text/plain": text, "text/html": html}
        if self.handle is None:
            self.handle = display(shown, raw=True, display_id=True)
        else:
            self.handle.update(shown, raw=True)

    def clear(self) -> None:
        """Remove the output."""
        if self.handle is not None:
            self.draw("", "")


@dataclass
class NotebookView:
    """Draws events into one output."""

    remaining: Remaining
    counts: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    note: str = ""
    output: Output = field(default_factory=Output)
    started: float = field(default_factory=time.monotonic)
    drawn: float = 0.0
    recipes: Mapping[str, str] = field(default_factory=dict)
    """Recipe → its name, if there are several."""

    def __enter__(self) -> "NotebookView":
        return self

    def __exit__(self, *exception: object) -> None:
        self._draw()

    def show(self, event: Event) -> None:
        """Draw one event."""
        self.counts[event.kind] = self.counts.get(event.kind, 0) + 1
        run, content = event.run, event.content
        if isinstance(content, Step):
            self.remaining.add_step(run, content, time.monotonic())
        elif isinstance(content, Epoch):
            self.remaining.add_epoch(run, content, time.monotonic())
            self.note = f"{self._name(run)}: epoch {content.epoch}/{run.recipe.epochs}"
        elif isinstance(content, Outcome | Failure):
            self.remaining.end_run(run)
            if isinstance(content, Failure):
                self.lines.append(f"✗ {self._name(run)}: {content.message}")
            else:
                self.note = f"{self._name(run)}: {percent(content.measures['test_accuracy'])} on the test images"
        elif event.kind == "lost":
            self.remaining.end_run(run)
            self.lines.append(f"• {self._name(run)}: another command took over")
        if time.monotonic() - self.drawn > EVERY:
            self._draw()

    def _name(self, run: Run) -> str:
        return _plain(label(run, self.recipes))

    def say(self, line: str) -> None:
        """Show a line of markup beside the bar from now on."""
        self.lines.append(_plain(line))

    def _draw(self) -> None:
        self.drawn = time.monotonic()
        self.output.draw(self._text(), self._html())

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
