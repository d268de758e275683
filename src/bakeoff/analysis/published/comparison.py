"""Measured beside published: what a study printed about its cells, and whether the runs here agree. No torch.

A published number is one run, so it is treated as one more seed: it agrees if it lies in the 95 % prediction interval
of the seeds. Every verdict lists how the runs depart from the study.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from bakeoff import studies
from bakeoff.analysis.published.matching import match
from bakeoff.errors import BakeoffError
from bakeoff.measure.quality import class_accuracy, confusion
from bakeoff.spec.data import data_label
from bakeoff.spec.records import DataRecord, Result
from bakeoff.stats.intervals import mean_interval, prediction_interval
from bakeoff.store.store import Store
from bakeoff.studies.study import Study
from bakeoff.studies.tables import Published
from bakeoff.studies.toml import parse_study

PRINTED = 0.00005
"""Half a unit of the fourth decimal: the rounding error of printed accuracies and losses."""
RULE = (
    "A published number is one run. It agrees if it could be one more seed of those measured here: if it lies within "
    "their 95\u202f% prediction interval, mean ± t·sd·√(1 + 1/n), give or take half a unit of its fourth decimal. Of "
    "numbers that do agree, one in twenty falls outside by chance. One seed cannot tell; two can only show that a "
    "number differs: their interval is 16 standard deviations wide either way, that of three 5. Parameters must be "
    "equal. Seconds are of different machines and compare as a ratio only."
)

PublishedVerdict = Literal[
    "agrees",
    "differs",
    "one seed: cannot tell",
    "two seeds: cannot tell",
    "not run",
    "not reproducible",
    "for information",
]


@dataclass(frozen=True)
class PublishedComparison:
    """One published number and what was measured. The field names are the keys of the JSON and CSV: they stay."""

    study: str
    data: str
    data_used: str
    """The data set used in its place, or itself; empty if nothing was run."""
    net: str
    variant: str
    """The changes that define a variant of the cell, such as "image.scale=3"; empty for the cell itself."""
    measure: str
    """A field of `Published`; train and validation ones are of the last epoch trained."""
    of_class: str
    """The class, for class_accuracy; else empty."""
    published: float
    measured: float | None
    """Mean over seeds."""
    difference: float | None
    """Measured minus published."""
    ratio: float | None
    """Published divided by measured, for seconds: how much faster it was here; None if the work was different."""
    seeds: int
    sd: float | None
    deviations: float | None
    """The difference in standard deviations of the seeds."""
    low: float | None
    """Ends of the prediction interval."""
    high: float | None
    verdict: PublishedVerdict
    reason: str
    """Why it is not reproducible or was not run."""
    departures: tuple[str, ...]
    """How these runs differ from what the study says of this cell."""
    note: str


def _seconds(result: Result) -> float | None:
    train, evaluation = (result.measures.get(f"{name}_seconds") for name in ("train", "evaluation"))
    return None if train is None or evaluation is None else train + evaluation


def _epoch_seconds(result: Result) -> float | None:
    seconds = _seconds(result)
    return None if seconds is None or not result.epochs else seconds / len(result.epochs)


def _of_last_epoch(name: str, result: Result) -> float | None:
    value: float | None = getattr(result.epochs[-1], name) if result.epochs else None
    return value


def _measure(name: str, result: Result) -> float | None:
    return result.measures.get(name)


EXACT: Mapping[str, Callable[[Result], float | None]] = {
    "parameters": partial(_measure, "parameters"),
    "trainable_parameters": partial(_measure, "trainable_parameters"),
}
OUTCOMES: Mapping[str, Callable[[Result], float | None]] = {
    "test_accuracy": partial(_measure, "test_accuracy"),
    "test_loss": partial(_measure, "test_objective"),
    **{name: partial(_of_last_epoch, name) for name in ("train_accuracy", "train_loss")},
    **{name: partial(_of_last_epoch, name) for name in ("validation_accuracy", "validation_loss")},
}
TIMES: Mapping[str, Callable[[Result], float | None]] = {"seconds": _seconds, "epoch_seconds": _epoch_seconds}
"""Published measure → how to get it from a run."""


def compare_with_published(study: Study, store: Store, ids: Iterable[str] | None = None) -> list[PublishedComparison]:
    """Return every published number of a study with the measurements of a store, in the study's order.

    `ids` are the runs to use, all of them by default. Data sets used in place of the study's own are known from the
    store's record of the study.

    Raises:
        BakeoffError: the study has no published numbers.
    """
    check_has_numbers(study)
    records, measured = store.datasets(), store.results(ids)
    stand_ins = {(name, other) for past in [study, *_past(study, store)] for name, other in past.data_as.items()}
    failed = _failures(measured)
    lines: list[PublishedComparison] = []
    for printed, group in zip(study.published, match(study, measured, stand_ins, records), strict=True):
        names = {printed.data} | {other for name, other in stand_ins if name == printed.data}
        reason = next((failed[printed.net, name] for name in names if (printed.net, name) in failed), "")
        used = data_label(group.results[0].run.data) if group.results else ""
        make = partial(_comparison, study.name, printed, used, group.departures, reason)
        for table in (OUTCOMES, EXACT, TIMES):
            for name, value_of in table.items():
                if (value := getattr(printed, name)) is not None:
                    found = [number for result in group.results if (number := value_of(result)) is not None]
                    lines.append(make(name, "", value, found))
        by_class = _class_accuracies(store, group.results, records) if printed.class_accuracy else {}
        for name, value in printed.class_accuracy.items():
            lines.append(make("class_accuracy", name, value, by_class.get(name, [])))
    return lines


def check_has_numbers(study: Study) -> None:
    """Check that a study has published numbers.

    Raises:
        BakeoffError: it has no published numbers.
    """
    if not study.published:
        raise BakeoffError(f"the study {study.name!r} has no published numbers to compare with")


def compared_study(name: str | None, store: Store) -> Study:
    """Return the study by name or path, or the last one with published numbers that was run into the store.

    Raises:
        BakeoffError: there is none.
    """
    if name is not None:
        return studies.load_study(name)
    recorded = [parse_study(text, f"a study in {store.path}") for _, _, text in store.studies()]
    found = next((study for study in reversed(recorded) if study.published), None)
    if found is None:
        raise BakeoffError(f"no study with published numbers was run into {store.path}: name one with --study")
    return studies.load_study(found.name) if found.name in studies.study_names() else found


def _past(study: Study, store: Store) -> list[Study]:
    """Return the versions of this study that were run into the store."""
    found = [parse_study(text, "a study in the store") for _, _, text in store.studies()]
    return [past for past in found if past.name == study.name]


def _failures(results: Iterable[Result]) -> dict[tuple[str, str], str]:
    """Say of each network and data set why a run of it failed."""
    return {(r.run.net, r.run.data): f"failed: {r.failure.message}" for r in results if r.failure}


def _class_accuracies(
    store: Store, results: Sequence[Result], records: dict[str, DataRecord]
) -> dict[str, list[float]]:
    """Return the test accuracy of each class, by its name, seed by seed."""
    found: dict[str, list[float]] = {}
    for result in results:
        record = records[result.run.data_hash]
        names = record.facts["classes"]
        matrix = confusion(record.test_labels, store.predictions(result.id)[0], len(names))
        for name, value in zip(names, class_accuracy(matrix).tolist(), strict=True):
            if not math.isnan(value):  # no test image is of this class
                found.setdefault(name, []).append(value)
    return found


def _comparison(
    study: str,
    printed: Published,
    used: str,
    departures: tuple[str, ...],
    failure: str,
    measure: str,
    of_class: str,
    published: float,
    values: Sequence[float],
) -> PublishedComparison:
    mean = mean_interval(values) if values else None
    interval = None if measure in TIMES or measure in EXACT or not values else _one_more(measure, values)
    measured = mean.mean if mean else None
    sd = mean.sd if mean else None
    difference = None if measured is None else measured - published
    verdict, reason = judge(printed, measure, published, values)
    other_work = any(text.startswith(WORK) for text in departures)
    return PublishedComparison(
        study=study,
        data=printed.data,
        data_used=used,
        net=printed.net,
        variant=name_changes(printed.set),
        measure=measure,
        of_class=of_class,
        published=published,
        measured=measured,
        difference=difference,
        ratio=published / measured if measure in TIMES and measured and not other_work else None,
        seeds=len(values),
        sd=sd,
        deviations=difference / sd if difference is not None and sd and measure not in TIMES else None,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        verdict=verdict,
        reason=failure if verdict == "not run" else reason,
        departures=departures,
        note=printed.note,
    )


def _one_more(measure: str, values: Sequence[float]) -> tuple[float, float] | None:
    """Return where an accuracy or a loss of one more seed would fall."""
    return prediction_interval(values, step=PRINTED, within=(0.0, 1.0 if measure.endswith("accuracy") else math.inf))


WORK = ("data ", "epochs ", "images_per_class ", "image.", "validation ", "stop")
"""How departures that change the amount of work begin: their times cannot be compared."""


def judge(printed: Published, measure: str, published: float, values: Sequence[float]) -> tuple[PublishedVerdict, str]:
    """Return the verdict on one published number, by `RULE`, and its reason if it needs one."""
    if not values:
        return "not run", ""
    if measure in TIMES:
        return "for information", ""
    if measure in EXACT:
        return ("agrees" if set(values) == {published} else "differs"), ""
    if printed.not_reproducible:
        return "not reproducible", printed.not_reproducible
    interval = _one_more(measure, values)
    if interval is None:
        return "one seed: cannot tell", ""
    low, high = interval
    if not low - PRINTED <= published <= high + PRINTED:
        return "differs", ""
    return ("two seeds: cannot tell" if len(values) == 2 else "agrees"), ""


def name_changes(changes: Mapping[str, Any]) -> str:
    """Return changes to a recipe in one line: "image.scale=3, epochs=30"."""
    return ", ".join(f"{name}={value}" for name, value in changes.items())
