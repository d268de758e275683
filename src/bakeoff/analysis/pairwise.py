"""The networks of one table in pairs: which is better than which, and how surely. No torch.

This is the one place that decides it. The page, `bakeoff answer`, the audit, tables and notebooks show what it says. P
values are corrected for all pairs of the table, so that they hold whichever pairs are looked at afterwards: those of
the best network of the data, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.stats.paired import (
    LEVEL,
    Difference,
    Errors,
    McNemar,
    all_pairs,
    difference,
    errors,
    exact_p_values,
    holm,
    seeds_to_settle,
)
from bakeoff.stats.sequential import Standing, stand

Right = Mapping[int, np.ndarray]
"""Seed → (N,) bool, which test images a network got right."""


@dataclass(frozen=True)
class Lead:
    """One network against another, paired by seed and test image. The field names are keys of the JSON: they stay."""

    net: str
    """The other."""
    difference: Difference
    corrected: float
    """The p value, of single runs that of McNemar's test, corrected for all pairs of the table."""
    outlook: str
    """What would settle it; empty where it is settled."""
    standing: Standing
    """The same with an interval that holds even if seeds were added until the difference showed, for all pairs."""
    mcnemar: McNemar | None = None
    """Of two single runs, the exact test of their errors on the same images."""

    @property
    def is_significant(self) -> bool:
        """Whether the two differ by more than seeds and test images explain."""
        return self.corrected < LEVEL

    @property
    def is_better(self) -> bool | None:
        """Whether the network is better than the other, whatever the seed; None where one shared seed cannot tell."""
        return None if self.difference.seeds == 1 else self.is_significant and self.difference.mean > 0


@dataclass(frozen=True)
class Comparison:
    """All networks of a table, each against each other."""

    names: tuple[str, ...]
    corrected: Mapping[tuple[int, int], float]
    """By places in `names`, the smaller first; pairs without a shared seed are not in it."""
    places: Mapping[tuple[int, int], tuple[int, int]]
    """Pair → which of the blocks it is in, and where."""
    blocks: tuple[tuple[Errors, np.ndarray], ...]
    """Of pairs with the same shared seeds: their differences, and (P,) on how many images they were unlike."""

    def lead(self, net: str, other: str) -> Lead | None:
        """Return `net` against `other`; None where they share no seed."""
        first, second = self.names.index(net), self.names.index(other)
        pair, sign = ((first, second), 1) if first < second else ((second, first), -1)
        if pair not in self.places:
            return None
        block, place = self.places[pair]
        found, unlike = self.blocks[block][0], int(self.blocks[block][1][place])
        own = difference(found, place, unlike, sign=sign)
        corrected = self.corrected[pair]
        test = None
        if own.seeds == 1:
            won = round(own.mean * own.images)
            test = McNemar((unlike + won) // 2, (unlike - won) // 2, own.p_value)
        outlook = "" if corrected < LEVEL else self._outlook(own)
        return Lead(other, own, corrected, outlook, stand(own, len(self.corrected)), test)

    def _outlook(self, own: Difference) -> str:
        found = seeds_to_settle(own, level=LEVEL / len(self.corrected))
        alone = f"clear alone, but not among {len(self.corrected)} comparisons; "
        return f"{alone if own.is_settled else ''}{found.reason}"

    def is_better(self, net: str, other: str) -> bool | None:
        """Tell whether `net` is better than `other`; None where they share no seed, or one that cannot tell."""
        lead = self.lead(net, other)
        return None if lead is None else lead.is_better


def compare(right: Mapping[str, Right]) -> Comparison:
    """Compare the networks of a table.

    Args:
        right: by network, what its finished seeds got right; all of the same N test images. With fewer than two images
            nothing can be compared.
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
            block = _block([right[names[i]] for i in own], [right[names[j]] for j in others], shared)
            mine = {place: row for row, place in enumerate(own)}
            theirs = {place: row for row, place in enumerate(others)}
            rows, columns = [mine[i] for i, _ in pairs], [theirs[j] for _, j in pairs]
            places |= {tuple(sorted(pair)): (len(blocks), at) for at, pair in enumerate(pairs)}  # type: ignore[misc]
            signs = np.array([1 if i < j else -1 for i, j in pairs])
            by_seed, image_squares, unlike, images = block
            found = errors(
                signs[:, None] * by_seed[rows, columns],
                image_squares[rows, columns],
                unlike[rows, columns],
                images,
            )
            blocks.append((found, unlike[rows, columns]))
    return Comparison(names, _correct(len(names), places, blocks, len(groups) == 1), places, tuple(blocks))


def _block(
    own: Sequence[Right], others: Sequence[Right], seeds: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return of A networks and B networks at the same S seeds all that their A · B differences are made of.

    (A, B, S) differences by seed, (A, B) squares of the images' means, (A, B) images on which they were unlike, added
    up over seeds, and the number of images. No pair is formed image by image: the squares follow from products of
    matrices.
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

    Where all networks have the same seeds, pairs that are equal make others equal; else each pair is about seeds of its
    own, and all count.
    """
    p_values = [_p_values(*block) for block in blocks]
    raw = [float(p_values[block][place]) for block, place in places.values()]
    return dict(zip(places, all_pairs(raw, nets) if same_seeds else holm(raw), strict=True))


def _p_values(found: Errors, unlike: np.ndarray) -> np.ndarray:
    if found.seeds > 1:
        return np.minimum(1.0, 2 * found.tail)
    won = np.abs(np.rint(found.mean * found.images))
    return exact_p_values((unlike - won) / 2, unlike)
