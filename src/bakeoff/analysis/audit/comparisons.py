"""Findings about comparisons in one table: unequal conditions, and differences that show nothing. No torch."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any

from bakeoff.analysis.audit.finding import Finding, Numbers, Severity, make_finding
from bakeoff.analysis.budgets import describe_budgets
from bakeoff.analysis.cells import Cell, plain_name
from bakeoff.analysis.machine_load import distinct_environments
from bakeoff.analysis.ranking import rank_cells
from bakeoff.analysis.snapshot import Snapshot
from bakeoff.spec.recipe import Augment, Image
from bakeoff.spec.records import Result
from bakeoff.spec.values import to_dict
from bakeoff.stats.paired import Difference
from bakeoff.studies.recipe_file import tuned_for
from bakeoff.text.formats import bracket, counted, listing, percent, point_digits, points


def _augmentation(augment: Augment) -> str:
    return ", ".join(f"{name} {value}" for name, value in to_dict(augment).items()) or "none"


def _image_size(image: Image) -> str:
    side = "own" if image.size is None else f"{image.size[0]}×{image.size[1]}"
    return side if image.scale == 1 else f"{side}, {image.scale} times"


BUDGET: Mapping[str, Callable[[Result], Any]] = {
    "epochs": lambda result: result.run.recipe.epochs,  # 1 for a probe
    "training images": lambda result: int(result.measures.get("train_images", 0)),
    "augmentation": lambda result: _augmentation(result.run.recipe.augment),
    "normalisation": lambda result: result.run.recipe.normalize,
    "image size": lambda result: _image_size(result.run.recipe.image),
}
"""What should be the same for all networks of a table."""
ALIKE = 1.1
"""Budgets of recipes within this factor are equal enough: they hold out different shares of the images."""


def unequal_budgets(snapshot: Snapshot) -> Iterator[Finding]:
    """Networks on one data set were given different epochs, images, augmentation, normalisation or image sizes.

    Recipes that differ only by changes are checked together: it is fair to train a network in an additional way, but
    not without the way of the others. Recipes that are compared with each other may differ in everything but their
    budgets: epochs and training images.
    """
    advice = "Compare under one recipe (--recipe, --set), or state the differences with the table."
    groups: dict[tuple[str, str], list[list[Cell]]] = {}
    for table in snapshot.tables:
        yield from _unequal_recipes(table)
        for recipe in dict.fromkeys(cell.recipe for cell in table):
            own = [cell for cell in table if cell.recipe == recipe]
            groups.setdefault((table[0].data, plain_name(recipe)), []).append(own)
    for (data, recipe), tables in groups.items():
        every = [cell for table in tables for cell in table]
        apart = {name: fact for name, fact in BUDGET.items() if _are_apart(every, fact)}
        found = _differences(every, apart, lambda cell: cell.finished[:1])
        differences = "; ".join(f"{name}: {text}" for name, text in found.items())
        message = f"On {data}, recipe {recipe}, the networks were trained under different conditions: {differences}."
        for own in tables if found else ():
            yield make_finding("unequal-budgets", "caution", message, advice, own, (found,))


def _unequal_recipes(table: Sequence[Cell]) -> Iterator[Finding]:
    """Yield a finding where one recipe of a table lets every network see more training images than another does."""
    by_recipe: dict[str, list[Cell]] = {}
    for cell in table:
        by_recipe.setdefault(cell.recipe, []).append(cell)
    spans = [_images_given(cells) for cells in by_recipe.values()]
    if any(max(low, low2) > ALIKE * min(high, high2) for (low, high), (low2, high2) in combinations(spans, 2)):
        budgets = describe_budgets(rank_cells(table))
        text = "; ".join(f"{recipe}: {budget}" for recipe, budget in budgets.items())
        message = f"On {table[0].where}, the recipes have unequal budgets: {text}."
        advice = "A lead may be due to a larger budget: train all for as long (--epochs), or state the budgets."
        yield make_finding("unequal-budgets", "caution", message, advice, table, (budgets,))


def _images_given(cells: Sequence[Cell]) -> tuple[float, float]:
    """Return the smallest and the largest number of training images times epochs of some cells."""
    given = [BUDGET["epochs"](cell.finished[0]) * BUDGET["training images"](cell.finished[0]) for cell in cells]
    return min(given), max(given)


def _are_apart(table: Sequence[Cell], fact: Callable[[Result], Any]) -> bool:
    """Return whether two networks have none of these in common."""
    given: dict[str, set[str]] = {}
    for cell in table:
        given.setdefault(cell.net, set()).add(str(fact(cell.finished[0])))
    return any(one.isdisjoint(other) for one, other in combinations(given.values(), 2))


def _differences(
    table: Sequence[Cell], facts: Mapping[str, Callable[[Result], Any]], which: Callable[[Cell], Sequence[Result]]
) -> dict[str, str]:
    """Return the facts that differ within a table: "epochs" → "10 (a, b), 30 (c)"."""
    found: dict[str, str] = {}
    for name, fact in facts.items():
        nets: dict[str, dict[str, None]] = {}
        for cell in table:
            for result in which(cell):
                nets.setdefault(str(fact(result)), {})[cell.label] = None
        if len(nets) > 1:
            found[name] = ", ".join(f"{value} ({listing(list(own), 4)})" for value, own in nets.items())
    return found


def not_normalised(snapshot: Snapshot) -> Iterator[Finding]:
    """Inputs are pixels from 0 to 255, but initialisations and learning rates are made for values around 1."""
    advice = "Normalise the inputs, which makes collapse and dead classes rarer: --set normalize=channel."
    for table in snapshot.tables:
        raw = [cell for cell in table if cell.results[0].run.recipe.normalize == "raw"]
        if raw:
            message = (
                f"On {table[0].where}, {listing([cell.label for cell in raw])} "
                f"{'gets' if len(raw) == 1 else 'get'} raw pixels from 0 to 255."
            )
            yield make_finding(
                "not-normalised", "caution", message, advice, raw, ({"normalize": "raw", "largest": 255},)
            )


VERSIONS: Mapping[str, Callable[[Result], Any]] = {
    name: lambda result, name=name: " then ".join(str(v or "unknown") for v in result.conditions(name))  # type: ignore[misc]
    for name in ("bakeoff", "torch", "numpy", "python", "precision", "device", "gpu", "processor", "threads")
}


def tuned_unequally(snapshot: Snapshot) -> Iterator[Finding]:
    """Some networks of a table have a recipe that was tuned for them on these images, others do not."""
    for table in snapshot.tables:
        tuned = [cell for cell in table if tuned_for(cell.recipe) == cell.net]
        rest = [cell for cell in table if cell.net not in {one.net for one in tuned}]
        if tuned and rest:
            names = [list(dict.fromkeys(cell.net for cell in cells)) for cells in (tuned, rest)]
            message = (
                f"On {table[0].data}, `bakeoff tune` found the recipe for {listing(names[0])}, not for "
                f"{listing(names[1])}: part of the difference may be due to tuning."
            )
            advice = "Tune all of them with the same budget, or compare all under a recipe that was tuned for none."
            evidence: tuple[Numbers, ...] = tuple(
                {"net": cell.net, "recipe": cell.recipe, "tuned": cell in tuned} for cell in (*tuned, *rest)
            )
            yield make_finding("tuned-unequally", "caution", message, advice, [*tuned, *rest], evidence)


def versions_differ(snapshot: Snapshot) -> Iterator[Finding]:
    """Runs of one table come from different code, libraries or machines."""
    advice = "Train the older runs again (bakeoff run --restart), or do not rely on small differences and times."
    for table in snapshot.tables:
        found = _differences(table, VERSIONS, lambda cell: distinct_environments(cell.finished))
        if found:
            differences = "; ".join(f"{name}: {text}" for name, text in found.items())
            message = f"On {table[0].where}, runs from different versions or machines are mixed: {differences}."
            severity: Severity = "caution" if found.keys() & {"bakeoff", "torch", "precision"} else "note"
            yield make_finding("versions-differ", severity, message, advice, table, (found,))


def single_run(snapshot: Snapshot) -> Iterator[Finding]:
    """Networks have one seed each, so the variation between seeds is unknown."""
    for table in snapshot.tables:
        single = [cell for cell in table if len(cell.finished) == 1 and not cell.fold_sizes]
        if single:
            names = list(dict.fromkeys(cell.label for cell in single))
            message = (
                f"On {table[0].where}, {listing(names)} "
                f"{'has' if len(names) == 1 else 'have'} a single seed: the variation between seeds is unknown."
            )
            advice = "Run more seeds: --seeds 5."
            yield make_finding("single-run", "caution", message, advice, single, ({"seeds": 1},))


def within_noise(snapshot: Snapshot) -> Iterator[Finding]:
    """The lead of the best mean over another network is not significant, given the noise of seeds and test images.

    Paired by seed and image, over the seeds that both have, two at least; corrected for all pairs of the table.
    """
    for table in snapshot.usable_tables:
        best, *others = _ranked(table)
        leads = [(other, lead) for other in others if (lead := snapshot.lead(best, other)) is not None]
        close = [(other, lead) for other, lead in leads if lead.is_better is False]
        if close:
            evidence = tuple(_numbers(other.label, lead.difference, lead.corrected) for other, lead in close)
            other, lead = close[0]
            found, digits = lead.difference, point_digits(lead.difference.images)
            message = (
                f"On {table[0].where}, the lead of {best.label} over "
                f"{listing([cell.label for cell, _ in close])} is not significant over seeds and test images. Over "
                f"{other.label} it is {points(found.mean, digits)}, {percent(0.95, 0)} "
                f"interval{bracket(found.low, found.high, digits)} ({found.basis}, "
                f"{counted(found.images, 'test image')})."
            )
            needed = f": {lead.outlook}" if lead.outlook else ", on their shared seeds it is behind"
            advice = f"Do not call one of them better. As for {other.label}{needed}."
            touched = [best, *(cell for cell, _ in close)]
            yield make_finding("within-noise", "caution", message, advice, touched, evidence)


def _numbers(net: str, difference: Difference, corrected: float) -> Numbers:
    return {
        "net": net,
        "difference": difference.mean,
        "low": difference.low,
        "high": difference.high,
        "probability_better": difference.probability,
        "p_value": difference.p_value,
        "p_value_corrected": corrected,
        "seeds": difference.seeds,
        "images": difference.images,
    }


def test_set_too_small(snapshot: Snapshot) -> Iterator[Finding]:
    """The lead of the best network over the next is within the noise of the test images alone."""
    for table in snapshot.usable_tables:
        if len(table) < 2:
            continue
        first, second = _ranked(table)[:2]
        found = snapshot.lead(first, second)
        if found is None or found.is_significant:
            continue
        lead, half, images = found.difference.mean, 1.96 * found.difference.image_error, found.difference.images
        if abs(lead) >= half:
            continue
        digits = point_digits(images)
        message = (
            f"On {table[0].where}, {images:,} test images are too few to distinguish "
            f"{first.label} from {second.label}: the difference is {points(lead, digits)}, with an uncertainty of "
            f"±{points(half, digits)} from the images alone."
        )
        needed = math.ceil(images * (half / lead) ** 2) if lead else 0
        advice = (
            f"A difference of this size needs about {needed:,} test images; until then, treat the two as equal."
            if needed
            else "Treat the two as equal on these images."
        )
        numbers = {"difference": lead, "half_width": half, "test_images": images, "needed": needed}
        yield make_finding("test-set-too-small", "caution", message, advice, [first, second], (numbers,))


def _ranked(table: Sequence[Cell]) -> list[Cell]:
    return sorted(table, key=lambda cell: -fmean(r.measures["test_accuracy"] for r in cell.finished))
