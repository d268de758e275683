"""The answer in sentences: which network is best on each data set, and how certain that is.

Sentences are Markdown with bold names and nothing else, for the page and for notebooks. Which network is better comes
from `analysis.pairwise.compare`, as for `bakeoff answer` and the audit.
"""

from collections.abc import Sequence

from bakeoff.analysis.flaws import describe_flaws, describe_no_answer
from bakeoff.analysis.ranking import RANK_BY
from bakeoff.analysis.untested import count_untested
from bakeoff.reporting.answer_in_general import compare_data_sets, write_premise
from bakeoff.reporting.answer_parts import MOST_NAMED, AnswerBlock, AnswerPoint, bold_list
from bakeoff.reporting.contest_section import ContestSection
from bakeoff.reporting.leads import describe_numbers, describe_optimism, describe_verdict
from bakeoff.reporting.model import Line, ReportModel, Table
from bakeoff.text.formats import THIN, count, counted, duration, listing, percent, points, signed_points, span, times

CHEAP = 0.5
"""A cheaper alternative costs at most this fraction of the best network."""


def write_answers(model: ReportModel, contests: Sequence[ContestSection] = ()) -> list[AnswerBlock]:
    """Return an answer for each table, preceded by one over all data sets where there are several."""
    return [*compare_data_sets(model.tables), *(_write_answer(table, contests) for table in model.tables)]


def _write_answer(table: Table, contests: Sequence[ContestSection]) -> AnswerBlock:
    details = (
        *_describe_interval(table),
        *_describe_gap(table),
        *_describe_selection(table),
        *_describe_cheaper(table),
        *_describe_flops(table),
        *_describe_budget(table),
    )
    cautions = tuple(list_cautions(table))
    return AnswerBlock(table.title, _write_lead(table, contests), details, cautions, table.key, write_premise([table]))


def _write_lead(table: Table, contests: Sequence[ContestSection]) -> str:
    if not table.ranked:
        if table.measured:
            return describe_no_answer(table.flaws)
        if table.finished == 0 and all(result.state == "failed" for result in table.results):
            return f"No network has a result on {table.data}: all {counted(table.planned, 'run')} failed."
        return f"No network has finished on {table.data} yet: 0 of {counted(table.planned, 'run')}."
    best, *others = table.ranked
    score = percent(best.row.test_accuracy, table.digits)
    if not others:
        return f"**{best.label}** reaches {score} on {table.data}; {_describe_lone(table, best, contests)}."
    firsts = [line.label for line in table.ranked if line.row.rank == 1]
    mean = "mean test accuracy" if _is_ranked_by_test(table) else f"mean {table.ranked_by}"
    if len(firsts) > 1:
        return f"{bold_list(firsts)} share the best {mean} on {table.data}; their test accuracy is {score}."
    if best.row.seeds == 1 and not best.row.folds:
        return (
            f"**{best.label}** is best on {table.data} with {score}, from a single seed: "
            "how much another seed would change the order is unknown."
        )
    tested = score if _is_ranked_by_test(table) else f"and {score} on the test images"
    begin = f"**{best.label}** has the best {mean} on {table.data}, {tested}"
    if close := [line for line in others if table.is_better(best, line) is False]:
        return f"{begin}; its lead over {_describe_close(table, close)}."
    if unsure := [line.label for line in others if table.is_better(best, line) is None]:
        return f"{begin}, but shares fewer than two seeds with {bold_list(unsure)}: too few to test its lead."
    rest = {1: "the other network", 2: "both others"}.get(len(others), f"all {len(others)} others")
    return f"{begin}; it is significantly ahead of {rest}."


def _describe_lone(table: Table, line: Line, contests: Sequence[ContestSection]) -> str:
    """Say what the only network with a usable result was compared with."""
    if contest := next((own for own in contests if set(own.evaluated) & set(line.row.runs)), None):
        return f"by the validation images of a contest, it {contest.place}"
    return "no other network has a usable result" if table.flaws else "there is no other result to compare it with"


def _describe_close(table: Table, close: Sequence[Line]) -> str:
    """Say of leads that are not significant whether they would be if they were the only ones."""
    leads = {line.label: table.lead(table.ranked[0], line) for line in close}
    alone = [net for net, lead in leads.items() if lead and lead.difference.is_settled]
    noise = [net for net in leads if net not in alone]
    among = table.comparison.only_alone
    if not alone:
        return f"{bold_list(noise)} is within the noise"
    if not noise:
        return f"{bold_list(alone)} is {among}"
    return f"{bold_list(noise)} is within the noise, that over {bold_list(alone)} {among}"


def _is_ranked_by_test(table: Table) -> bool:
    return table.ranked_by == RANK_BY["test"]


def _describe_interval(table: Table) -> list[AnswerPoint]:
    """Give the interval of the best mean, and the result of the tests."""
    if not table.ranked:
        return []
    best, *others = table.ranked
    if best.row.test_accuracy_low is None:
        return [] if others or best.row.seeds > 1 else [AnswerPoint("How sure", "A single seed gives no interval.")]
    if others and others[0].row.rank == 1:
        return []
    ends = span(best.row.test_accuracy_low, best.row.test_accuracy_high, table.digits)
    over = counted(best.row.seeds, "seed")
    if best.row.folds:
        over = f"{best.row.folds} folds (corrected resampled t, Nadeau & Bengio 2003; {over})"
    known = f"Its 95{THIN}% interval over {over} is {ends}."
    if best.row.test_accuracy_sd == 0:
        known += " All of them got the same number of images right, which says little about how seeds differ."
    leads = [(line, lead) for line in others if (lead := table.lead(best, line)) is not None]
    better = [line.label for line, lead in leads if lead.is_better]
    pairs = counted(len(table.comparison.corrected), "pair")
    if better:
        names = "all others" if len(better) == len(others) > 1 else bold_list(better)
        known += f" Its lead over {names} is significant over seeds and test images, corrected for {pairs}."
    if close := [(line, lead) for line, lead in leads if not lead.is_better]:
        line, lead = close[0]
        known += f" Over **{line.label}**: {describe_verdict(lead)}."
    return [AnswerPoint("How sure", known)]


def _describe_gap(table: Table) -> list[AnswerPoint]:
    """Give the lead over the second, in the words of `bakeoff answer`."""
    if len(table.ranked) < 2 or table.ranked[1].row.rank == 1:
        return []
    first, second = table.ranked[:2]
    gap = _accuracy(first) - _accuracy(second)
    lead = table.lead(first, second)
    difference = describe_numbers(lead) if lead else f"{signed_points(gap, table.point_digits)} points"
    images = abs(gap) * table.test_images
    about = f"about {count(images)}" if images >= 0.95 else "less than one"
    known = f"; {about} of the {count(table.test_images)} test images" if table.test_images else ""
    return [AnswerPoint("Lead", f"Over **{second.label}**: {difference}{known}.")]


def _describe_selection(table: Table) -> list[AnswerPoint]:
    """Say how much of the best accuracy is probably due to selecting the best."""
    if len(table.ranked) < 2:
        return []
    if not _is_ranked_by_test(table):
        return [
            AnswerPoint(
                "Selection", "Selected by validation accuracy, so its test accuracy is not biased by the selection."
            )
        ]
    found = describe_optimism(table.ranked[0].row.optimism, len(table.ranked), table.ranked[0].row.test_images)
    return [AnswerPoint("Selection", f"{found[:1].upper()}{found[1:]}.")] if found else []


def _describe_cheaper(table: Table) -> list[AnswerPoint]:
    """Say what the best network at half the cost or less gives up."""
    if len(table.ranked) < 2:
        return []
    best, *others = table.ranked
    parameters = best.row.parameters
    small = next((o for o in others if parameters and (o.row.parameters or parameters) <= CHEAP * parameters), None)
    quick, points_of_time = _find_faster(table, small)
    if small is None or small is quick:
        return points_of_time
    share, price = _format_share(small, best), _format_price(table, best, small)
    return [*points_of_time, AnswerPoint("Smaller", f"**{small.label}** has {share} of the parameters: {price}.")]


def _find_faster(table: Table, small: Line | None) -> tuple[Line | None, list[AnswerPoint]]:
    """Return the best network that trains in half the time or less, and what to say about time."""
    best, *others = table.ranked
    seconds = best.row.train_seconds
    if not seconds:
        return None, []
    if table.time_caution:
        return None, [AnswerPoint("Time", f"Not comparable: {table.time_note}.")]
    same_work = [other for other in others if len(best.work | other.work) == 1]
    if not same_work:
        reason = "the networks had unequal numbers of epochs or training images"
        return None, [AnswerPoint("Time", f"Not comparable: {reason}.")]
    quick = next((o for o in same_work if (o.row.train_seconds or seconds) <= CHEAP * seconds), None)
    if quick is None or not quick.row.train_seconds:
        sentence = f"No other network trained in less than half its time, {duration(seconds)}."
        return None, [AnswerPoint("Faster", sentence)] if len(same_work) == len(others) else []
    also = f", and with {_format_share(quick, best)} of the parameters" if quick is small else ""
    return quick, [
        AnswerPoint(
            "Faster",
            f"**{quick.label}** trains in {duration(quick.row.train_seconds)} instead of {duration(seconds)}, "
            f"{times(seconds / quick.row.train_seconds)} as fast{also}: {_format_price(table, best, quick)}.",
        )
    ]


def _describe_budget(table: Table) -> list[AnswerPoint]:
    """Give what the recipes that are compared had to learn from."""
    budget = table.budget
    return [AnswerPoint("Budget", f"{budget[:1].upper()}{budget[1:]}.")] if budget and table.ranked else []


def _describe_flops(table: Table) -> list[AnswerPoint]:
    """Give the probability that each network is on the Pareto front of accuracy and FLOPs."""
    likely = table.chances
    front = next((own for own in likely.fronts if own.cost == "flops"), None) if likely else None
    if likely is None or front is None or not 1 < len(front.probability) <= 12:
        return []
    least = min(front.costs.values())
    fewest = [net for net, cost in front.costs.items() if cost == least]
    open_ones = {net: share for net, share in front.probability.items() if len(fewest) > 1 or net not in fewest}
    listed = listing([f"**{net}** {_format_chance(share)}" for net, share in open_ones.items()], MOST_NAMED)
    basis = "over test images, not seeds" if likely.seeds == 1 else f"from {counted(likely.seeds, 'seed')}"
    if table.fold_sizes:
        basis = f"from {len(table.fold_sizes)} folds"
    sentence = (
        f"{bold_list(fewest)} {'needs' if len(fewest) == 1 else 'need'} the fewest. "
        f"Chance that spending more FLOPs buys accuracy: {listed} ({basis})."
    )
    return [AnswerPoint("FLOPs", sentence)] if open_ones else []


def _format_chance(share: float) -> str:
    """0.973 → "97 %"; never quite 0 or 100 %."""
    return (
        f"over {percent(0.99, 0)}"
        if share > 0.99
        else f"under {percent(0.01, 0)}"
        if share < 0.01
        else percent(share, 0)
    )


def _format_price(table: Table, best: Line, cheap: Line) -> str:
    lost = _accuracy(best) - _accuracy(cheap)
    if lost == 0:
        return f"the same {percent(cheap.row.test_accuracy, table.digits)}"
    verdict = {True: "", False: " (not significant)", None: " (too few seeds to test)"}
    less = f"{points(lost, table.point_digits)} {'less' if lost > 0 else 'more'}"
    return f"{percent(cheap.row.test_accuracy, table.digits)}, {less}{verdict[table.is_better(best, cheap)]}"


def _format_share(cheap: Line, best: Line) -> str:
    share = (cheap.row.parameters or 0) / (best.row.parameters or 1)
    return percent(share, 0 if share >= 0.095 else 1)


def list_cautions(table: Table) -> list[str]:
    """Return reasons to distrust the table, most serious first."""
    found = [f"Not ranked: {describe_flaws(table.flaws)}."] if table.flaws and table.ranked else []
    if any("TEST" in line.row.selection for line in table.lines):
        found.append("The epoch was chosen on the test set: expect lower accuracies on new images.")
    failed = sum(line.row.failed for line in table.lines)
    if failed:
        found.append(f"{counted(failed, 'run')} failed and {_are(failed)} not in the means.")
    untested = count_untested(table.results)
    if untested:
        found.append(
            f"{counted(untested, 'training')} of a contest did not reach the test and {_are(untested)} not here."
        )
    if table.finished + untested < table.planned:
        found.append(
            f"Partial: {table.finished} of {counted(table.planned, 'run')} finished; the order may still change."
        )
    seeds = {line.row.seeds for line in table.ranked}
    if len(seeds) > 1:
        found.append(f"The networks have unequal numbers of seeds ({min(seeds)} to {max(seeds)}).")
    return found


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _accuracy(line: Line) -> float:
    return line.row.test_accuracy or 0.0
