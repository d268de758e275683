"""`bakeoff evaluate`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.named_model import load_named_model
from bakeoff.cli.options import ensemble_option, json_option, store_option
from bakeoff.console.terminal import Console, echo_json, escape
from bakeoff.text.formats import bracket, percent, signed_points

if TYPE_CHECKING:
    from bakeoff.inference.evaluation import ClassChange, Evaluation, Split
    from bakeoff.reporting.text_table import TextTable

SPLITS = ("all", "train", "validation", "test")
NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "top5_accuracy": "top-5 accuracy",
}


@click.command()
@click.argument("model")
@click.option("--data", required=True, metavar="NAME", help="The images: see bakeoff data.")
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    help="Images to use. By default test, or all if the data set has no test images of its own.",
)
@store_option()
@click.option("--trained-on", metavar="NAME", help="The model's data set, if the store has several.")
@ensemble_option
@json_option
def evaluate(
    model: str,
    data: str,
    split: "Split | None",
    store: Path,
    trained_on: str | None,
    ensemble: bool,
    as_json: bool,
) -> None:
    """Measure a trained model on other labelled images, and compare the result with that on its test split.

    MODEL is the id of a run, a network, [bold]best[/], or the file of a model; see [bold]bakeoff models[/]. Images are
    decoded and resized as in training, and classes are matched by name. Intervals are 95 %, over images. The change is
    split into a part due to different class frequencies and a part within classes.

    \b
    [bold]Examples[/]
    bakeoff evaluate best --data folder:photos-of-this-year
    bakeoff evaluate resnet20 --data "csv:labels.csv?label=breed" --ensemble
    bakeoff evaluate bakeoff.db.files/1a2b3c4d5e6f7081.safetensors --data folder:new --json
    """
    from bakeoff.execution.names import known_data
    from bakeoff.inference.evaluation import evaluate as measure
    from bakeoff.store.store import Store

    name = known_data(data)
    loaded = load_named_model(model, store, trained_on, ensemble=ensemble)
    if store.exists():
        with Store(store) as opened:
            found = measure(loaded, name, split=split, store=opened)
    else:
        found = measure(loaded, name, split=split)
    if as_json:
        return echo_json({"model": [str(path) for path in loaded.paths], **asdict(found)})
    _print(found)
    return None


def _print(found: "Evaluation") -> None:
    from bakeoff.cli.tables import print_table, to_rich

    console = Console(highlight=False)
    for table in (_overall(found), _by_class(found)):
        print_table(console, to_rich(table))
        console.print()
    for sentence in _changes(found):
        console.print(escape(sentence), soft_wrap=True)
    for note in found.notes:
        console.print(f"[yellow]note[/]: {escape(note)}", soft_wrap=True)


def _overall(found: "Evaluation") -> "TextTable":
    from bakeoff.reporting.text_table import TextTable

    rows = []
    for name, value in found.measures.items():
        low, high = found.intervals.get(name, (None, None))
        before = found.test_measures.get(name)
        if name in NAMES:
            cells = (percent(value) + bracket(low, high), percent(before))
        else:
            known = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
            cells = (f"{value:.3f}{known}", "–" if before is None else f"{before:.3f}")
        rows.append((NAMES.get(name, name.replace("_", " ")), *cells))
    title = f"{found.images:,} images of {found.data}"
    return TextTable(title, (("measure", False), ("here [95 %]", True), ("test split", True)), tuple(rows))


def _by_class(found: "Evaluation") -> "TextTable":
    from bakeoff.reporting.text_table import TextTable

    headings = ("class", "images", "accuracy [95 %]", "test split", "change in points [95 %]")
    ordered = sorted(found.classes, key=lambda one: (one.change is None, one.change or 0.0))
    columns = tuple((heading, heading != "class") for heading in headings)
    return TextTable("By class", columns, tuple(map(_row, ordered)))


def _row(one: "ClassChange") -> tuple[str, ...]:
    accuracy = percent(one.accuracy) + bracket(*(one.interval or (None, None)))
    change = "–" if one.change is None else signed_points(one.change) + bracket(*(one.change_interval or (None, None)))
    return one.label, f"{one.images:,}", accuracy, percent(one.test_accuracy), change + " *" * one.is_significant


def _changes(found: "Evaluation") -> list[str]:
    """Compare the result with that on the test split."""
    if found.change is None or found.change_interval is None:
        return ["The store has no predictions of this model on its test split: nothing to compare with."]
    low, high = found.change_interval
    sure = "within the noise" if low <= 0 <= high else "more than noise"
    sentences = [f"Accuracy changed by {signed_points(found.change)}{bracket(low, high)} points: {sure}."]
    if found.change_by_mix is not None:
        rest = found.change - found.change_by_mix
        sentences.append(
            f"Other shares of the classes account for {signed_points(found.change_by_mix)} points, "
            f"changes within classes for {signed_points(rest)}."
        )
    if changed := [one.label for one in found.classes if one.is_significant]:
        from bakeoff.text.formats import listing

        sentences.append(f"* 95 % interval without zero: {listing(changed)}; some are by chance among many classes.")
    return sentences
