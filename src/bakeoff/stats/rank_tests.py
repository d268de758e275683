"""Ranks with ties, and the tests of Friedman and Wilcoxon. numpy and scipy.special only.

The results are those of `scipy.stats`, to the last digit (the tests compare them), whose import takes longer than the
answer about a thousand runs. All pairs are tested at once.
"""

import numpy as np

MOST_EXACT = 50
"""With more data sets the signed-rank test is asymptotic; with ties or equal accuracies, with more than MOST_TIED."""
MOST_TIED = 13


def mean_ranks(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ranks within each row, 1 the smallest, where equal values share the mean of theirs, and the ties.

    Args:
        values: (R, n).

    Returns:
        (R, n) ranks, and (R, n) with the size of each group of equal values at its first place in order, 0 elsewhere.
    """
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    begins = np.concatenate([np.ones((len(values), 1), bool), ordered[:, 1:] != ordered[:, :-1]], axis=1)
    starts = np.flatnonzero(begins)
    sizes = np.diff(starts, append=begins.size)
    mean = starts % values.shape[1] + (sizes + 1) / 2
    ranks, ties = np.empty(values.shape), np.zeros(values.shape)
    np.put_along_axis(ranks, order, np.repeat(mean, sizes).reshape(values.shape), axis=1)
    ties[begins] = sizes
    return ranks, ties


def friedman(table: np.ndarray) -> float:
    """Return the p value of Friedman's test of K networks being alike.

    Args:
        table: (N, K) accuracies on N data sets, not all equal on each; K is 3 or more.
    """
    from scipy.special import chdtrc

    blocks, nets = table.shape
    ranks, ties = mean_ranks(table)
    tied = 1 - (ties * (ties * ties - 1)).sum() / (nets * (nets * nets - 1) * blocks)
    squares = (ranks.sum(axis=0) ** 2).sum()
    statistic = (12.0 / (nets * blocks * (nets + 1)) * squares - 3 * blocks * (nets + 1)) / tied
    return float(chdtrc(float(nets - 1), statistic))


def wilcoxon(differences: np.ndarray) -> list[float]:
    """Return the two-sided p values of Wilcoxon's signed-rank test of P pairs of networks.

    Data sets on which the two are equal are left out. The test is exact for few data sets, see MOST_EXACT.

    Args:
        differences: (P, N) differences of their accuracies; 1 is returned where all are 0.
    """
    data_sets = differences.shape[1]
    ranks, ties = mean_ranks(np.where(differences == 0, np.nan, np.abs(differences)))
    found = []
    for own, rank, tie in zip(differences, ranks, ties, strict=True):
        known = own != 0
        with_ties = not known.all() or bool((tie == 0).any())
        above, of = float(rank[own > 0].sum()), int(known.sum())
        if not of:
            found.append(1.0)
        elif data_sets > (MOST_TIED if with_ties else MOST_EXACT):
            found.append(_asymptotic(above, of, tie))
        else:
            found.append(_exact(above, rank[known]))
    return found


def _asymptotic(above: float, of: int, ties: np.ndarray) -> float:
    from scipy.special import ndtr

    variance = (of * (of + 1.0) * (2.0 * of + 1.0) - (ties**3 - ties).sum() / 2) / 24
    return float(2 * ndtr(-abs((above - of * (of + 1.0) * 0.25) / np.sqrt(variance))))


def _exact(above: float, ranks: np.ndarray) -> float:
    """Return the p value among all signs of the ranks, of which those of positive differences add up to `above`."""
    doubled = np.rint(2 * ranks).astype(int)  # ties have half ranks
    counts = np.ones(1, np.int64)
    for rank in doubled:
        without, counts = counts, np.zeros(len(counts) + rank, np.int64)
        counts[: len(without)] += without
        counts[rank:] += without
    own = round(2 * above)
    tail = min(counts[: own + 1].sum(), counts[own:].sum())
    return min(1.0, 2 * int(tail) / 2 ** len(doubled))
