"""The template engine of the page and the notebook: escaping, formats, and a little markup in sentences."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from bakeoff.analysis.flaws import WORDS
from bakeoff.reporting.tables import format_rank
from bakeoff.text import formats
from bakeoff.text.safe import visible

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parent / "templates"
FORMATS = ("percent", "span", "duration", "count", "short", "counted")
"""Functions of `text.formats` that templates may call."""


PATH = re.compile(r"""(?<![\w/\\.~-])(~|[A-Za-z]:(?=\\))?[/\\](?![/\\])([^\s/\\'"<>|:*?]+[/\\])+""")
"""The folders of an absolute path."""


def shorten_paths(text: str) -> str:
    """Return a text without the folders of absolute paths: "/home/ada/photos/a.png" → "…/a.png"."""
    return text if text.startswith("data:image/") else PATH.sub("…/", text)


def make_environment(*, full_paths: bool = True) -> "jinja2.Environment":
    """Return the template environment: escaping on, and the formats of numbers available.

    Unless `full_paths`, texts lose the folders of absolute paths.
    """
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_make_visible if full_paths else lambda value: _make_visible(_shorten(value)),
    )
    made.filters |= {"bold": bold, "code": code, "sortable": sortable, "squeeze": squeeze}
    made.globals |= {name: getattr(formats, name) for name in FORMATS}
    made.globals |= {"format_rank": format_rank, "FLAWS": WORDS}
    return made


def bold(sentence: str) -> Markup:
    """Turn the **names** of a sentence into strong elements."""
    return _wrap_alternate(sentence.split("**"), "strong")


def code(sentence: str) -> Markup:
    """Turn the `commands` of a sentence into code elements."""
    return _wrap_alternate(sentence.split("`"), "code")


def _wrap_alternate(parts: Sequence[str], name: str) -> Markup:
    made = Markup(f"<{name}>{{}}</{name}>")
    seen = [visible(part) for part in parts]
    return Markup("").join(made.format(part) if number % 2 else escape(part) for number, part in enumerate(seen))


def sortable(text: str) -> str:
    """Return the sort key of a number: "1,234" → "1234.0"; empty for other text."""
    try:
        return str(float(text.replace(",", "").replace("−", "-")))
    except ValueError:
        return ""


def squeeze(html: Markup) -> Markup:
    """Return markup without the indentation of its lines and without empty ones; not for preformatted text."""
    return Markup(re.sub(r"\s*\n\s*", "\n", html))


def _shorten(value: Any) -> Any:
    return value if not isinstance(value, str) or isinstance(value, Markup) else shorten_paths(value)


def _make_visible(value: Any) -> Any:
    """Escape invisible characters in text; leave our own markup alone."""
    return value if not isinstance(value, str) or isinstance(value, Markup) else visible(value, keep="\n\t")
