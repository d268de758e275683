import io
import time
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from rich.console import Console

import tiny
from bakeoff.console.live import follow, label
from bakeoff.execution.execute import Event
from bakeoff.execution.worker import Step
from bakeoff.spec.records import Epoch, Failure, Outcome

FIRST, SECOND = tiny.run(seed=0), msgspec.structs.replace(tiny.run("nin", seed=1), data="folder:/a/my[red]photos")
OUTCOME = Outcome(3, np.zeros(1, np.uint16), np.zeros((1, 3), np.float16), {"test_accuracy": 0.875, "train_seconds": 3})
EVENTS = [
    Event("kept", tiny.run(seed=7)),
    Event("started", FIRST),
    Event("started", SECOND),
    Event("step", FIRST, Step(1, 2, 3)),
    Event("epoch", FIRST, Epoch(1, 0.5, 0.75, 0.6, 0.5, 0.1, 2.0, 0.5, 1234.5, 10**9)),
    Event("epoch", SECOND, Epoch(1, 0.5, 0.75, None, None, 0.1, 2.0, 0.5, 1234.5, 10**9)),
    Event("done", FIRST, OUTCOME),
    Event("failed", SECOND, Failure("error", "RuntimeError: [enforce fail] [/oops]")),
]
RUNS = [tiny.run(seed=7), FIRST, SECOND]


def slowly(events: list[Event]) -> Iterator[Event]:
    """Leave the bars time to be drawn after each epoch."""
    for event in events:
        yield event
        if event.kind == "epoch":
            time.sleep(0.35)


def shown(terminal: bool) -> tuple[str, dict[str, int]]:
    """What is drawn of the events, and the counts."""
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120, color_system=None)
    counts = follow(slowly(EVENTS) if terminal else EVENTS, RUNS, 2, console)
    return text.getvalue(), counts


@pytest.mark.parametrize("terminal", [True, False])
def test_every_end_is_one_line(terminal):
    text, counts = shown(terminal)
    assert "✓ lenet-afif · tiny · seed 0: 87.50\u202f% on the test images, 0:03" in text
    assert "✗ nin · folder:my[red]photos · seed 1: RuntimeError: [enforce fail] [/oops]" in text
    assert counts == {"wanted": 3, "kept": 1, "started": 2, "step": 1, "epoch": 2, "done": 1, "failed": 1}


def test_epochs_are_lines_where_there_is_no_terminal():
    text, _ = shown(terminal=False)
    assert "lenet-afif · tiny · seed 0: epoch 1/3  loss 0.500  val 50.00\u202f%  1,234 img/s" in text
    assert "nin · folder:my[red]photos · seed 1: epoch 1/3  loss 0.500  train 75.00\u202f%  1,234 img/s" in text
    assert "\x1b" not in text


def test_epochs_are_bars_on_a_terminal():
    text, _ = shown(terminal=True)
    assert "all runs" in text
    assert "2 of 2 runs" in text  # the one that was kept is not to be done
    assert "epoch 1/3  loss 0.500" in text


def test_nothing_is_drawn_twice_after_the_end():
    text, _ = shown(terminal=True)
    assert text.count("✓ lenet-afif") == 1


def test_names_are_for_people():
    assert label(FIRST) == "lenet-afif · tiny · seed 0"


def test_finished_work_is_reported_first_and_bars_continue_from_it():
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120, color_system=None)
    two = Epoch(2, 0.5, 0.75, 0.6, 0.5, 0.1, 2.0, 0.5, 1234.5, 10**9)
    events = [Event("kept", RUNS[0]), Event("resumed", FIRST, two), Event("started", FIRST)]

    def watched() -> Iterator[Event]:
        yield from events
        time.sleep(0.35)  # until the bars are drawn

    follow(watched(), RUNS, 2, console)
    told = "1 of 3 runs is already in the store; 1 resumes from the last epoch in the store"
    shown = text.getvalue()
    assert told in shown and shown.index(told) < shown.index("resuming after epoch 2/3")


def test_a_notebook_has_one_bar(cell, monkeypatch):
    monkeypatch.setattr("bakeoff.console.notebook.EVERY", 0.0)
    text = io.StringIO()
    counts = follow(EVENTS, RUNS, 2, Console(file=text))
    assert text.getvalue() == ""
    assert cell.opened == 1 and len(cell.shown) > 3
    assert cell.shown[-1]["text/html"].count("<progress") == 1
    assert "✗ nin · folder:my[red]photos · seed 1: RuntimeError: [enforce fail] [/oops]" in cell.shown[-1]["text/html"]
    assert "2 of 2 runs" in cell.shown[-1]["text/plain"]
    assert counts["done"] == counts["failed"] == 1
