"""Groups of images that must stay together: those of one patient, plant, video or track, and copies of an image.

scikit-learn's StratifiedGroupKFold only makes folds of equal size, takes 16 times as long, and may give different folds
in another version; since the splits are part of a run's identity, `divide` does the same with integers only.
"""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.text.formats import counted, listing

TEST_SHARES = (4, 1)
"""Shares of training and test images if there are groups, but no test split."""
PRECISION = 2**30
"""The weight of each class in `divide`, whatever its size."""


def number_groups(groups: Sequence[str]) -> np.ndarray | None:
    """Return the groups of N images as numbers, (N,) int64; None if no image has one.

    An image with an unknown group, "", forms a group of its own.
    """
    if not any(groups):
        return None
    return number_values(group or place for place, group in enumerate(groups))


def number_values(values: Iterable[Hashable]) -> np.ndarray:
    """Number N values in the order in which they first occur, equal ones alike: (N,) int64."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)


def join_groups(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the smallest groups (N,) that keep together those of `first` (N,) and those of `second` (N,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, columns = (np.unique(groups, return_inverse=True)[1] for groups in (first, second))
    columns = columns + rows.max() + 1
    nodes = int(columns.max()) + 1
    edges = coo_array((np.ones(len(rows), np.int8), (rows, columns)), (nodes, nodes))
    _, found = connected_components(edges, directed=False)
    return number_values(found[rows].tolist())


def divide(
    labels: np.ndarray, groups: np.ndarray, shares: Sequence[int], seed: int, *, grouped: bool = True
) -> np.ndarray:
    """Return the part, from 0 to P - 1, that each image goes to, (N,) int64. Groups stay together.

    Large groups come first, in random order among those of similar size. Each goes to the part that has the fewest
    images of its classes so far, relative to the part's share: the one with the least Σ x·(2·h + x) / (n·share), where
    x counts the group's images of a class, h the part's, and n all of them; this reduces the squared errors of the
    parts' class counts as much as one group can. Ties go to the part with the fewest images for its share. A part that
    gets nothing is given the smallest group of the part with the most groups.

    Args:
        labels: (N,) int64.
        groups: (N,) the group of each image.
        shares: the size of each of P parts, in proportion to each other.
        seed: of the order.
        grouped: whether groups were given, and `groups` are not just copies of an image, for the error.

    Raises:
        BakeoffError: there are fewer groups than parts.
    """
    classes, of_class = np.unique(labels, return_inverse=True)
    _, of_group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < len(shares):
        raise BakeoffError(_too_few(len(sizes), len(labels), len(shares), grouped))
    counts = np.zeros((len(sizes), len(classes)), np.int64)
    np.add.at(counts, (of_group, of_class), 1)
    weights = PRECISION // counts.sum(axis=0)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-np.floor(np.log2(sizes[order])), kind="stable")]
    had = np.zeros((len(shares), len(classes)), np.int64)
    parts = np.empty(len(sizes), np.int64)
    totals, weight_of = np.zeros(len(shares), np.int64), np.asarray(shares)
    for group in order:
        own = np.flatnonzero(counts[group])
        some = counts[group, own]
        costs = (some * (2 * had[:, own] + some) * weights[own]).sum(axis=1) / shares
        equal = np.flatnonzero(costs == costs.min())
        parts[group] = part = int(equal[(totals[equal] / weight_of[equal]).argmin()]) if len(equal) > 1 else equal[0]
        had[part, own] += some
        totals[part] += some.sum()
    for empty in np.setdiff1d(np.arange(len(shares)), parts):
        fullest = np.flatnonzero(parts == np.bincount(parts, minlength=len(shares)).argmax())
        parts[fullest[sizes[fullest].argmin()]] = empty
    return parts[of_group]


def _too_few(groups: int, images: int, parts: int, grouped: bool) -> str:
    """Return why so few groups cannot be divided, or images, if no groups were given but copies stay together."""
    what, why = ("group", ", since images of one group stay together") if grouped else ("image", "")
    if not grouped and groups < images:
        what, why = "different image", ", since copies of an image stay together"
    advice = f": choose at most {groups}" if groups > 1 else ""
    return f"{counted(groups, what)} cannot be divided into {parts} parts{why}{advice}"


def require_groups(given: str) -> None:
    """Refuse an empty text as the option --groups.

    Raises:
        BakeoffError: it is empty.
    """
    if not given.strip():
        raise BakeoffError(
            "--groups takes a column of a table, or a regular expression such as '(?P<group>[^_]+)_'; got an empty "
            "text: leave it out if no images belong together"
        )


def read_groups(pattern: str, files: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the groups of every split, from the names of the files; "" for an image that belongs to none.

    Args:
        pattern: a regular expression that is searched in the names of the files, or in their paths below the folder if
            it contains a slash or tells no group of any name. The group is what `(?P<group>…)` matches; without it, all
            other parts in parentheses; without these, the whole match.
        files: split → paths.

    Raises:
        BakeoffError: the pattern is not a regular expression, some file does not match, or all groups are empty.
    """
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise BakeoffError(f"--groups {pattern}: not a valid regular expression ({error})") from error
    names = {split: [path.rpartition("/")[2] for path in paths] for split, paths in files.items()}
    found = {} if "/" in pattern else _search(regex, names)
    by_path = not any(map(any, found.values()))
    if by_path:
        found = _search(regex, files)
    searched = files if by_path else names
    missed = [
        text for split, texts in searched.items() for text, own in zip(texts, found[split], strict=True) if own is None
    ]
    if missed:
        where, images = "paths" if by_path else "file names", sum(map(len, files.values()))
        other = "" if by_path else " (with a slash, it is searched in the paths below the folder)"
        raise BakeoffError(
            f"--groups {pattern} finds no group in {len(missed):,} of {images:,} {where}, such as "
            f"{listing(missed[:3])}: write an expression that matches all{other}; |$ at its end leaves the others "
            "ungrouped"
        )
    if not any(map(any, found.values())):
        raise BakeoffError(f"--groups {pattern} matches all images, but no text that could be the name of a group")
    return {split: tuple(own or "" for own in each) for split, each in found.items()}


def _search(regex: re.Pattern[str], texts: Mapping[str, Sequence[str]]) -> dict[str, list[str | None]]:
    """Return the group that each text names, None if it does not match."""
    return {split: [_group_of(regex.search(text), regex) for text in each] for split, each in texts.items()}


def _group_of(match: re.Match[str] | None, regex: re.Pattern[str]) -> str | None:
    if match is None:
        return None
    own = (match["group"],) if "group" in regex.groupindex else match.groups() or (match[0],)
    return "/".join(part or "" for part in own) if any(own) else ""
