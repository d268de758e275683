"""What the terminal shows during a contest: which candidates are in it, and which were dropped and why."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from rich import box
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bakeoff.analysis.pick.contest import estimate_beliefs
from bakeoff.console.terminal import Console, escape
from bakeoff.execution.worker import Step
from bakeoff.spec.records import Epoch, Failure
from bakeoff.text.formats import clock, counted, percent

if TYPE_CHECKING:
    from bakeoff.analysis.pick.driver import Contest
    from bakeoff.analysis.tune.driver import Tuning
    from bakeoff.execution.execute import Event


MOST_ROWS = 15
"""Candidates that are shown during a contest, the most probable winners first."""


@dataclass
class ContestView:
    """Draws a contest or a search: a live table on a terminal, otherwise a line for each training and exit."""

    contest: "Contest | Tuning"
    console: Console
    epochs: dict[str, str] = field(default_factory=dict)
    """Candidate → what it is doing."""
    gone: set[int] = field(default_factory=set)
    live: Live | None = None

    def __enter__(self) -> "ContestView":
        if self.console.is_interactive and not self.console.quiet:
            self.live = Live(console=self.console, get_renderable=self._draw, refresh_per_second=2, transient=True)
            self.live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.live:
            self.live.stop()

    def follow(self, events: "Iterator[Event]") -> None:
        """Draw events as they come."""
        for event in events:
            self._note(event)
            self._report_exits()

    def _note(self, event: "Event") -> None:
        run, content = event.run, event.content
        name = self.contest.state.candidates[self.contest.step_of(run.id).candidate].name
        match content:
            case Step():
                self.epochs[run.id] = f"epoch {content.epoch} of {run.recipe.epochs}"
            case Epoch():
                self.epochs[run.id] = f"epoch {content.epoch} of {run.recipe.epochs}"
            case Failure():
                self.epochs.pop(run.id, None)
                self._say(f"[red]✗[/] {escape(name)}: {escape(content.message)}")
        if event.kind == "trained":
            self.epochs.pop(run.id, None)
            result = next(iter(self.contest.store.results([run.id])), None)
            if result and result.epochs and result.epochs[-1].validation_accuracy is not None:
                accuracy = percent(result.epochs[-1].validation_accuracy)
                length, left = counted(run.recipe.epochs, "epoch"), clock(max(0.0, self.contest.seconds_left))
                what = f"{escape(name)}, {length}, seed {run.seed}: validation {accuracy}"
                self._say(f"[green]✓[/] {what}; {left} left for training")

    def _report_exits(self) -> None:
        dropped = self.contest.state.dropped
        for number in dropped.keys() - self.gone:
            name = self.contest.state.candidates[number].name
            if not dropped[number].startswith("failed"):
                self._say(f"[yellow]–[/] {escape(name)} is dropped: {escape(dropped[number])}")
        self.gone = set(dropped)

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, soft_wrap=True)

    def _draw(self) -> Table:
        state, beliefs = self.contest.state, estimate_beliefs(self.contest.state)
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column("candidate", no_wrap=True, overflow="ellipsis")
        for heading, side in (("epochs", "right"), ("validation", "right"), ("best", "right")):
            table.add_column(heading, justify=side)  # type: ignore[arg-type]
        table.add_column("")
        doing = {self.contest.step_of(run_id).candidate: text for run_id, text in self.epochs.items()}
        for number in sorted(state.in_contest, key=lambda one: -beliefs.best[one])[:MOST_ROWS]:
            longest = state.longest(number)
            errors = [one.error for one in state.trained if (one.step.candidate, one.step.epochs) == (number, longest)]
            table.add_row(
                escape(state.candidates[number].name),
                f"{longest} of {state.candidates[number].full_epochs}",
                percent(1 - fmean(errors)) if errors else "–",
                percent(beliefs.best[number], 0) if longest else "–",
                doing.get(number, ""),
            )
        used = self.contest.clock() - self.contest.started
        bar = ProgressBar(total=self.contest.budget, completed=min(used, self.contest.budget), width=40)
        gone = f", {len(state.dropped)} dropped" if state.dropped else ""
        line = Text(f"{clock(used)} of {clock(self.contest.budget)}{gone}", style="dim")
        everything = Table.grid()
        for part in (table, bar, line):
            everything.add_row(part)
        return everything
