"""Facts about the groups of a data set, and whether its own splits separate any."""

from collections import Counter
from itertools import combinations

from bakeoff.data.dataset import Dataset
from bakeoff.spec.values import Value


class GroupFacts(Value, frozen=True):
    """The groups of a data set; images with an unknown group are not counted."""

    groups: int
    images: int
    """Images that belong to a group."""
    largest: int
    """Images of the largest group."""
    largest_name: str
    across: dict[str, int]
    """Per pair of splits such as "train-test", groups with images in both."""
    known: tuple[int, ...]
    """Positions of the test images whose group has training or validation images."""


def find_groups(dataset: Dataset) -> GroupFacts | None:
    """Return the facts about the groups of a data set; None if no image has a group."""
    splits = dataset.splits()
    counts = Counter(group for images in splits.values() for group in images.groups if group)
    if not counts:
        return None
    own = {name: set(images.groups) - {""} for name, images in splits.items()}
    elsewhere = set().union(*(groups for name, groups in own.items() if name != "test"))
    name, largest = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return GroupFacts(
        groups=len(counts),
        images=counts.total(),
        largest=largest,
        largest_name=name,
        across={"-".join(pair): len(own[pair[0]] & own[pair[1]]) for pair in combinations(splits, 2)},
        known=tuple(place for place, group in enumerate(dataset.test.groups) if group in elsewhere),
    )
