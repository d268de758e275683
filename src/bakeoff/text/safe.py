"""Text from outside made safe to show: in a terminal, on the page, in Markdown, LaTeX, CSV and JSON.

Names of folders, classes, files, networks, studies and commands may hold anything. Whatever leaves the program goes
through one of these functions on its way out.
"""

import json
import math
import re
import unicodedata
from typing import Any

_UNSEEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters, the escape that starts a terminal's commands among them
    "\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # unseen, or turn text around
    "\U000e0001-\U000e007f"
    "\ud800-\udfff\ufdd0-\ufdef"  # no text at all: XML and UTF-8 refuse them
    + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
    + "]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str, keep: str = "") -> str:
    """Write out what is unseen or would be obeyed, as Python does: "\\x1b", "\\u202e"; characters in `keep` stay."""
    return _UNSEEN.sub(lambda found: found[0] if found[0] in keep else _written_out(found[0]), text)


def _written_out(character: str) -> str:
    code = ord(character)
    return _SHORT.get(character) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


PLAIN = {
    "×": "x",
    "–": "-",
    "—": "-",
    "−": "-",
    "‐": "-",
    "‑": "-",
    "·": "-",
    "•": "*",
    "…": "...",
    "±": "+-",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "≈": "~",
    "→": "->",
    "←": "<-",
    "↑": "^",
    "↓": "v",
    "∞": "inf",
    "√": "sqrt ",
    "✓": "+",
    "✗": "x",
    "█": "#",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "«": "<<",
    "»": ">>",
    "§": "sec. ",
    "°": " deg",
    "ß": "ss",
    "æ": "ae",
    "ø": "o",
    "σ": "sigma",
    "Σ": "sum ",
    "μ": "u",
    "µ": "u",
    "⌊": "floor(",
    "⌋": ")",
    "⌈": "ceil(",
    "⌉": ")",
    **dict.fromkeys(map(chr, range(0x2800, 0x2900)), "."),  # dots that turn
    **dict.fromkeys(map(chr, range(0x2500, 0x2580)), "+"),  # the lines of tables
    **dict.fromkeys("─━═╌╍┄┅┈┉╴╶╸╺", "-"),
    **dict.fromkeys("│┃║╎╏┆┇┊┋╵╷╹╻", "|"),
}
"""What stands for a character where there is none for it."""


def plain(text: str, encoding: str) -> str:
    """Replace what `encoding` has no characters for by what reads the same: "±" by "+-", "é" by "e".

    What has no likeness is written out, as `visible` does.
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_likeness(character, encoding) for character in text)
    return text


def _likeness(character: str, encoding: str) -> str:
    if _fits(character, encoding):
        return character
    bare = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    choices = (PLAIN.get(character), bare, _written_out(character))
    return next(choice for choice in choices if choice and _fits(choice, encoding))


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def json_text(value: Any, *, ascii_only: bool = False, indent: int | None = 2) -> str:
    """Return JSON as every reader takes it: what is not finite is null, and what `visible` writes out is escaped.

    Other characters stay unless `ascii_only`.
    """
    text = json.dumps(finite(value), indent=indent, ensure_ascii=ascii_only, allow_nan=False)
    return _UNSEEN.sub(lambda found: "\n" if found[0] == "\n" else json.dumps(found[0])[1:-1], text)


def finite(value: Any) -> Any:
    """Return a tree of dicts, lists and values with None for what is infinite or not a number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def csv_cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: an apostrophe before a text that would begin one.

    Where semicolons separate the cells, as in much of Europe, a text with one is two cells, one of two lines two rows.
    """
    return _FORMULA.sub(r"\1'", visible(value, keep="\n")) if isinstance(value, str) else value


_FORMULA = re.compile(r"(^|[;\n])(?=[=+\-@\n＝＋－＠])")


_OBEYED_BY_MARKDOWN = re.compile(r"[\\`*|<~$]|(?<![^\W_])_|_(?![^\W_])|(?<=\])\(|(?<=\])\[")


def markdown(text: str) -> str:
    """Return one line of Markdown that shows `text` and does nothing else, in a cell of a table too."""
    return _OBEYED_BY_MARKDOWN.sub(lambda found: f"\\{found[0]}", visible(text.replace("\n", " ")))


LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    '"': "\\textquotedbl{}",
    "[": "{[}",
    "]": "{]}",  # at the start of a line of a table it would be an option
    "–": "--",
    "—": "---",
    "’": "'",
    "‘": "`",
    "“": "``",
    "”": "''",
    "\u202f": "\\,",
    "\u00a0": "~",
    "…": "\\ldots{}",
    "·": "$\\cdot$",
    "×": "$\\times$",
    "±": "$\\pm$",
    "−": "$-$",
    "²": "$^2$",
    "→": "$\\to$",
    "≥": "$\\geq$",
    "≤": "$\\leq$",
    "≈": "$\\approx$",
    "√": "$\\surd$",
    "σ": "$\\sigma$",
    "μ": "$\\mu$",
}


def latex(text: str) -> str:
    """Return LaTeX that sets `text` as it is, in one paragraph."""
    return "".join(LATEX.get(character, character) for character in visible(text.replace("\n", " ")))


def in_a_figure(text: str) -> str:
    """Return what matplotlib draws as `text`: what stands between two dollar signs would be mathematics to it."""
    return visible(text).replace("$", r"\$")
