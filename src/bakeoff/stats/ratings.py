"""Standing of networks over data sets: win rates, and ratings as in chess with intervals. numpy only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 200
"""Bootstrap draws of data sets."""
CENTRE = 1000.0
"""Mean rating."""
SCALE = 400.0
"""Points at which the better of two wins ten times as often as the other (Elo 1978)."""


@dataclass(frozen=True)
class Standing:
    """One network against the others over data sets."""

    win_rate: float
    """Share of the comparisons with every other network on every data set that it wins; ties count half."""
    rating: float
    """Rating of the Bradley–Terry model, mean 1000; 400 points more mean winning ten times as often."""
    low: float
    """95 % interval of the rating: percentiles of a bootstrap over data sets."""
    high: float


def rate(scores: Mapping[str, Sequence[float]], *, draws: int = DRAWS, seed: int = 0) -> dict[str, Standing]:
    """Return the standing of each network, best rating first.

    A win is the higher score on a data set. The ratings are those of Bradley & Terry (1952), with half a game won and
    lost against a network of the mean rating, so that one that always wins has a finite rating.

    Args:
        scores: network → accuracies on the same data sets in the same order.
        draws: of data sets, with replacement.
        seed: of the draws.

    Raises:
        ValueError: there are fewer than two networks or no data set, or they have unequal numbers of scores.
    """
    table = np.array(list(scores.values()), float)
    if table.ndim != 2 or len(table) < 2 or not table.shape[1]:
        raise ValueError(f"{table.shape}: it takes two networks with scores on the same data sets")
    wins = (table[:, None] > table[None]) + 0.5 * (table[:, None] == table[None])  # (K, K, D)
    wins[np.arange(len(table)), np.arange(len(table))] = 0.0
    data_sets = table.shape[1]
    random = np.random.default_rng(seed)
    counts = random.multinomial(data_sets, np.full(data_sets, 1 / data_sets), size=draws)
    drawn = np.array([_fit(wins @ weights) for weights in counts.astype(float)])
    ratings = _fit(wins.sum(axis=2))
    lows, highs = np.percentile(drawn, [2.5, 97.5], axis=0)
    ends = zip(np.minimum(lows, ratings).tolist(), np.maximum(highs, ratings).tolist(), strict=True)
    rates = wins.mean(axis=2).sum(axis=1) / (len(table) - 1)
    values = zip(scores, rates.tolist(), ratings.tolist(), ends, strict=True)
    found = {net: Standing(share, rating, *own) for net, share, rating, own in values}
    return dict(sorted(found.items(), key=lambda item: -item[1].rating))


def _fit(wins: np.ndarray, rounds: int = 100) -> np.ndarray:
    """Return the (K,) ratings that make (K, K) wins most likely, by the steps of Hunter (2004)."""
    games = wins + wins.T
    won = wins.sum(axis=1) + 0.5
    strength = np.ones(len(wins))
    for _ in range(rounds):
        met = (games / (strength[:, None] + strength[None])).sum(axis=1) + 1 / (strength + 1)
        strength = won / met
        strength /= np.exp(np.log(strength).mean())
    return CENTRE + SCALE * np.log10(strength)
