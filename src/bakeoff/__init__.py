"""Which network is best for these images, at what cost, and how sure are we?

`run` trains networks on data sets and returns `Results`; `load` opens those of a store; `compare` sets them beside
what a study published; `ablate` tells which of the changes between two networks gained it; `report` writes the page;
`forget` removes runs.
Nothing heavy is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bakeoff.api import Results, ablate, compare, forget, load, report, run
    from bakeoff.errors import BakeoffError

__all__ = ["BakeoffError", "Results", "ablate", "compare", "forget", "load", "report", "run"]

_HOMES = dict.fromkeys(set(__all__) - {"BakeoffError"}, "api") | {"BakeoffError": "errors"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"bakeoff.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'bakeoff' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
