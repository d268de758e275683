"""Which split a folder's name stands for, if any."""

import re

WORDS = {
    "train": "train",
    "training": "train",
    "trainval": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "validate": "validation",
    "dev": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "test": "test",
    "testing": "test",
}
"""Word → the split it stands for."""
FILLERS = frozenset(
    (
        *("set", "sets", "data", "dataset", "datasets", "split", "splits", "subset", "folder", "dir", "file", "files"),
        *("sample", "samples", "image", "images", "img", "imgs", "photo", "photos", "picture", "pictures"),
    )
)
"""Words that say nothing about the content of an image folder."""

BESIDE = frozenset(
    (
        *("query", "queries", "gallery", "probe", "distractors", "holdout", "unseen", "unlabeled", "unlabelled"),
        *("pred", "predict", "prediction", "submission", "extra"),
    )
)
"""Names of folders next to the training images that are not classes."""

PARTS = frozenset(("fold", "shard", "chunk", "split", "subset", "batch"))
"""Names of numbered parts of one data set."""


def words(name: str) -> list[str]:
    """Split a folder's name into lower-case words and numbers: "seg_trainSet-2" → seg, train, set, 2."""
    parts = re.findall(r"[^\W\d_]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    return [word for part in parts for word in _split_compound(part)]


def _split_compound(word: str) -> list[str]:
    """Split a compound: "trainset" → train, set."""
    for known in WORDS:
        rest = word.removeprefix(known)
        if rest != word and rest in FILLERS:
            return [known, rest]
    return [word]


def part_of(name: str) -> str | None:
    """Return the kind of part that a folder's name stands for ("fold" for "fold_3"), None if it is another name."""
    found = words(name)
    kinds = [word for word in found if word in PARTS]
    rest = [word for word in found if word not in PARTS and word not in FILLERS]
    return kinds[0] if len(kinds) == 1 and len(rest) == 1 and rest[0].isdigit() else None


def is_beside(name: str) -> bool:
    """Return whether a folder's name stands for images kept apart from training, such as "gallery"."""
    found = {word for word in words(name) if not word.isdigit()}
    return bool(found & BESIDE) and found <= BESIDE | FILLERS | set(WORDS)


def role_of(name: str) -> tuple[str | None, frozenset[str]]:
    """Return the split that a folder's name stands for, if any, and the remaining words.

    "train_val" is a training set; other names with two splits stand for neither.
    """
    found = words(name)
    roles = list(dict.fromkeys(WORDS[word] for word in found if word in WORDS))
    rest = frozenset(w for w in found if w not in WORDS and w not in FILLERS and not w.isdigit())
    return (roles[0] if len(roles) == 1 or set(roles) == {"train", "validation"} else None), rest
