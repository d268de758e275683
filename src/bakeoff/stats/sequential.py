"""Sequential comparison of two networks, valid under continuous monitoring. No torch.

A t test at 5 % that is repeated while seeds are added finds a difference between equal networks far more often than in
5 % of cases. The intervals here are valid for all numbers of seeds simultaneously: with 95 % probability, all of them
contain the truth, no matter how often you look and when you stop. In return, they are a little wider.

The seeds are assumed to be a normal sample with unknown deviation. The alternative to "no difference" is a difference
of any size, in units of that deviation normally distributed around zero: the ratio of the two, Student's t mixed over
them, is at no time 20 or more with a probability above 1/20 if there is no difference (Ville 1939; the t mixture: Lai
1976, Ann. Statist. 4:265-280; Hendriksen, de Heide & Grünwald 2021, doi:10.1214/20-BA1234; Wang & Ramdas 2023,
arXiv:2310.03722). No number of looks and no limit has to be fixed beforehand.
"""

import math
from dataclasses import dataclass
from typing import Literal

from bakeoff.stats.paired import LEVEL, Difference

SPREAD = 3.0
"""Variance of the expected differences, in units of the variance between seeds. A larger one settles clear cases sooner
and close ones later. At 3, a difference of four standard deviations takes four seeds; one of one deviation takes 13 on
average, and 20 show it with a chance of 84 %. A test for a limit fixed beforehand would take 11 (Pocock 1977); this one
can be stopped, continued and given more seeds at will."""

Verdict = Literal["first", "second", "alike", "open"]
"""Which network is better; alike: the test images cannot show such a small difference, with any number of seeds."""


@dataclass(frozen=True)
class Decision:
    """Where a comparison stands after some seeds, or where it ended."""

    verdict: Verdict
    mean: float
    """Accuracy of the first network minus that of the second, a fraction of 1."""
    low: float | None
    """Ends of an interval that is valid under continuous monitoring; None if there are too few seeds for one."""
    high: float | None
    seeds: int
    images: int
    smallest: float
    """The smallest difference that the test images could show with any number of seeds, a fraction of 1."""


def critical_t(seeds: int, level: float = LEVEL) -> float:
    """Return the critical t value for the mean over this many seeds; infinite for too few seeds.

    With g = `SPREAD`, n seeds and t = mean / standard error, the ratio is
    (1 + n·g)^(-1/2) · ((1 + t²/(n-1)) / (1 + t²/((n-1)·(1 + n·g))))^(n/2); this is where it becomes 1 / `level`.
    """
    if seeds < 2:
        return math.inf
    wider = 1 + seeds * SPREAD
    bound = (wider / level**2) ** (1 / seeds)
    return math.sqrt((seeds - 1) * (bound - 1) / (1 - bound / wider)) if bound < wider else math.inf


def decide(difference: Difference, pairs: int = 1) -> Decision:
    """Return the state of a comparison; it is valid no matter how often you look.

    Seeds and test images are independent sources of error, so the two half widths are added as squares. More seeds do
    not make the second narrower. With several networks, `pairs` is the number of their pairs: the intervals are then
    valid for all of them simultaneously, so the network with the best mean may be compared with every other.
    """
    from scipy.special import ndtri

    level = LEVEL / pairs
    smallest = float(ndtri(1 - level / 2)) * difference.image_error
    limit = critical_t(difference.folds or difference.seeds, level)
    by_seeds = math.inf if difference.seed_error is None or math.isinf(limit) else limit * difference.seed_error
    half = math.hypot(by_seeds, smallest)
    verdict: Verdict = "open"
    if abs(difference.mean) > half:
        verdict = "first" if difference.mean > 0 else "second"
    elif abs(difference.mean) + by_seeds <= smallest:
        verdict = "alike"
    known = math.isfinite(half)
    return Decision(
        verdict=verdict,
        mean=difference.mean,
        low=max(-1.0, difference.mean - half) if known else None,
        high=min(1.0, difference.mean + half) if known else None,
        seeds=difference.seeds,
        images=difference.images,
        smallest=smallest,
    )
