import io
import time
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from rich.console import Console

import tiny
from bakeoff.cli.live import clock, follow, label
from bakeoff.execution import Event
from bakeoff.records import Epoch, Failure, Outcome
from bakeoff.workers import Step

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
    assert "✓ lenet-afif · tiny · seed 0: 87.50% on the test images, 0:03" in text
    assert "✗ nin · folder:my[red]photos · seed 1: RuntimeError: [enforce fail] [/oops]" in text
    assert counts == {"wanted": 3, "kept": 1, "started": 2, "step": 1, "epoch": 2, "done": 1, "failed": 1}


def test_epochs_are_lines_where_there_is_no_terminal():
    text, _ = shown(terminal=False)
    assert "lenet-afif · tiny · seed 0: epoch 1/3  loss 0.500  val 50.00%  1,234 img/s" in text
    assert "nin · folder:my[red]photos · seed 1: epoch 1/3  loss 0.500  train 75.00%  1,234 img/s" in text
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


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0, "0:00"),
        (59.4, "0:59"),
        (59.6, "1:00"),
        (725, "12:05"),
        (11230, "3:07:10"),
        (302_400, "3.5 days"),
        (8.64e9, "100,000.0 days"),
    ],
)
def test_clocks_show_hours_and_days_only_when_there_are_some(seconds, text):
    assert clock(seconds) == text
