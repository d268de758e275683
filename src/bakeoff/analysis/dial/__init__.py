"""Experiments with one thing about a data set turned step by step, and what came of them. No torch."""

from bakeoff.analysis.dial.experiment import default_levels, make_study
from bakeoff.analysis.dial.response import Response, responses

__all__ = ["Response", "default_levels", "make_study", "responses"]
