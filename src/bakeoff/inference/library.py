"""The models of a store: every finished run whose weights are there. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.lookup import hint
from bakeoff.spec.paths import weights_path
from bakeoff.spec.records import Result
from bakeoff.store.store import Store

FEWEST_DIGITS = 4
"""Minimum number of characters of a run's id that identify it."""


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


def find_models(store: Store, name: str, data: str | None = None) -> list[Listed]:
    """Return the models that `name` stands for, the best first: an id or its beginning, a network, or "best".

    Raises:
        BakeoffError: there is none, or models of several data sets, or the weights were deleted.
    """
    models = [one for one in list_models(store) if data is None or one.data == data]
    if not models:
        raise BakeoffError(f"{store.path} has no trained model{f' for {data}' if data else ''}: train one first")
    if len(name) >= FEWEST_DIGITS and (by_id := [one for one in models if one.id.startswith(name)]):
        return by_id[:1] if len(by_id) == 1 else _refuse_several(name, [one.id for one in by_id])
    chosen = models if name == "best" else [one for one in models if one.net in (name, name.partition("@")[0])]
    if not chosen:
        raise BakeoffError(f"no model {name!r} in {store.path}: {hint(name, {'best', *(one.net for one in models)})}")
    if len(sets := {one.data for one in chosen}) > 1:
        raise BakeoffError(f"{name} was trained on {', '.join(sorted(sets))}: say which with --data")
    return sorted(chosen, key=lambda one: -(one.validation_accuracy or 0.0))


def _refuse_several(name: str, ids: Sequence[str]) -> list[Listed]:
    raise BakeoffError(f"{name} is the beginning of {len(ids)} ids: {', '.join(ids)}; give more characters")


def find_seeds(models: Sequence[Listed]) -> list[Listed]:
    """Return the models that differ from the first only in their seed."""
    first = models[0]
    return [one for one in models if (one.net, one.data, one.recipe) == (first.net, first.data, first.recipe)]
