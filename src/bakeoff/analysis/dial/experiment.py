"""Experiments: one thing about a data set changed step by step, the levels, and their runs in a store.

The runs form a study, so they are trained, stored and resumed like any other. No torch.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
import numpy as np

from bakeoff.data import stand_in
from bakeoff.data.grade import DIALS, IN_THE_RECIPE
from bakeoff.data.graded import Grade, split_name
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import DataInfo, data_label
from bakeoff.spec.records import DataRecord, Result
from bakeoff.spec.values import digest
from bakeoff.store.store import Store
from bakeoff.studies.recipes import recipe_for
from bakeoff.studies.study import Study
from bakeoff.studies.tables import Exceptional, GridCell, Turn
from bakeoff.studies.toml import parse_study

GEOMETRIC = ("contrast", "classes", "imbalance", "images-per-class")
"""Dials whose levels are a factor apart: their axis is logarithmic."""
STRONGEST: Mapping[str, float] = {
    "colour": 0.0,
    "contrast": 1 / 16,
    "resolution": 0.25,
    "clutter": 16.0,
    "imbalance": 100.0,
}
"""The default levels of dials."""
MOST_PER_CLASS = 1000
"""With more images of each class, they have to be given explicitly."""

MOST_STEPS = 100


def default_levels(dial: str, info: DataInfo, steps: int) -> tuple[float, ...]:
    """Return `steps` levels of a dial that suit a data set, starting from the unchanged images, or from most of them.

    Raises:
        BakeoffError: fewer than two steps, or more than `MOST_STEPS`.
    """
    if steps < 2:
        raise BakeoffError(f"a curve takes at least 2 steps, not {steps}")
    if steps > MOST_STEPS:
        raise BakeoffError(f"a curve takes at most {MOST_STEPS} steps, not {steps}")
    if dial == "upscale":
        return tuple(float(times) for times in range(1, steps + 1))
    count = len(info.classes)
    if dial == "images-per-class":
        most = max(20, min(MOST_PER_CLASS, info.train_images // count * 9 // 10))
        return _round(np.geomspace(most, 10, steps), whole=True)
    if dial == "label-noise":
        return _round(np.linspace(0, 0.8 if count > 5 else 0.4, steps))
    if dial == "classes":
        return _round(np.geomspace(count, 2, steps), whole=True)
    start, end = DIALS[dial].original, STRONGEST[dial]
    assert start is not None
    if dial == "clutter":
        return _round([0, *np.geomspace(end / 2 ** (steps - 2), end, steps - 1)], whole=True)
    return _round((np.geomspace if dial in (*GEOMETRIC, "resolution") else np.linspace)(start, end, steps))


def _round(levels: Iterable[float], whole: bool = False) -> tuple[float, ...]:
    """Return levels to three figures, or as whole numbers, each once."""
    return tuple(dict.fromkeys(float(round(level)) if whole else float(f"{level:.3g}") for level in levels))


def make_study(
    data: str, dials: Sequence[str], info: DataInfo, steps: int, levels: Sequence[float] | None, nets: Sequence[str]
) -> Study:
    """Return the study that turns each of `dials` of a data set, at `levels` or at `steps` levels that suit it."""
    turns = tuple(
        msgspec.convert(
            {"turn": dial, "data": data, "levels": tuple(levels or default_levels(dial, info, steps))}, Turn
        )
        for dial in dials
    )
    return Study(
        name=f"dial {data}",
        about=f"How networks respond to {' and to '.join(dials)} of {data_label(data)}.",
        nets=tuple(nets),
        data=(data,),
        cells=(Exceptional(leave_out=True),),
        dials=turns,
    )


@dataclass
class Experiment:
    """The runs of one experiment, from all studies that contain it."""

    turn: str
    data: str
    """Its name in tables."""
    planned: set[tuple[str, float, int]] = field(default_factory=set)
    """(network, level, seed)."""
    found: dict[tuple[str, float], dict[int, Result]] = field(default_factory=dict)
    """(network, level) → seed → the result, if it has finished."""
    guesses: dict[str, Turn] = field(default_factory=dict)
    """Question → the guess about it."""

    @property
    def levels(self) -> tuple[float, ...]:
        """Those with a result, from what changes nothing to the strongest."""
        dial = DIALS.get(self.turn)
        falls = self.turn == "images-per-class" or (dial is not None and dial.original in (None, dial.reach[1]))
        return tuple(sorted({level for _, level in self.found}, reverse=falls))

    @property
    def nets(self) -> tuple[str, ...]:
        """Those with a result, in the order of the study."""
        return tuple(dict.fromkeys(net for net, _ in self.found))

    @property
    def recipe(self) -> str:
        """The recipe's name, with the changes that all levels share."""
        names = {result.run.recipe.name for own in self.found.values() for result in own.values()}
        name = min(sorted(names), key=len)
        if self.turn in IN_THE_RECIPE:
            name = re.sub(rf"(, |(?<=\())({re.escape(IN_THE_RECIPE[self.turn].field)}=[^,)]+)", "", name)
        return name.replace("(, ", "(").removesuffix(" ()")


def experiments(store: Store, study: Study | None = None) -> list[Experiment]:
    """Return the experiments that were run into a store, or those of one study, that have a result."""
    studies = [own for own in ([study] if study else _studies(store)) if own.dials]
    if not studies:
        return []
    records = store.datasets()
    by_net: dict[str, list[Result]] = {}
    for result in store.results():
        if result.state == "done":
            by_net.setdefault(result.run.net, []).append(result)
    found: dict[str, Experiment] = {}
    for own in studies:
        for turn in own.turns():
            _gather(own, turn, by_net, records, found)
    return [one for one in found.values() if one.found]


def _studies(store: Store) -> Iterator[Study]:
    for text in dict.fromkeys(text for _, _, text in store.studies()):
        with suppress(BakeoffError):  # a study of another version is ignored, and must not break the page
            yield parse_study(text, "a study of the store")


def _gather(
    study: Study,
    turn: Turn,
    by_net: Mapping[str, Sequence[Result]],
    records: Mapping[str, DataRecord],
    found: dict[str, Experiment],
) -> None:
    """Add the runs of an experiment to those of the same one in other studies: other networks, levels, seeds."""
    data, cells = study.used(turn.data), list(study.turned(turn))
    treatments = {digest([cell.recipe, cell.changes]) for _, cell in cells}
    one = found.setdefault(digest([data, turn.turn, sorted(treatments)]), Experiment(turn.turn, data_label(data)))
    if turn.favours:
        one.guesses[turn.asks] = turn
    for level, cell in cells:
        one.planned |= {(cell.net, level, seed) for seed in range(study.first_seed, study.first_seed + study.seeds)}
        for result in by_net.get(cell.net, ()):
            if _is_of(result, study, cell, records):
                one.found.setdefault((cell.net, level), {})[result.run.seed] = result


def _is_of(result: Result, study: Study, cell: GridCell, records: Mapping[str, DataRecord]) -> bool:
    """Return whether a run belongs to a cell."""
    facts = records[result.run.data_hash].facts
    base, grades = split_name(result.run.data)
    known, wanted = split_name(study.used(cell.data))
    if base != known or _turned(grades, None) != _turned(wanted, None if _keeps(grades) else len(facts["classes"])):
        return False
    try:
        info = msgspec.convert({name: facts[name] for name in DataInfo.__struct_fields__}, DataInfo)
        return recipe_for(cell, stand_in(info, cell.data)).key == result.run.recipe.key
    except (KeyError, BakeoffError):
        return False


def _keeps(grades: Iterable[Grade]) -> bool:
    return any(grade.dial == "classes" for grade in grades)


def _turned(grades: Iterable[Grade], classes: int | None) -> list[Grade]:
    """Return the grades that change something; keeping all classes does not."""
    return [
        grade for grade in grades if grade.level != (classes if grade.dial == "classes" else DIALS[grade.dial].original)
    ]
