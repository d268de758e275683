"""Measures the quality of a run, and its cost."""
