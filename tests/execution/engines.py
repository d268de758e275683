"""What the tests of several engines share: what they must agree on."""

from pathlib import Path

from planned import ONE

import tiny
from bakeoff.execution.execute import execute
from bakeoff.execution.plan import Plan
from bakeoff.execution.session import keep_own_networks
from bakeoff.store.store import Store


def results(store: Store) -> dict:
    """Everything that must not differ between engines, by run."""
    found = {}
    for result in store.results():
        history = [
            {name: getattr(epoch, name) for name in epoch.__struct_fields__ if not tiny.is_cost(name)}
            for epoch in result.epochs
        ]
        found[result.id] = history, store.predictions(result.id)[1].tobytes(), tiny.without_times(result.measures)
    return found


def trained_here(made: Plan, folder: Path) -> dict:
    """The local pool's results of a plan."""
    with Store(folder / "local.db", create=True) as store:
        keep_own_networks(made, store.files)
        list(execute(made, store, ONE))
        return results(store)
