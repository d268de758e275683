"""The Python interface: the same things as the command line, with results to work on."""

from bakeoff.api.experiments import Experiments, ablate, dial
from bakeoff.api.picking import Picked, pick
from bakeoff.api.results import Results
from bakeoff.api.running import estimate, reproduce, run
from bakeoff.api.stores import answer, audit, compare, forget, load, merge, report
from bakeoff.api.tuning import Tuned, tune
from bakeoff.console.answers import Answer
from bakeoff.console.estimate import Estimate

__all__ = [
    "Answer",
    "Estimate",
    "Experiments",
    "Picked",
    "Results",
    "Tuned",
    "ablate",
    "answer",
    "audit",
    "compare",
    "dial",
    "estimate",
    "forget",
    "load",
    "merge",
    "pick",
    "report",
    "reproduce",
    "run",
    "tune",
]
