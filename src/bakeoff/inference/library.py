"""The models of a store: every finished run whose weights are there. No torch."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bakeoff.analysis.pick.record import read_records
from bakeoff.errors import BakeoffError
from bakeoff.lookup import hint
from bakeoff.spec.paths import weights_path
from bakeoff.spec.records import Result
from bakeoff.store.store import Store

FEWEST_DIGITS = 4
"""Minimum number of characters of a run's id that identify it."""

SHOWN_DIGITS = 8
"""Characters of a run's id that are shown."""


@dataclass(frozen=True)
class Listed:
    """One model. The field names are the keys of the JSON: they stay."""

    id: str
    net: str
    data: str
    recipe: str
    seed: int
    test_accuracy: float
    validation_accuracy: float | None
    latency_ms: float | None
    """Median for one image, on the machine of the training."""
    parameters: int | None
    bytes: int
    """Size of the file."""
    path: Path


def list_models(store: Store) -> list[Listed]:
    """Return all models of a store, the best by validation accuracy first within a data set."""
    found = []
    for result in store.results():
        path = weights_path(store.files, result.id)
        if result.state != "done" or not path.exists():
            continue
        measures = result.measures
        parameters = measures.get("parameters")
        found.append(
            Listed(
                id=result.id,
                net=result.run.net,
                data=result.data or result.run.data,
                recipe=result.run.recipe.name,
                seed=result.run.seed,
                test_accuracy=measures["test_accuracy"],
                validation_accuracy=selection_accuracy(result),
                latency_ms=measures.get("latency_ms_median"),
                parameters=None if parameters is None else int(parameters),
                bytes=path.stat().st_size,
                path=path,
            )
        )
    return sorted(found, key=lambda one: (one.data, -(one.validation_accuracy or 0.0), one.id))


def selection_accuracy(result: Result) -> float | None:
    """Return the validation accuracy of the reported epoch; None without validation, or with that on the test
    images."""
    epoch = int(result.measures.get("reported_epoch", len(result.epochs)))
    if result.run.recipe.validation == "test" or not 0 < epoch <= len(result.epochs):
        return None
    return result.epochs[epoch - 1].validation_accuracy


@dataclass(frozen=True)
class NamedModel:
    """The model that a name stands for."""

    models: tuple[Listed, ...]
    """The model, then those that differ from it only in their seed, the better first; an id has none of these."""
    reason: str = ""
    """Why "best" stands for it; empty for other names."""


def find_model(store: Store, name: str, data: str | None = None) -> NamedModel:
    """Return the model that `name` stands for: an id or its beginning, a network, or "best".

    "best" is the winner of the latest contest of `bakeoff pick` whose weights are there. Without such a contest, it is
    the network with the best mean validation accuracy over its seeds, and of these the best one; so is a network that
    was trained with several recipes or lengths.

    Raises:
        BakeoffError: there is none, or models of several data sets, or the weights were deleted.
    """
    models = [one for one in list_models(store) if data is None or one.data == data]
    if not models:
        raise BakeoffError(f"{store.path} has no trained model{f' for {data}' if data else ''}: train one first")
    if len(name) >= FEWEST_DIGITS and (by_id := [one for one in models if one.id.startswith(name)]):
        return NamedModel(tuple(by_id)) if len(by_id) == 1 else _refuse_several(name, [one.id for one in by_id])
    chosen = models if name == "best" else [one for one in models if one.net in (name, name.partition("@")[0])]
    if not chosen:
        raise BakeoffError(f"no model {name!r} in {store.path}: {hint(name, {'best', *(one.net for one in models)})}")
    if len(sets := {one.data for one in chosen}) > 1:
        raise BakeoffError(f"{name} was trained on {', '.join(sorted(sets))}: say which with --data")
    return _find_best(store, chosen) if name == "best" else NamedModel(_best_on_average(store, chosen))


def find_bests(store: Store, models: Sequence[Listed]) -> list[NamedModel]:
    """Return what "best" stands for on each data set of these models."""
    sets = dict.fromkeys(one.data for one in models)
    return [_find_best(store, [one for one in models if one.data == data]) for data in sets]


def describe_best(found: NamedModel, *, ensemble: bool = False) -> str:
    """Return what "best" stands for, and why, in a sentence without its stop."""
    best, *others = found.models
    seeds = f"{len(found.models)} seeds" if ensemble and others else f"seed {best.seed}, {best.id[:SHOWN_DIGITS]}"
    return f"best is {best.net}, recipe {best.recipe}, {seeds}: {found.reason}"


def _find_best(store: Store, models: Sequence[Listed]) -> NamedModel:
    """Return what "best" stands for among the models of one data set."""
    known = {one.id: one for one in models}
    for record in reversed(read_records(store.path)):
        if won := tuple(known[run] for run in record.pick.evaluated if run in known):
            return NamedModel(won, f"the winner of the contest on {won[0].data}")
    best = _best_on_average(store, models)
    return NamedModel(best, f"the best mean validation accuracy on {best[0].data}")


def _best_on_average(store: Store, models: Sequence[Listed]) -> tuple[Listed, ...]:
    """Return the seeds of the network and recipe with the best mean validation accuracy, the best first."""
    runs = {result.id: result.run for result in store.results()}
    cells: dict[tuple[str, ...], list[Listed]] = defaultdict(list)
    for one in models:
        run = runs[one.id]
        cells[run.net, run.weights, run.data_hash, run.recipe.key, str(run.protocol)].append(one)
    best = max(cells.values(), key=lambda seeds: fmean(one.validation_accuracy or 0.0 for one in seeds))
    return tuple(sorted(best, key=lambda one: -(one.validation_accuracy or 0.0)))


def _refuse_several(name: str, ids: Sequence[str]) -> NamedModel:
    raise BakeoffError(f"{name} is the beginning of {len(ids)} ids: {', '.join(ids)}; give more characters")
