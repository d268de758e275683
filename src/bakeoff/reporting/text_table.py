"""A table of texts, for a terminal or as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bakeoff.text.safe import markdown


@dataclass(frozen=True)
class TextTable:
    """A title, columns and rows, and notes below them."""

    title: str
    columns: tuple[tuple[str, bool], ...]
    """(heading, whether the column holds numbers)."""
    rows: tuple[tuple[str, ...], ...]
    below: tuple[str, ...] = ()

    def markdown(self) -> str:
        """Return the table as Markdown, ending with a line break."""
        lines = [f"### {markdown(self.title)}", ""] if self.title else []
        lines.append(_line([name for name, _ in self.columns]))
        lines.append("|" + "|".join("--:" if numeric else ":--" for _, numeric in self.columns) + "|")
        lines += [_line(row) for row in self.rows]
        for text in self.below:
            lines += ["", markdown(text)]
        return "\n".join([*lines, ""])


def to_markdown(tables: Sequence[TextTable], paragraphs: Sequence[str] = ()) -> str:
    """Return paragraphs and, after them, tables as Markdown."""
    return "\n".join([*(f"{markdown(text)}\n" for text in paragraphs), *(table.markdown() for table in tables)])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(markdown, cells)) + " |"


@dataclass
class Footnotes:
    """Notes that several rows may share, each with a letter."""

    letters: dict[str, str] = field(default_factory=dict)

    def refer(self, texts: Sequence[str]) -> str:
        """Return the letters of the texts, " (a, c)", adding texts that are new."""
        for text in texts:
            self.letters.setdefault(text, _letter(len(self.letters)))
        letters = sorted({self.letters[text] for text in texts}, key=lambda letter: (len(letter), letter))
        return f" ({', '.join(letters)})" if letters else ""

    def lines(self) -> tuple[str, ...]:
        """Return one line per text, after its letter."""
        return tuple(f"({letter}) {text}" for text, letter in self.letters.items())


def _letter(number: int) -> str:
    """Return a, b, …, z, aa, ab, …"""
    return (_letter(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)
