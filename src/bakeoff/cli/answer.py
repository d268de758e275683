"""`bakeoff answer`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.options import json_option, rank_by_option, store_option
from bakeoff.console.terminal import echo_json, echo_lines
from bakeoff.text.formats import bracket, counted, percent, points, signed_points

if TYPE_CHECKING:
    from bakeoff.analysis.answers import InGeneral, OnData
    from bakeoff.analysis.pairwise import Lead
    from bakeoff.analysis.ranking import RankBy


@click.command()
@store_option()
@rank_by_option
@json_option
def answer(store: Path, rank_by: "RankBy", as_json: bool) -> None:
    """Answer from measured runs: which network for each data set, which in general, and how sure that is.

    For each data set the best network against every other: the difference of test accuracy, paired by seed and test
    image, with its 95 % interval, the probability of being better, and the p value, corrected for all pairs of networks
    in the table; of single runs by McNemar's test, with the images that only one of the two got right. The p values are
    for a number of seeds chosen beforehand; "however often one looked" holds even if seeds were added until the
    difference showed.

    What it costs: the cheapest network that is not significantly worse, the probability of each to be the best, and to
    be on the front of accuracy and FLOPs, where no other network is as accurate for less. JSON has further costs.

    Over data sets mean ranks with Friedman's test and the critical difference of Nemenyi; from five data sets on the
    Bayesian signed-rank comparison and Wilcoxon's test. Where there are too few seeds or data sets to tell, it says so.

    The questions of experiments ([bold]bakeoff dial[/], [bold]bakeoff run dials[/]), held to their runs; and which
    properties of data sets go with which family of networks doing well, described.
    """
    from dataclasses import asdict

    from bakeoff.analysis.answers import in_general, on_each_data_set
    from bakeoff.analysis.audit import gather
    from bakeoff.analysis.dial import responses
    from bakeoff.analysis.tendencies import tendencies
    from bakeoff.reporting.dial import said, title
    from bakeoff.store.store import Store

    with Store(store) as opened:
        material, experiments = gather(opened), responses(opened)
    single, general = on_each_data_set(material, rank_by), in_general(material)
    if as_json:
        told = {"on_data": [asdict(a) for a in single], "in_general": [asdict(a) for a in general]}
        told["experiments"] = [asdict(one) | {"said": said(one)} for one in experiments]
        told["tendencies"] = [asdict(one) for one in tendencies(material)]
        return echo_json(told)
    lines = [line for one in single for line in tell(one)] + [line for one in general for line in tell_general(one)]
    for heading, sentences in [
        *((f"Experiment, {title(one)}", said(one)) for one in experiments),
        *((f"Properties of data sets, recipe {one.recipe}", one.said) for one in tendencies(material)),
    ]:
        lines += [heading, *(f"  {sentence}" for sentence in sentences), ""]
    while lines and not lines[-1]:
        lines.pop()
    return echo_lines(lines or ["No run has finished yet: bakeoff run makes some."])


def tell(answer: "OnData") -> list[str]:
    """Return one data set's answer in lines."""
    by_test = answer.ranked_by == "test accuracy"
    chosen = "" if by_test else f" {answer.ranked_by}; its test accuracy is"
    is_alone = not answer.leads and not answer.not_compared
    what = "is the only network; its test accuracy is" if is_alone else f"has the best mean{chosen},"
    lines = [f"{answer.data}, recipe {answer.recipe}: {answer.best} {what} {percent(answer.accuracy)}"]
    optimism = answer.optimism or 0.0
    if by_test and optimism >= 0.00005:
        lines.append(
            f"  chosen as the best of {len(answer.probability_best)} by these test images: on new ones expect "
            f"{points(optimism)} less"
        )
    lines += [f"  {_lead(lead)}" for lead in answer.leads]
    lines += [f"  over {net}: open; they share no seed" for net in answer.not_compared]
    if answer.cheapest not in (answer.best, None) and answer.flops_share is not None:
        behind = next(lead.difference for lead in answer.leads if lead.net == answer.cheapest)
        lines.append(
            f"  cheapest not significantly worse: {answer.cheapest}, {percent(answer.cheapest_accuracy)} "
            f"with {percent(answer.flops_share, 1)} of the FLOPs; it may be {points(max(behind.high, 0))} behind"
        )
    elif answer.leads and not answer.flops_unknown:
        lines.append("  no network of fewer FLOPs is as good")
    if answer.leads and answer.flops_unknown:
        lines.append(f"  which is the cheapest is open: FLOPs unknown for {', '.join(answer.flops_unknown)}")
    if answer.fronts and answer.leads:
        seeds = counted(answer.shared_seeds, "seed")
        seeds += ": other seeds are not in it" if answer.shared_seeds == 1 else ""
        lines.append(f"  probability of being the best: {_shares(answer.probability_best)} ({seeds})")
        lines += [
            f"  of being on the front of accuracy and FLOPs: {_shares(f.probability)}"
            for f in answer.fronts
            if f.cost == "flops"
        ]
    return [*lines, ""]


def _shares(probabilities: "Mapping[str, float]") -> str:
    """Name the probabilities; where there are many, only those of one per cent or more."""
    shown = {net: share for net, share in probabilities.items() if share >= 0.01 or len(probabilities) <= 6}
    told = [f"{net} {share:.3f}" for net, share in shown.items()]
    rest = len(probabilities) - len(shown)
    return ", ".join([*told, *([f"{rest} more below 0.01"] if rest else [])])


def _lead(lead: "Lead") -> str:
    found = lead.difference
    told = (
        f"over {lead.net}: {signed_points(found.mean)} points{bracket(found.low, found.high)}, "
        f"P(better) {found.probability:.3f}, p {'< 1e-12' if lead.corrected < 1e-12 else f'{lead.corrected:.2g}'}"
    )
    if lead.mcnemar is not None:
        told += f" by McNemar's test, {lead.mcnemar.only_a} to {lead.mcnemar.only_b} images"
    if found.seeds == 1 and lead.is_significant:
        return f"{told} (1 seed): significant for these two runs; what other seeds would give is open"
    settled = ", however often one looked" if lead.standing.verdict == "first" else ""
    outlook = lead.outlook or "on the seeds that both have it is behind"
    verdict = f"significant{settled}" if lead.is_better else f"open; {outlook}"
    return f"{told} ({counted(found.seeds, 'seed')}): {verdict}"


def tell_general(answer: "InGeneral") -> list[str]:
    """Return the answer over data sets in lines."""
    ranking = answer.ranking
    ranks = ", ".join(f"{net} {rank:.2f}" for net, rank in ranking.ranks.items())
    lines = [f"Over {ranking.data_sets} data sets, recipe {answer.recipe}: mean ranks {ranks}"]
    test = "" if ranking.p_value is None else f"Friedman p {ranking.p_value:.2g}; "
    lines.append(
        f"  {test}mean ranks less than {ranking.critical_difference:.2f} apart do not differ significantly (Nemenyi)"
    )
    lines.append(
        f"  {answer.best} loses most on {answer.lost_on}: {points(answer.most_lost)} to {answer.lost_to}"
        if answer.most_lost
        else f"  {answer.best} has the best mean on each of them"
    )
    for other in answer.elsewhere:
        if other.corrected is not None:
            lines.append(
                f"  over {other.net} on another data set: P(better by a point) {other.belief.first:.3f}, "
                f"P(equal within one) {other.belief.equivalent:.3f}, Wilcoxon p {other.corrected:.2g}"
            )
    return [*lines, *([f"  {ranking.caution}"] if ranking.caution else []), ""]
