"""Files that commands write where the user says: those that bakeoff wrote are replaced, others only if asked."""

import re
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import check_output

ENDS = 1 << 16
"""Bytes read at each end of a file."""
BEGINNINGS = re.compile(
    rb'\A(?:<!doctype html>.{1,2000}<meta name="generator" content="bakeoff">'
    rb"|---\n[^\n]+\nlibrary_name: \"?bakeoff\"?\n"  # a card
    rb"|### [^\n]+\n\nReported epoch: "  # the ranking as Markdown, LaTeX and CSV
    rb"|% In the preamble: \\usepackage\{booktabs\}\n\\begin\{table\}"
    rb"|data,recipe,rank,net,"
    rb"|recipe = [^\n]+\n.*\n\[tuned\]\n)",
    re.DOTALL,
)
"""How the texts begin that bakeoff writes."""
CONTENTS = {
    **dict.fromkeys((".onnx", ".pt2", ".safetensors", ".png", ".svg", ".pdf"), b"bakeoff"),
    ".parquet": b"test_accuracy_low",
}
"""Extension → what the metadata of such a file contain if bakeoff wrote it."""


def check_replaceable(target: Path, *, overwrite: bool = False) -> None:
    """Check that a file can be written, and that none is lost that bakeoff did not write, before the work begins.

    Raises:
        BakeoffError: it cannot be written; or it exists, bakeoff did not write it, and `overwrite` is false.
    """
    check_output(target)
    if not overwrite and target.is_file() and not is_written_by_bakeoff(target):
        raise BakeoffError(
            f"{target} exists, and bakeoff did not write it: choose another name, or add --overwrite to replace it"
        )


def is_written_by_bakeoff(path: Path) -> bool:
    """Return whether a file looks like one that bakeoff wrote; there is nothing to lose in an empty one.

    Raises:
        BakeoffError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            head, size = file.read(ENDS), path.stat().st_size
            file.seek(max(0, size - ENDS))
            tail = file.read(ENDS)
    except OSError as error:
        raise BakeoffError(f"cannot read {path}: {error.strerror or error}") from error
    if sign := CONTENTS.get(path.suffix.lower()):
        return not head or sign in head or sign in tail
    return not head or BEGINNINGS.match(head) is not None
