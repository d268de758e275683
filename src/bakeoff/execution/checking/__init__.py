"""Tries out a file with a network, a data set or a recipe, check by check, and reports each."""

from bakeoff.execution.checking.file import check_file
from bakeoff.execution.checking.report import Check, Report

__all__ = ["Check", "Report", "check_file"]
