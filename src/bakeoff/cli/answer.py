"""`bakeoff answer`."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.options import json_option, store_option

if TYPE_CHECKING:
    from bakeoff.answers import InGeneral, Lead, OnData


@click.command()
@store_option()
@json_option
def answer(store: Path, as_json: bool) -> None:
    """Answer from measured runs: which network for each data set, which in general, and how sure that is.

    For each data set the network of the highest mean test accuracy, against every other: the difference paired by
    seed and test image with its 95 % interval, the probability of being better, and the p value by Holm's correction;
    the cheapest network that is not significantly worse. Over data sets mean ranks with Friedman's test and the
    critical difference of Nemenyi. Where there are too few seeds or data sets to tell, it says so.
    """
    from dataclasses import asdict

    from bakeoff.answers import in_general, on_each_data_set
    from bakeoff.audit import gather
    from bakeoff.store import Store

    with Store(store) as opened:
        material = gather(opened)
    single, general = on_each_data_set(material), in_general(material)
    if as_json:
        import json

        told = {"on_data": [asdict(a) for a in single], "in_general": [asdict(a) for a in general]}
        return click.echo(json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False))
    lines = [line for one in single for line in tell(one)] + [line for one in general for line in tell_general(one)]
    return click.echo("\n".join(lines or ["No run has finished yet: bakeoff run makes some."]))


def tell(answer: "OnData") -> list[str]:
    """Return one data set's answer in lines."""
    lines = [f"{answer.data}, recipe {answer.recipe}: {answer.best} is highest, {answer.accuracy:.2%}"]
    lines += [f"  {_lead(lead)}" for lead in answer.leads] or ["  nothing to compare it with"]
    if answer.cheapest != answer.best and answer.flops_share is not None:
        lines.append(
            f"  cheapest not significantly worse: {answer.cheapest}, {answer.cheapest_accuracy:.2%} "
            f"with {answer.flops_share:.1%} of the FLOPs"
        )
    elif answer.leads:
        lines.append("  no network of fewer FLOPs is as good")
    return [*lines, ""]


def _lead(lead: "Lead") -> str:
    found = lead.difference
    told = (
        f"over {lead.net}: {100 * found.mean:+.2f} points [{100 * found.low:.2f}, {100 * found.high:.2f}], "
        f"P(better) {found.probability:.3f}, p {lead.corrected:.2g}"
    )
    if found.seeds == 1 and lead.is_significant:
        return f"{told} (one seed): significant for these two runs; what other seeds would give is open"
    seeds = "one seed" if found.seeds == 1 else f"{found.seeds} seeds"
    return f"{told} ({seeds}): {'significant' if lead.is_significant else f'open; {lead.outlook}'}"


def tell_general(answer: "InGeneral") -> list[str]:
    """Return the answer over data sets in lines."""
    ranking = answer.ranking
    ranks = ", ".join(f"{net} {rank:.2f}" for net, rank in ranking.ranks.items())
    lines = [f"Over {ranking.data_sets} data sets, recipe {answer.recipe}: mean ranks {ranks}"]
    test = "" if ranking.p_value is None else f"Friedman p {ranking.p_value:.2g}; "
    lines.append(f"  {test}mean ranks less than {ranking.critical_difference:.2f} apart are not told apart (Nemenyi)")
    lines.append(
        f"  {answer.best} loses most on {answer.lost_on}: {100 * answer.most_lost:.2f} points to {answer.lost_to}"
        if answer.most_lost
        else f"  {answer.best} is highest on each of them"
    )
    return [*lines, *([f"  {ranking.caution}"] if ranking.caution else []), ""]
