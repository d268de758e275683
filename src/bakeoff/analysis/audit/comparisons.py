"""Findings in what stands side by side in one table: unequal terms, and differences that show nothing. No torch."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any

from bakeoff.analysis.audit.finding import Finding, Material, Numbers, Severity, of_cells
from bakeoff.analysis.ranking import Cell
from bakeoff.spec.recipe import Augment, Image
from bakeoff.spec.records import Result
from bakeoff.spec.values import to_dict
from bakeoff.stats.paired import Difference
from bakeoff.text.formats import bracket, counted, listing, points


def _augmentation(augment: Augment) -> str:
    return ", ".join(f"{name} {value}" for name, value in to_dict(augment).items()) or "none"


def _image_size(image: Image) -> str:
    side = "own" if image.size is None else f"{image.size[0]}×{image.size[1]}"
    return side if image.scale == 1 else f"{side}, {image.scale} times"


BUDGET: Mapping[str, Callable[[Result], Any]] = {
    "epochs": lambda result: result.run.recipe.epochs,
    "training images": lambda result: int(result.measures.get("train_images", 0)),
    "augmentation": lambda result: _augmentation(result.run.recipe.augment),
    "normalisation": lambda result: result.run.recipe.normalize,
    "image size": lambda result: _image_size(result.run.recipe.image),
}
"""What networks of one table should have had alike."""


def unequal_budgets(material: Material) -> Iterator[Finding]:
    """Networks on one data set were given different epochs, images, augmentation, normalisation or image sizes.

    Recipes that are the same but for changes are looked at together: a network that was trained in one more way
    beside that of the others is compared fairly, one that never had theirs is not.
    """
    advice = "Compare under one recipe, or say beside the table what each network was given: --recipe, --set."
    groups: dict[tuple[str, str], list[tuple[Cell, ...]]] = {}
    for table in material.tables:
        groups.setdefault((table[0].data, _plain(table[0].recipe)), []).append(table)
    for (data, recipe), tables in groups.items():
        every = [cell for table in tables for cell in table]
        apart = {name: fact for name, fact in BUDGET.items() if _are_apart(every, fact)}
        found = _differences(every, apart, lambda cell: cell.finished[:1])
        told = "; ".join(f"{name}: {text}" for name, text in found.items())
        message = f"On {data}, recipe {recipe}, the networks were not treated alike: {told}."
        for table in tables if found else ():
            yield of_cells("unequal-budgets", "caution", message, advice, table, (found,))


def _are_apart(table: Sequence[Cell], fact: Callable[[Result], Any]) -> bool:
    """Tell whether two networks were given nothing alike."""
    given: dict[str, set[str]] = {}
    for cell in table:
        given.setdefault(cell.net, set()).add(str(fact(cell.finished[0])))
    return any(one.isdisjoint(other) for one, other in combinations(given.values(), 2))


def _plain(recipe: str) -> str:
    """Return the name of a recipe without what was changed in it: "quick (epochs=9)" → "quick"."""
    return recipe.partition(" (")[0]


def _differences(
    table: Sequence[Cell], facts: Mapping[str, Callable[[Result], Any]], which: Callable[[Cell], Sequence[Result]]
) -> dict[str, str]:
    """Return the facts that differ within a table: "epochs" → "10 (a, b), 30 (c)"."""
    found: dict[str, str] = {}
    for name, fact in facts.items():
        nets: dict[str, dict[str, None]] = {}
        for cell in table:
            for result in which(cell):
                nets.setdefault(str(fact(result)), {})[cell.net] = None
        if len(nets) > 1:
            found[name] = ", ".join(f"{value} ({listing(list(own), 4)})" for value, own in nets.items())
    return found


def not_normalised(material: Material) -> Iterator[Finding]:
    """Pixels reach the networks as 0 to 255, where initialisations and rates are made for numbers about 1."""
    advice = "Use normalize=channel (or unit): --set normalize=channel; then collapse and dead classes are rarer."
    for table in material.tables:
        raw = [cell for cell in table if cell.results[0].run.recipe.normalize == "raw"]
        if raw:
            message = (
                f"On {table[0].data}, recipe {table[0].recipe}, {listing([cell.net for cell in raw])} "
                f"{'is' if len(raw) == 1 else 'are'} fed raw pixels of 0 to 255."
            )
            yield of_cells("not-normalised", "caution", message, advice, raw, ({"normalize": "raw", "largest": 255},))


VERSIONS: Mapping[str, Callable[[Result], Any]] = {
    name: lambda result, name=name: " then ".join(str(v or "unknown") for v in result.conditions(name))  # type: ignore[misc]
    for name in ("bakeoff", "torch", "numpy", "python", "precision", "device", "gpu", "processor", "threads")
}


def versions_differ(material: Material) -> Iterator[Finding]:
    """Runs of one table come from different code, libraries or machines."""
    advice = "Train the older ones again (bakeoff run --restart), or take small differences, and all times, with doubt."
    for table in material.tables:
        found = _differences(table, VERSIONS, lambda cell: cell.finished)
        if found:
            told = "; ".join(f"{name}: {text}" for name, text in found.items())
            message = (
                f"On {table[0].data}, recipe {table[0].recipe}, runs of different makes stand side by side: {told}."
            )
            severity: Severity = "caution" if found.keys() & {"bakeoff", "torch", "precision"} else "note"
            yield of_cells("versions-differ", severity, message, advice, table, (found,))


def single_run(material: Material) -> Iterator[Finding]:
    """Networks are compared by one seed each: nothing says how far another seed would be."""
    for table in material.tables:
        single = [cell for cell in table if len(cell.finished) == 1]
        if single:
            names = list(dict.fromkeys(cell.net for cell in single))
            message = (
                f"On {table[0].data}, recipe {table[0].recipe}, {listing(names)} "
                f"{'has' if len(names) == 1 else 'have'} a single seed: how far another would be from it is unknown."
            )
            advice = "Run more seeds: --seeds 5."
            yield of_cells("single-run", "caution", message, advice, single, ({"seeds": 1},))


def within_noise(material: Material) -> Iterator[Finding]:
    """The best mean's lead over another network is within what other seeds and other test images would change.

    Paired by seed and image, over the seeds that both have, two at least; corrected for all pairs of the table.
    """
    for table in material.tables:
        best, *others = _ranked(table)
        leads = [(other, lead) for other in others if (lead := material.lead(best, other)) is not None]
        close = [(other, lead) for other, lead in leads if lead.is_better is False]
        if close:
            evidence = tuple(_numbers(other.net, lead.difference, lead.corrected) for other, lead in close)
            other, lead = close[0]
            found = lead.difference
            message = (
                f"On {table[0].data}, recipe {table[0].recipe}, the lead of {best.net} over "
                f"{listing([cell.net for cell, _ in close])} is within the noise of seeds and test images: over "
                f"{other.net} it is {points(found.mean)}, 95 % interval{bracket(found.low, found.high)} "
                f"({counted(found.seeds, 'seed')}, {counted(found.images, 'test image')})."
            )
            needed = f": {lead.outlook}" if lead.outlook else ", on the seeds that both have it is behind"
            advice = f"Do not call one of them better. As for {other.net}{needed}."
            touched = [best, *(cell for cell, _ in close)]
            yield of_cells("within-noise", "caution", message, advice, touched, evidence)


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


def test_set_too_small(material: Material) -> Iterator[Finding]:
    """The best network's lead over the next is less than another draw of as many test images would move it."""
    for table in material.tables:
        if len(table) < 2:
            continue
        first, second = _ranked(table)[:2]
        found = material.lead(first, second)
        if found is None or found.is_significant:
            continue
        lead, half, images = found.difference.mean, 1.96 * found.difference.image_error, found.difference.images
        if abs(lead) >= half:
            continue
        message = (
            f"On {table[0].data}, recipe {table[0].recipe}, {images:,} test images are too few to tell {first.net} "
            f"from {second.net}: the difference is {points(lead)}, and the images alone make it uncertain by "
            f"±{points(half)}."
        )
        needed = math.ceil(images * (half / lead) ** 2) if lead else 0
        advice = (
            f"A difference of this size needs about {needed:,} test images; without them, call the two equal."
            if needed
            else "Call the two equal on these images."
        )
        numbers = {"difference": lead, "half_width": half, "test_images": images, "needed": needed}
        yield of_cells("test-set-too-small", "caution", message, advice, [first, second], (numbers,))


def _ranked(table: Sequence[Cell]) -> list[Cell]:
    return sorted(table, key=lambda cell: -fmean(r.measures["test_accuracy"] for r in cell.finished))
