"""The HTML page of a store, its ranking in text formats, and figures. No torch."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bakeoff.reporting.page import build_page, write

__all__ = ["build_page", "write"]


def __getattr__(name: str) -> Any:
    """Import the page only for those who make one, which takes a tenth of a second: tables and sentences do without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from bakeoff.reporting import page

    return getattr(page, name)
