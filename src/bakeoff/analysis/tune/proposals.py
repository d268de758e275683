"""Which values to try next: Optuna's tree-structured Parzen estimator, given everything that is known each time.

No state is kept between proposals, so a search can continue from the runs in the store alone. No torch.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bakeoff.analysis.tune.space import Searched, rounded
from bakeoff.errors import BakeoffError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

RANDOM_TRIALS = 8
"""This many trials are drawn at random before results guide the search."""
ATTEMPTS = 10


@dataclass(frozen=True)
class Tried:
    """Values of the searched fields, and their result."""

    values: Mapping[str, Any]
    error: float | None
    """Expected error of a complete training, a fraction; None if nothing is known yet."""


def check_optuna() -> None:
    """Check that Optuna is installed.

    Raises:
        BakeoffError: it is not installed; the message says how to install it.
    """
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise BakeoffError("tuning needs Optuna: pip install 'bakeoff[tune]'") from None


def propose(space: Sequence[Searched], tried: Sequence[Tried]) -> dict[str, Any] | None:
    """Return values that have not been tried; None if there seem to be no others.

    Args:
        space: the fields that are searched.
        tried: everything tried so far, the recipe's own values included.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {one.field: _distribution(one) for one in space}
    known = [dict(each.values) for each in tried]
    for attempt in range(ATTEMPTS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(
                seed=len(tried) + 1000 * attempt, n_startup_trials=RANDOM_TRIALS, constant_liar=True
            )
            study = optuna.create_study(sampler=sampler)
        for each in tried:
            study.add_trial(
                optuna.trial.create_trial(
                    state=optuna.trial.TrialState.RUNNING if each.error is None else optuna.trial.TrialState.COMPLETE,
                    value=each.error,
                    params={one.field: _encoded(one, each.values[one.field]) for one in space},
                    distributions=distributions,
                )
            )
        drawn = study.ask(distributions).params
        values = {one.field: _decoded(one, drawn[one.field]) for one in space}
        if values not in known:
            return values
    return None


def _distribution(searched: Searched) -> "BaseDistribution":
    import optuna

    if searched.choices:
        return optuna.distributions.CategoricalDistribution(tuple(range(len(searched.choices))))
    if searched.is_whole:
        low, high = int(searched.low), int(searched.high)
        return optuna.distributions.IntDistribution(low, high, log=searched.is_logarithmic)
    return optuna.distributions.FloatDistribution(searched.low, searched.high, log=searched.is_logarithmic)


def _encoded(searched: Searched, value: Any) -> Any:
    return searched.choices.index(value) if searched.choices else value


def _decoded(searched: Searched, value: Any) -> Any:
    if searched.choices:
        return searched.choices[value]
    return min(max(rounded(value), searched.low), searched.high)
