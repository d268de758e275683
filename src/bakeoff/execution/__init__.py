"""Executing many runs: planning, trying networks out, estimating time, training in workers, measuring afterwards."""
