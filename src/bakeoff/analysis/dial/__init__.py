"""Experiments that change one thing about a data set step by step, and their results. No torch."""

from bakeoff.analysis.dial.choose import choose_dials
from bakeoff.analysis.dial.experiment import default_levels, make_study
from bakeoff.analysis.dial.response import Response, read_responses

__all__ = ["Response", "choose_dials", "default_levels", "make_study", "read_responses"]
