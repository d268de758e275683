"""Comparisons of all pairs of networks in a table. No torch.

This is the only place that decides which differences are significant; the page, `bakeoff answer`, the audit, tables and
notebooks all show its results. P values are corrected for all pairs of the table, so they hold for any pairs that are
chosen afterwards, such as those with the best network.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from bakeoff.stats.corrections import holm, shaffer
from bakeoff.stats.folds import split_means
from bakeoff.stats.mcnemar import McNemar, exact_p_values
from bakeoff.stats.paired import (
    LEVEL,
    Difference,
    Errors,
    estimate_errors,
    estimate_fold_errors,
    pick_difference,
    seeds_to_settle,
)
from bakeoff.stats.sequential import Decision, decide
from bakeoff.text.formats import counted

Right = Mapping[int, np.ndarray]
"""Seed → (N,) bool, which test images a network got right."""


@dataclass(frozen=True)
class Lead:
    """One network against another, paired by seed and test image. The field names are keys of the JSON: they stay."""

    net: str
    """The other."""
    difference: Difference
    corrected: float
    """The p value, for single runs that of McNemar's test, corrected for all pairs of the table."""
    outlook: str
    """What would settle it; empty if it is settled."""
    standing: Decision
    """The same, valid under continuous monitoring, corrected for all pairs."""
    mcnemar: McNemar | None = None
    """Of two single runs, the exact test of their errors on the same images."""

    @property
    def is_significant(self) -> bool:
        """Whether the two differ by more than seeds and test images explain."""
        return self.corrected < LEVEL

    @property
    def is_better(self) -> bool | None:
        """Whether the network is better than the other; None if there is only one shared seed, which cannot tell."""
        one_seed = self.difference.seeds == 1 and not self.difference.folds
        return None if one_seed else self.is_significant and self.difference.mean > 0


@dataclass(frozen=True)
class PairwiseComparison:
    """All networks of a table, each compared with every other."""

    names: tuple[str, ...]
    corrected: Mapping[tuple[int, int], float]
    """By places in `names`, the smaller first; pairs without a shared seed are not in it."""
    places: Mapping[tuple[int, int], tuple[int, int]]
    """Pair → which of the blocks it is in, and where."""
    blocks: tuple[tuple[Errors, np.ndarray], ...]
    """For pairs with the same shared seeds: their differences, and (P,) the number of images on which they disagree."""

    def lead(self, net: str, other: str) -> Lead | None:
        """Return `net` against `other`; None where they share no seed."""
        first, second = self.names.index(net), self.names.index(other)
        pair, sign = ((first, second), 1) if first < second else ((second, first), -1)
        if pair not in self.places:
            return None
        block, place = self.places[pair]
        found, unlike = self.blocks[block][0], int(self.blocks[block][1][place])
        own = pick_difference(found, place, unlike, sign=sign)
        corrected = self.corrected[pair]
        test = None
        if own.seeds == 1 and not own.folds:
            won = round(own.mean * own.images)
            test = McNemar((unlike + won) // 2, (unlike - won) // 2, own.p_value)
        outlook = "" if corrected < LEVEL else self._outlook(own)
        return Lead(other, own, corrected, outlook, decide(own, len(self.corrected)), test)

    def _outlook(self, own: Difference) -> str:
        found = seeds_to_settle(own, level=LEVEL / len(self.corrected))
        return f"{f'{self.only_alone}; ' if own.is_settled else ''}{found.reason}"

    @property
    def only_alone(self) -> str:
        """What is said of a difference that would be significant as the only comparison."""
        return f"significant alone, but not among {counted(len(self.corrected), 'comparison')}"

    def is_better(self, net: str, other: str) -> bool | None:
        """Return whether `net` is better than `other`; None if they share no seed, or only one, which cannot tell."""
        lead = self.lead(net, other)
        return None if lead is None else lead.is_better

    def rank_ranges(self, among: Collection[str]) -> dict[str, tuple[int, int]]:
        """Return the lowest and highest rank that each of some networks may have.

        From 1 plus the number that are significantly better, to the number of all minus those that are significantly
        worse. Networks that share fewer than two seeds never differ significantly.
        """
        wins, losses = dict.fromkeys(among, 0), dict.fromkeys(among, 0)
        for (first, second), corrected in self.corrected.items():
            one, other = self.names[first], self.names[second]
            block, place = self.places[first, second]
            found = self.blocks[block][0]
            is_single = found.seeds < 2 and not found.folds
            if corrected >= LEVEL or is_single or one not in wins or other not in wins:
                continue
            better, worse = (one, other) if found.mean[place] > 0 else (other, one)
            wins[better] += 1
            losses[worse] += 1
        return {net: (1 + losses[net], len(wins) - wins[net]) for net in wins}


def compare_pairs(right: Mapping[str, Right], fold_sizes: Sequence[int] = ()) -> PairwiseComparison:
    """Compare the networks of a table.

    Args:
        right: by network, which of the same N test images its finished seeds got right. With fewer than two images,
            nothing can be compared.
        fold_sizes: in a cross-validation, the number of images of each fold, in the order of the N images.
    """
    names = tuple(right)
    places: dict[tuple[int, int], tuple[int, int]] = {}
    blocks: list[tuple[Errors, np.ndarray]] = []
    groups: dict[frozenset[int], list[int]] = {}
    for place, net in enumerate(names):
        groups.setdefault(frozenset(right[net]), []).append(place)
    for number, (seeds, own) in enumerate(groups.items()):
        for other_seeds, others in list(groups.items())[number:]:
            shared = sorted(seeds & other_seeds)
            pairs = [(i, j) for i in own for j in others if own is not others or i < j]
            if not shared or not pairs or len(right[names[own[0]]][shared[0]]) < 2:
                continue
            sides = [right[names[i]] for i in own], [right[names[j]] for j in others]
            block = _block(*sides, shared)
            mine = {place: row for row, place in enumerate(own)}
            theirs = {place: row for row, place in enumerate(others)}
            rows, columns = [mine[i] for i, _ in pairs], [theirs[j] for _, j in pairs]
            places |= {tuple(sorted(pair)): (len(blocks), at) for at, pair in enumerate(pairs)}  # type: ignore[misc]
            signs = np.array([1 if i < j else -1 for i, j in pairs])
            by_seed, image_squares, unlike, images = block
            signed = signs[:, None] * by_seed[rows, columns]
            if fold_sizes:
                by_fold = [np.mean([split_means(o[s], fold_sizes) for s in shared], axis=0) for o in chain(*sides)]
                apart = np.array(
                    [by_fold[row] - by_fold[len(own) + column] for row, column in zip(rows, columns, strict=True)]
                )
                found = estimate_fold_errors(
                    signed.mean(axis=1), signs[:, None] * apart, unlike[rows, columns], len(shared), images
                )
            else:
                found = estimate_errors(signed, image_squares[rows, columns], unlike[rows, columns], images)
            blocks.append((found, unlike[rows, columns]))
    return PairwiseComparison(names, _correct(len(names), places, blocks, len(groups) == 1), places, tuple(blocks))


def _block(
    own: Sequence[Right], others: Sequence[Right], seeds: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return what the A · B differences between A and B networks at the same S seeds are computed from.

    (A, B, S) differences by seed, (A, B) squares of the images' means, (A, B) images on which they disagree, summed
    over seeds, and the number of images. The squares follow from matrix products, without a loop over pairs.
    """
    images = len(own[0][seeds[0]])
    sums = [np.zeros((len(side), images)) for side in (own, others)]
    counts = [np.zeros((len(side), len(seeds))) for side in (own, others)]
    together = np.zeros((len(own), len(others)))
    for column, seed in enumerate(seeds):
        # Whole numbers up to 2^24 are exact in single precision.
        right = [np.array([one[seed] for one in side], np.float32) for side in (own, others)]
        together += right[0] @ right[1].T
        for side in (0, 1):
            sums[side] += right[side]
            counts[side][:, column] = right[side].sum(axis=1, dtype=np.float64)
    by_seed = (counts[0][:, None] - counts[1][None]) / images
    lengths = [np.einsum("kn,kn->k", side, side) for side in sums]
    squares = (lengths[0][:, None] + lengths[1][None] - 2 * sums[0] @ sums[1].T) / len(seeds) ** 2
    unlike = counts[0].sum(axis=1)[:, None] + counts[1].sum(axis=1)[None] - 2 * together
    return by_seed, squares, unlike, images


def _correct(
    nets: int,
    places: Mapping[tuple[int, int], tuple[int, int]],
    blocks: Sequence[tuple[Errors, np.ndarray]],
    same_seeds: bool,
) -> dict[tuple[int, int], float]:
    """Return the corrected p value of every pair.

    If all networks have the same seeds, some pairs being equal implies that others are, which the correction uses;
    otherwise each pair has seeds of its own, and all pairs count.
    """
    p_values = [_p_values(*block) for block in blocks]
    raw = [float(p_values[block][place]) for block, place in places.values()]
    return dict(zip(places, shaffer(raw, nets) if same_seeds else holm(raw), strict=True))


def _p_values(found: Errors, unlike: np.ndarray) -> np.ndarray:
    if found.freedom:
        return np.minimum(1.0, 2 * found.tail)
    won = np.abs(np.rint(found.mean * found.images))
    return exact_p_values((unlike - won) / 2, unlike)
