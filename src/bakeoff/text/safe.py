"""Escaping of untrusted text for terminals, HTML, Markdown, LaTeX, CSV, JSON and figures.

Names of folders, classes, files, networks, studies and commands may contain anything. All output of the program goes
through one of these functions.
"""

import json
import math
import re
import unicodedata
from typing import Any

_INVISIBLE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters, including the escape that starts terminal commands
    "\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, or set direction
    "\U000e0001-\U000e007f"
    "\ud800-\udfff\ufdd0-\ufdef"  # invalid in XML and UTF-8
    + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
    + "]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str, keep: str = "") -> str:
    """Escape invisible and control characters as Python does: "\\x1b", "\\u202e"; characters in `keep` stay."""
    return _INVISIBLE.sub(lambda found: found[0] if found[0] in keep else _escape(found[0]), text)


def _escape(character: str) -> str:
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
    **dict.fromkeys(map(chr, range(0x2800, 0x2900)), "."),  # spinners
    **dict.fromkeys(map(chr, range(0x2500, 0x2580)), "+"),  # box drawing
    **dict.fromkeys("─━═╌╍┄┅┈┉╴╶╸╺", "-"),
    **dict.fromkeys("│┃║╎╏┆┇┊┋╵╷╹╻", "|"),
}
"""Replacements for characters that an encoding lacks."""


def plain(text: str, encoding: str) -> str:
    """Replace characters that `encoding` lacks by similar ones: "±" by "+-", "é" by "e".

    Characters without a replacement are escaped as by `visible`.
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_replacement(character, encoding) for character in text)
    return text


def _replacement(character: str, encoding: str) -> str:
    if _encodes(character, encoding):
        return character
    bare = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    choices = (PLAIN.get(character), bare, _escape(character))
    return next(choice for choice in choices if choice and _encodes(choice, encoding))


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def json_text(value: Any, *, ascii_only: bool = False, indent: int | None = 2) -> str:
    """Return standard JSON: values that are not finite become null, and invisible characters are escaped.

    Other characters are escaped only if `ascii_only`.
    """
    text = json.dumps(finite(value), indent=indent, ensure_ascii=ascii_only, allow_nan=False)
    return _INVISIBLE.sub(lambda found: "\n" if found[0] == "\n" else json.dumps(found[0])[1:-1], text)


def finite(value: Any) -> Any:
    """Return a tree of dicts, lists and values with None for infinities and NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def csv_cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: text that would begin one gets an apostrophe.

    A spreadsheet may split the text into more cells: at semicolons, which separate cells in much of Europe, and at
    line breaks.
    """
    return _FORMULA.sub(r"\1'", visible(value, keep="\n")) if isinstance(value, str) else value


_FORMULA = re.compile(r"(^|[;\n])(?=[=+\-@\n＝＋－＠])")


_MARKDOWN = re.compile(r"[\\`*|<~$]|(?<![^\W_])_|_(?![^\W_])|(?<=\])\(|(?<=\])\[")


def markdown(text: str) -> str:
    """Return one line of Markdown that shows `text` literally, also in a table cell."""
    return _MARKDOWN.sub(lambda found: f"\\{found[0]}", visible(text.replace("\n", " ")))


LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    '"': "\\textquotedbl{}",
    "[": "{[}",
    "]": "{]}",  # at the start of a table row it would be an optional argument
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
    """Return LaTeX that typesets `text` literally, in one paragraph."""
    return "".join(LATEX.get(character, character) for character in visible(text.replace("\n", " ")))


def in_a_figure(text: str) -> str:
    """Return `text` for matplotlib, which would read text between dollar signs as mathematics."""
    return visible(text).replace("$", r"\$")


def file_name(text: str) -> str:
    """Return text as the name of a file or folder on any system, never one that leads elsewhere."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", text).strip(". ")[:100] or "_"
