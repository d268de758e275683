"""The Markdown files of the repository, and what is in them."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?P<fence>```+|~~~+)(?P<language>[^\n]*)\n(?P<body>.*?)^(?P=fence)\s*$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Return README, CONTRIBUTING and all pages of the documentation."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    """Return the path in the repository, for messages."""
    return page.relative_to(ROOT).as_posix()


def without_code(text: str) -> str:
    """Return the text without blocks and spans of code."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def links(text: str) -> Iterator[str]:
    """Yield the targets of links and images, without titles."""
    for match in re.finditer(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)", without_code(text)):
        yield match[1]


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings, as GitHub and the site name them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\]\([^)]*\)", "", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = sum(1 for anchor in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", anchor))
        found.add(f"{slug}-{number}" if number else slug)
    return found | set(re.findall(r'(?:id|name)="([^"]+)"', text))


def commands(text: str) -> Iterator[str]:
    """Yield the command lines of bakeoff that blocks of code show, lines that end in a backslash joined.

    Where some lines of a block have a prompt, `$ `, the others are output.
    """
    for block in FENCE.finditer(text):
        if block["language"].strip() in ("", "console", "bash", "sh"):
            lines = re.sub(r"\s*\\\n\s*", " ", block["body"]).splitlines()
            prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
            yield from (line for line in prompted or lines if re.match(r"(python -m )?bakeoff( |$)", line))
