"""What the names of folders say: which split is in them, if they speak of one."""

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
"""Words by which folders are called for the split that they hold."""
FILLERS = frozenset(
    (
        *("set", "sets", "data", "dataset", "datasets", "split", "splits", "subset", "folder", "dir", "file", "files"),
        *("sample", "samples", "image", "images", "img", "imgs", "photo", "photos", "picture", "pictures"),
    )
)
"""Words that say nothing of what is in a folder of images."""

BESIDE = frozenset(
    (
        *("query", "queries", "gallery", "probe", "distractors", "holdout", "unseen", "unlabeled", "unlabelled"),
        *("pred", "predict", "prediction", "submission", "extra"),
    )
)
"""Words by which folders are called that lie beside training images without being classes."""

PARTS = frozenset(("fold", "shard", "chunk", "split", "subset", "batch"))
"""Words by which numbered parts of one data set are called."""


def words(name: str) -> list[str]:
    """Return the words and numbers of a folder's name in lower case: "seg_trainSet-2" → seg, train, set, 2."""
    parts = re.findall(r"[^\W\d_]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    return [word for part in parts for word in _parted(part)]


def _parted(word: str) -> list[str]:
    """Part what is written as one: "trainset" → train, set."""
    for known in WORDS:
        rest = word.removeprefix(known)
        if rest != word and rest in FILLERS:
            return [known, rest]
    return [word]


def part_of(name: str) -> str | None:
    """Return what numbered part a folder's name says it is, as "fold" of "fold_3"; None if it says something else."""
    found = words(name)
    kinds = [word for word in found if word in PARTS]
    rest = [word for word in found if word not in PARTS and word not in FILLERS]
    return kinds[0] if len(kinds) == 1 and len(rest) == 1 and rest[0].isdigit() else None


def is_beside(name: str) -> bool:
    """Say whether a folder's name speaks of nothing but images that are kept apart from the training."""
    found = {word for word in words(name) if not word.isdigit()}
    return bool(found & BESIDE) and found <= BESIDE | FILLERS | set(WORDS)


def role_of(name: str) -> tuple[str | None, frozenset[str]]:
    """Return the split that a folder's name speaks of, and the words that speak of something else.

    "train_val" is a training set; of other names with two splits neither is meant.
    """
    found = words(name)
    roles = list(dict.fromkeys(WORDS[word] for word in found if word in WORDS))
    rest = frozenset(w for w in found if w not in WORDS and w not in FILLERS and not w.isdigit())
    return (roles[0] if len(roles) == 1 or set(roles) == {"train", "validation"} else None), rest
