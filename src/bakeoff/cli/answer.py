"""`bakeoff answer`."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.options import json_option, rank_by_option, store_option
from bakeoff.console.terminal import echo_json, echo_lines

if TYPE_CHECKING:
    from bakeoff.analysis.ranking import RankBy


@click.command()
@store_option()
@rank_by_option
@json_option
def answer(store: Path, rank_by: "RankBy", as_json: bool) -> None:
    """Say which network is best for each data set and overall, at what cost, and how sure that is.

    For each data set, the best network is compared with every other: the difference in test accuracy, paired by seed
    and test image, with its 95 % interval, the probability of being better, and the p value, corrected for all pairs of
    networks in the table. Single runs are compared by McNemar's test, with the images that only one of the two got
    right. P values assume that the number of seeds was chosen beforehand; "valid under continuous monitoring" holds
    even if seeds were added until the difference showed.

    Cost: the cheapest network that is not significantly worse, the probability of each to be the best, and to be on the
    Pareto front of accuracy and FLOPs, where no other network is as accurate for less. JSON has further costs.

    Across data sets: mean ranks with Friedman's test and Nemenyi's critical difference; with five or more data sets,
    also the Bayesian signed-rank test and Wilcoxon's test. It says so if there are too few seeds or data sets.

    Experiments ([bold]bakeoff dial[/], [bold]bakeoff run dials[/]): what their curves say about the questions they ask.
    Last, which properties of data sets go with which families of networks doing well.

    \b
    [bold]Examples[/]
    bakeoff answer
    bakeoff answer --rank-by validation
    """
    from bakeoff.console import answers
    from bakeoff.store.store import Store

    with Store(store) as opened:
        found = answers.answer_store(opened, rank_by)
    if as_json:
        echo_json(found.to_dict())
    else:
        echo_lines(found.lines())
