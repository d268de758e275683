"""The answer of a contest in words and in a table, the same in the terminal and on the page. No torch."""

from bakeoff.analysis.pick.answer import Pick
from bakeoff.analysis.pick.standing import PickedNetwork
from bakeoff.analysis.pick.tuned import TunedWinner
from bakeoff.analysis.tune.words import describe_gain, format_changes
from bakeoff.text.formats import clock, count, counted, percent


def describe_pick(pick: Pick) -> list[str]:
    """Return the answer as lines of text."""
    winner = pick.winner
    if winner is None:
        return list(pick.advice)
    lines = [f"{winner.name} {describe_place(pick, winner)}{_count_others(pick)}"]
    if winner.test_accuracy is not None:
        lines.append(_test_line(winner))
        lines.append("  chosen on validation images only; the test images were evaluated once, at the end")
    else:
        lines.append("  the test images have not been evaluated yet: repeat the command to continue")
    if pick.cheapest:
        lines.append(
            f"{pick.cheapest.name} has fewer parameters ({count(pick.cheapest.parameters)} instead of "
            f"{count(winner.parameters)}) and is within {100 * pick.margin:g} points of the best with a probability of "
            f"{percent(pick.cheapest.equivalent, 0)}"
        )
    if pick.tuned:
        lines += _describe_tuned(pick.tuned)
    lines += [f"Next: {text}" for text in pick.advice]
    return lines


def describe_place(pick: Pick, winner: PickedNetwork) -> str:
    """Say how sure it is that the winner is the best, as a sentence without its subject."""
    tried = sum(one.epochs > 0 for one in pick.standings)
    if tried == 1:
        return "was the only one tried"
    if winner.epochs < winner.full_epochs:
        had = f"it has had {winner.epochs} of {winner.full_epochs} epochs"
        return f"would be the best of the {tried} tried with a probability of {percent(winner.best, 0)}: {had}"
    return f"is the best of the {tried} tried with a probability of {percent(winner.best, 0)}"


def _count_others(pick: Pick) -> str:
    """Say how many candidates have no result, in parentheses; empty if all have one."""
    rest = [one.state for one in pick.standings if not one.epochs]
    untried, failed = rest.count("untried"), rest.count("failed")
    parts = [f"{untried} {'was' if untried == 1 else 'were'} not tried"] if untried else []
    parts += [f"{failed} failed"] if failed else []
    return f" ({', '.join(parts)})" if parts else ""


def _describe_tuned(tuned: TunedWinner) -> list[str]:
    """Say what tuning the winner found."""
    trials = counted(tuned.trials, "trial")
    if not tuned.changes:
        return [f"tuning {tuned.name} found nothing better than its recipe in {trials}"]
    lines = [f"tuned in {trials}: {tuned.name} with {format_changes(tuned.changes)}"]
    if tuned.better is not None:
        gain = describe_gain(tuned.validation_accuracy, tuned.own_accuracy, tuned.seeds, tuned.better)
        lines.append(f"  {gain}")
    else:
        lines.append(
            "  better in the search, but that is partly luck: with a larger budget, other seeds can confirm it"
        )
    if tuned.test_accuracy is not None:
        lines.append(_test_line(tuned))
    return lines


def _test_line(one: PickedNetwork | TunedWinner) -> str:
    interval = f" [{percent(one.test_low)}, {percent(one.test_high)}]" if one.test_low is not None else ""
    return f"  test accuracy {percent(one.test_accuracy)}{interval}: {one.test_method}"


COLUMNS = ("candidate", "epochs", "seeds", "validation", "best", "test", "params", "time", "expected at the end")
"""Headings of the table of all candidates."""


FATES = {"left": "dropped"}
"""State of a candidate or kind of a moment → the word for it, where they differ."""


def fate(state: str) -> str:
    """Return the word for the state of a candidate, or for what happened to it."""
    return FATES.get(state, state)


def standing_cells(one: PickedNetwork) -> tuple[str, ...]:
    """Return the cells of a candidate in that table."""
    low, high = one.expected_low, one.expected_high
    expected = f"{percent(one.expected, 1)} [{percent(low, 1)}, {percent(high, 1)}]"
    return (
        one.name,
        f"{one.epochs}/{one.full_epochs}",
        str(one.seeds) if one.seeds else "–",
        percent(one.validation_accuracy),
        percent(one.best, 0) if one.epochs else "–",
        percent(one.test_accuracy),
        count(one.parameters),
        clock(one.seconds),
        expected if one.expected is not None else "–",
    )
