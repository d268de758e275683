"""What the terminal shows while a study runs: live bars, or plain lines where there is no terminal."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from bakeoff.analysis.cells import short_names
from bakeoff.console.terminal import Console, escape
from bakeoff.execution.estimate import Remaining
from bakeoff.execution.execute import Event
from bakeoff.execution.posthoc import TIMED
from bakeoff.execution.worker import Step
from bakeoff.spec.data import data_label
from bakeoff.spec.records import Epoch, Failure, Measured, Outcome
from bakeoff.spec.run import Run
from bakeoff.text.formats import accuracy_digits, clock, counted, percent

if TYPE_CHECKING:
    from bakeoff.console.notebook import NotebookView


def label(run: Run, recipes: Mapping[str, str] = {}) -> str:
    """Name a run for people, as markup; `recipes` has the name of its recipe, if that is shown too."""
    names = [run.net, recipes.get(run.recipe.name, ""), data_label(run.data), f"seed {run.seed}"]
    return escape(" · ".join(filter(None, names)))


def recipes_to_name(runs: Iterable[Run]) -> dict[str, str]:
    """Return short names of the recipes of runs; empty if runs can be distinguished without them."""
    runs = list(runs)
    are_alike = len({(run.net, run.data_hash, run.seed) for run in runs}) < len(runs)
    return short_names(dict.fromkeys(run.recipe.name for run in runs)) if are_alike else {}


@dataclass
class View:
    """Draws events. On a terminal: one bar for the study, one for each run in training, a line per result."""

    console: Console
    remaining: Remaining
    progress: Progress | None = None
    overall: TaskID | None = None
    bars: dict[str, TaskID] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    recipes: Mapping[str, str] = field(default_factory=dict)
    """Recipe → its name, if there are several."""

    def __enter__(self) -> "View":
        if self.console.is_interactive:
            self.progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[note]}", style="dim"),
                console=self.console,
                refresh_per_second=4,
            )
            self.overall = self.progress.add_task("[bold]all runs", total=1.0, note="")
            self.progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.progress:
            self.progress.stop()

    def show(self, event: Event) -> None:
        """Draw one event."""
        self.counts[event.kind] = self.counts.get(event.kind, 0) + 1
        run, content = event.run, event.content
        if event.kind == "started":
            self._bar(run)
        elif isinstance(content, Step):
            self._step(run, content)
        elif isinstance(content, Epoch):
            self._epoch(run, content)
        elif isinstance(content, Outcome):
            accuracy, seconds = content.measures["test_accuracy"], content.measures["train_seconds"]
            right = percent(accuracy, accuracy_digits(content.measures.get("test_images")))
            self._end(run, f"[green]✓[/] {self._name(run)}: [bold]{right}[/] on the test images, {clock(seconds)}")
        elif isinstance(content, Failure):
            self._end(run, f"[red]✗[/] {self._name(run)}: {escape(content.message)}")
        elif event.kind == "lost":
            self._end(run, f"[yellow]•[/] {self._name(run)}: another command took over")
        self._overall()

    def _name(self, run: Run) -> str:
        return label(run, self.recipes)

    def say(self, line: str) -> None:
        """Print a line of markup above the bars."""
        self.console.print(line, highlight=False, soft_wrap=True)

    def _bar(self, run: Run) -> None:
        if self.progress:
            before = self.remaining.finished_epochs.get(run.id, 0)
            note = f"resuming after epoch {before}/{run.recipe.epochs}" if before else "starting"
            self.bars[run.id] = self.progress.add_task(
                self._name(run), total=run.recipe.epochs, completed=before, note=note
            )

    def _step(self, run: Run, step: Step) -> None:
        self.remaining.add_step(run, step, time.monotonic())
        if self.progress and run.id in self.bars:
            bar = self.bars[run.id]
            self.progress.update(bar, completed=step.epoch - 1 + step.done / step.of)
            if run.recipe.probe:
                self.progress.update(bar, note=f"computing features, {percent(step.done / step.of, 0)}")

    def _epoch(self, run: Run, epoch: Epoch) -> None:
        self.remaining.add_epoch(run, epoch, time.monotonic())
        shown = epoch.train_accuracy if epoch.validation_accuracy is None else epoch.validation_accuracy
        kind = "train" if epoch.validation_accuracy is None else "val"
        note = (
            f"epoch {epoch.epoch}/{run.recipe.epochs}  loss {epoch.train_loss:.3f}  {kind} {percent(shown)}  "
            f"{epoch.images_per_second:,.0f} img/s"
        )
        if self.progress and run.id in self.bars:
            self.progress.update(self.bars[run.id], completed=epoch.epoch, note=note)
        elif not self.progress:
            self.console.print(f"{self._name(run)}: {note}", highlight=False, soft_wrap=True)

    def _end(self, run: Run, line: str) -> None:
        self.remaining.end_run(run)
        if self.progress and run.id in self.bars:
            self.progress.remove_task(self.bars.pop(run.id))
        self.say(line)

    def _overall(self) -> None:
        if not self.progress or self.overall is None:
            return
        done = self.counts.get("done", 0) + self.counts.get("failed", 0)
        note = (
            f"{done} of {counted(len(self.remaining.runs), 'run')}  {clock(time.monotonic() - self.started)} so far  "
            f"about {clock(self.remaining.seconds())} to go"
        )
        self.progress.update(self.overall, completed=self.remaining.fraction, note=note)


def follow(events: Iterable[Event], runs: Iterable[Run], workers: int, console: Console) -> dict[str, int]:
    """Draw the events of a study as they come; return how many there were of each kind, and of runs wanted."""
    from bakeoff.console.notebook import NotebookView, is_notebook

    planned = {run.id: run for run in runs}
    remaining = Remaining(dict(planned), workers)
    in_notebook = is_notebook() and not console.quiet
    view = NotebookView(remaining) if in_notebook else View(console, remaining)
    view.recipes = recipes_to_name(planned.values())
    counts, has_begun = view.counts, False
    counts["wanted"] = len(planned)
    with view:
        for event in events:
            if event.kind in BEFORE:
                counts[event.kind] = counts.get(event.kind, 0) + 1
                if event.kind == "resumed" and isinstance(event.content, Epoch):
                    remaining.finished_epochs[event.run.id] = event.content.epoch
                else:
                    remaining.runs = {key: run for key, run in remaining.runs.items() if key != event.run.id}
                continue
            if not has_begun:
                _print_existing(view, len(planned))
            has_begun = True
            view.show(event)
        if not has_begun:
            _print_existing(view, len(planned))
    return counts


BEFORE = ("kept", "resumed", "failed-before", "unreadable", "elsewhere")
"""Kinds of events about runs that were in the store when the study began: they are not trained, or resume."""


def _print_existing(view: "View | NotebookView", of: int) -> None:
    kept, resumed = (view.counts.get(kind, 0) for kind in ("kept", "resumed"))
    parts = [f"{kept} of {counted(of, 'run')} {'is' if kept == 1 else 'are'} already in the store"] if kept else []
    parts += (
        [f"{resumed} {'resumes' if resumed == 1 else 'resume'} from the last epoch in the store"] if resumed else []
    )
    if parts:
        view.say(f"[dim]{'; '.join(parts)}[/]")


def follow_robustness(events: Iterable[Event], console: Console) -> int:
    """Print a line for each run that was evaluated on corrupted images, or could not be; return how many could not."""

    def describe(measures: Mapping[str, float]) -> str:
        return f"[bold]{percent(measures['accuracy_under_corruption'])}[/] on corrupted test images"

    return _follow_measured(events, console, describe, "not tested on corrupted images")


def follow_timing(events: Iterable[Event], console: Console) -> int:
    """Print a line for each run that was timed alone, or could not be; return how many could not."""

    def describe(measures: Mapping[str, float]) -> str:
        speed, latency = measures[TIMED], measures["latency_ms_median"]
        return f"alone, [bold]{speed:,.0f} img/s[/] and {latency:.2g} ms for one image"

    return _follow_measured(events, console, describe, "not timed")


def _follow_measured(
    events: Iterable[Event], console: Console, describe: Callable[[Mapping[str, float]], str], failed: str
) -> int:
    left = 0
    for event in events:
        if isinstance(event.content, Measured):
            line = f"[green]✓[/] {label(event.run)}: {describe(event.content.measures)}"
        elif event.kind in ("failed", "elsewhere", "lost"):
            left += 1
            why = event.content.message if isinstance(event.content, Failure) else "another command is working on it"
            line = f"[red]✗[/] {label(event.run)}: {failed}: {escape(why)}"
        else:
            continue
        console.print(line, highlight=False, soft_wrap=True)
    return left
