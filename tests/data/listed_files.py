"""Listing of a folder of empty files."""

from bakeoff.data.tree import list_images


def touch(root, *paths: str):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")


def found(root) -> list[tuple[str, str, str]]:
    tree = list_images(root)
    return [(file.path, file.split, tree.classes[file.label]) for file in tree.files]
