"""Puts what a benchmark measured into a page: between `<!-- NAME: … -->` and `<!-- end of NAME -->`."""

import re
from pathlib import Path


def block_of(page: str, name: str) -> re.Match[str] | None:
    """Return the block: its first line, its content and its last line are groups 1 to 3."""
    return re.search(rf"(<!-- {name}: .*? -->\n)(.*?)(<!-- end of {name} -->)", page, re.DOTALL)


def write_block(path: Path, name: str, text: str) -> None:
    """Replace the content of the block `name` of a page.

    Raises:
        SystemExit: the page has no such block.
    """
    page = path.read_text(encoding="utf-8")
    block = block_of(page, name)
    if block is None:
        raise SystemExit(f"{path} has no place for them: <!-- {name}: … --> and <!-- end of {name} -->")
    path.write_text(f"{page[: block.start(2)]}\n{text}\n\n{page[block.end(2) :]}", encoding="utf-8")
