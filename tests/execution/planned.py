"""Small studies that the tests plan and execute."""

from collections import Counter

import tiny
from bakeoff.execution.execute import Event
from bakeoff.execution.worker import Placement
from bakeoff.store.store import Store
from bakeoff.studies.study import Study
from bakeoff.studies.tables import Exceptional

ONE = Placement(1, 1)
WILD = Exceptional(nets=("nin",), set={"optimizer.name": "sgd", "optimizer.lr": 1e30})
"""A cell that diverges at once."""


def study(**changes) -> Study:
    small = {"name": "tiny", "nets": ("lenet-afif",), "data": ("digits",), "seeds": 2, "set": tiny.DIGITS}
    return Study(**small | changes)


def kinds(events: list[Event]) -> Counter:
    return Counter(event.kind for event in events if event.kind != "step")


def predictions(store: Store) -> dict[str, bytes]:
    return {r.id: store.predictions(r.id)[1].tobytes() for r in store.results() if r.state == "done"}
