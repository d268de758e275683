"""The answer from measured runs, in words: what `bakeoff answer` prints and `bakeoff.answer` returns."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bakeoff.analysis.answers import InGeneral, OnData, in_general, on_each_data_set
from bakeoff.analysis.dial import Response, read_responses
from bakeoff.analysis.flaws import describe_flaws, describe_no_answer
from bakeoff.analysis.pairwise import Lead
from bakeoff.analysis.ranking import RankBy
from bakeoff.analysis.snapshot import read_snapshot
from bakeoff.analysis.tendencies import Tendencies, find_tendencies
from bakeoff.analysis.untested import count_untested, describe_untested
from bakeoff.reporting.dial import describe_response, name_experiment
from bakeoff.reporting.leads import describe_lead, describe_optimism
from bakeoff.reporting.starts import describe_starts
from bakeoff.stats.folds import METHOD
from bakeoff.store.store import Store
from bakeoff.text.formats import accuracy_digits, counted, percent, point_digits, points

if TYPE_CHECKING:
    import pandas as pd

NOTHING = "No run has finished yet: train some with bakeoff run."


@dataclass(frozen=True)
class Answer:
    """Which network for each data set, which in general, and how sure that is.

    Printed, it is the text of `bakeoff answer`.

    Example:
        >>> print(bakeoff.answer().lines()[0])
        digits, recipe quick (epochs=8, image.scale=4): resnet20 has the best mean, 98.3...
        >>> bakeoff.answer().to_frame()[["best", "net", "is_better"]].values.tolist()
        [['resnet20', 'conv', ...], ['resnet20', 'drop', ...], ['resnet20', 'lenet-afif', ...]]
        >>> list(bakeoff.answer().to_dict())
        ['on_data', 'in_general', 'experiments', 'tendencies']
    """

    on_data: tuple[OnData, ...]
    """The best network on each data set under each recipe, and its lead over every other."""
    in_general: tuple[InGeneral, ...]
    """Mean ranks over data sets, for each recipe that was used on several."""
    experiments: tuple[Response, ...]
    """How networks respond when one thing about the data is changed step by step."""
    tendencies: tuple[Tendencies, ...]
    """Which properties of data sets go with which family of networks doing well."""
    untested: int = 0
    """Trainings of contests and tuning, which were evaluated on validation images only and say nothing here."""

    def lines(self) -> list[str]:
        """Return the answer as lines of text."""
        lines = [line for one in self.on_data for line in describe_data_set(one)]
        lines += [line for one in self.in_general for line in describe_general(one)]
        for heading, sentences in [
            *((f"Experiment, {name_experiment(one)}", describe_response(one)) for one in self.experiments),
            *((f"Properties of data sets, recipe {one.recipe}", one.sentences) for one in self.tendencies),
        ]:
            lines += [heading, *(f"  {sentence}" for sentence in sentences), ""]
        while lines and not lines[-1]:
            lines.pop()
        if not lines and self.untested:
            return [f"{NOTHING[:-1]}; {describe_untested(self.untested, 'bakeoff report')}"]
        return lines or [NOTHING]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, the JSON of `bakeoff answer`."""
        return {
            "on_data": [asdict(one) for one in self.on_data],
            "in_general": [asdict(one) for one in self.in_general],
            "experiments": [asdict(one) | {"sentences": describe_response(one)} for one in self.experiments],
            "tendencies": [asdict(one) for one in self.tendencies],
        }

    def to_frame(self) -> "pd.DataFrame":
        """Return one row for each network that the best one was compared with.

        `difference`, `low` and `high` are fractions of 1; `p_value` is corrected for all pairs of the table.
        """
        import pandas as pd

        return pd.DataFrame([_row(one, lead) for one in self.on_data for lead in one.leads], columns=COLUMNS)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"


COLUMNS = ["data", "recipe", "best", "net", "difference", "low", "high", "p_value", "probability", "seeds", "is_better"]


def _row(answer: OnData, lead: Lead) -> tuple[Any, ...]:
    own = lead.difference
    over = (answer.data, answer.recipe, answer.best, lead.net)
    return (*over, own.mean, own.low, own.high, lead.corrected, own.probability, own.seeds, lead.is_better)


def answer_store(store: Store, rank_by: RankBy = "test") -> Answer:
    """Answer from the runs of a store.

    Raises:
        BakeoffError: ranking by validation accuracy, and a network has none.
    """
    snapshot = read_snapshot(store, probabilities=False)
    return Answer(
        tuple(on_each_data_set(snapshot, rank_by)),
        tuple(in_general(snapshot)),
        tuple(read_responses(store)),
        tuple(find_tendencies(snapshot)),
        count_untested(result for cell in snapshot.cells for result in cell.results),
    )


def describe_data_set(answer: OnData) -> list[str]:
    """Return one data set's answer in lines."""
    by_test = answer.ranked_by == "test accuracy"
    chosen = "" if by_test else f" {answer.ranked_by}; its test accuracy is"
    if answer.best is None:
        return [f"{answer.data}, {_recipes(answer)}: {describe_no_answer(answer.unusable)}", ""]
    digits = accuracy_digits(answer.test_images)
    is_alone = not answer.leads and not answer.not_compared
    only = "is the only network with a usable number" if answer.unusable else "is the only network"
    what = f"{only}; its test accuracy is" if is_alone else f"has the best mean{chosen},"
    premise = describe_starts({net: weights or "" for net, weights in answer.starts_from.items()})
    lines = [premise] if premise else []
    lines.append(f"{answer.data}, {_recipes(answer)}: {answer.best} {what} {percent(answer.accuracy, digits)}")
    lines += [f"  {answer.budget}"] if answer.budget else []
    if answer.folds:
        lines.append(
            f"  every image was a test image in one of {answer.folds} folds; intervals and p values are of the "
            f"{METHOD.format(answer.folds)}"
        )
    lucky = describe_optimism(answer.optimism, len(answer.probability_best), answer.test_images) if by_test else ""
    lines += [f"  {lucky}"] if lucky else []
    lines += [f"  {describe_lead(lead)}" for lead in answer.leads]
    lines += [f"  over {net}: open; they share no seed" for net in answer.not_compared]
    lines += [f"  not ranked: {describe_flaws(answer.unusable)}"] if answer.unusable else []
    if answer.cheapest not in (answer.best, None) and answer.flops_share is not None:
        behind = next(lead.difference for lead in answer.leads if lead.net == answer.cheapest)
        most = points(max(behind.high, 0), point_digits(answer.test_images))
        lines.append(
            f"  cheapest not significantly worse, each tested alone: {answer.cheapest}, "
            f"{percent(answer.cheapest_accuracy, digits)} with {percent(answer.flops_share, 1)} of the FLOPs; "
            f"it may be {most} behind"
        )
    elif answer.leads and not answer.flops_unknown:
        lines.append("  no network with fewer FLOPs is as good")
    if answer.leads and answer.flops_unknown:
        lines.append(f"  which is the cheapest is open: FLOPs unknown for {', '.join(answer.flops_unknown)}")
    if answer.fronts and answer.leads:
        seeds = f"{answer.folds} folds, " * bool(answer.folds) + counted(answer.shared_seeds, "seed")
        seeds += ": other seeds are not considered" if answer.shared_seeds == 1 and not answer.folds else ""
        lines.append(f"  probability of being the best: {_shares(answer.probability_best)} ({seeds})")
        lines += [
            f"  of being on the front of accuracy and FLOPs: {_shares(f.probability)}"
            for f in answer.fronts
            if f.cost == "flops"
        ]
    return [*lines, ""]


def _recipes(answer: OnData | InGeneral) -> str:
    return f"recipe{'s' * bool(answer.compared)} {answer.recipe}"


def _shares(probabilities: Mapping[str, float]) -> str:
    """List the probabilities; if there are many, only those of one per cent or more."""
    shown = {net: share for net, share in probabilities.items() if share >= 0.01 or len(probabilities) <= 6}
    text = [f"{net} {share:.3f}" for net, share in shown.items()]
    rest = len(probabilities) - len(shown)
    return ", ".join([*text, *([f"{rest} more below 0.01"] if rest else [])])


def describe_general(answer: InGeneral) -> list[str]:
    """Return the answer over data sets in lines."""
    ranking = answer.ranking
    ranks = ", ".join(f"{net} {rank:.2f}" for net, rank in ranking.ranks.items())
    lines = [f"Over {ranking.data_sets} data sets, {_recipes(answer)}: mean ranks {ranks}"]
    test = "" if ranking.p_value is None else f"Friedman p {ranking.p_value:.2g}; "
    lines.append(
        f"  {test}mean ranks less than {ranking.critical_difference:.2f} apart do not differ significantly (Nemenyi)"
    )
    lost = points(answer.most_lost, point_digits(answer.lost_images))
    lines.append(
        f"  {answer.best} loses most on {answer.lost_on}: {lost} to {answer.lost_to}"
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
