"""The page about a store, and its ranking as JSON, CSV and Markdown. No torch."""

from bakeoff.reporting.page import build, write

__all__ = ["build", "write"]
