"""`bakeoff models` and `bakeoff predict`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from bakeoff.cli.endings import UNFINISHED
from bakeoff.cli.named_model import load_named_model
from bakeoff.cli.options import calibrate_option, ensemble_option, json_option, model_data_option, store_option
from bakeoff.console.terminal import Console, echo, echo_json, echo_lines, escape
from bakeoff.errors import BakeoffError
from bakeoff.text.formats import byte_size, count, counted, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bakeoff.analysis.audit import Finding
    from bakeoff.inference.library import Listed
    from bakeoff.inference.model import Model, Prediction

ID_DIGITS = 8


@click.command()
@store_option()
@click.option("--data", metavar="NAME", help="Only models for this data set.")
@click.option(
    "--complete", is_flag=True, help="Complete the weights of older versions, if their images are on this machine."
)
@json_option
def models(store: Path, data: str | None, complete: bool, as_json: bool) -> None:
    """List the trained models of a store: accuracy, size, latency, what the audit found, and how to name them.

    A model is named by its id, or the beginning of it; by its network, which means the seed with the best validation
    accuracy; or by [bold]best[/]. Each model is one self-contained file with its weights, classes and image settings.

    [bold]best[/] is the winner of the latest [bold]bakeoff pick[/] on the data set, also after [bold]bakeoff run[/].
    Without a contest it is the network with the best mean validation accuracy over its seeds, and of these the best. In
    a store with several data sets, say which with --data. Commands print which model it is.

    Findings are those of [bold]bakeoff audit[/], which explains them: !! means do not use the accuracy, ! read it with
    care.

    \b
    [bold]Examples[/]
    bakeoff models
    bakeoff predict best new-photos/
    """
    from bakeoff.inference.findings import stored_findings
    from bakeoff.inference.library import describe_best, find_bests, list_models
    from bakeoff.store.store import Store

    with Store(store) as opened:
        if complete:
            _complete(opened)
        found = [one for one in list_models(opened) if data is None or one.data == data]
        findings = stored_findings(opened, [one.id for one in found])
        bests = find_bests(opened, found)
    if as_json:
        ids = {best.models[0].id for best in bests}
        return echo_json([_plain(one, findings[one.id]) | {"best": one.id in ids} for one in found])
    _print_models(found, findings, [describe_best(best) for best in bests], store)
    return None


def _plain(one: "Listed", findings: "Sequence[Finding]") -> dict[str, object]:
    about = [{"kind": f.kind, "severity": f.severity, "message": f.message, "advice": f.advice} for f in findings]
    return asdict(one) | {"path": str(one.path), "findings": about}


def _complete(store: "object") -> None:
    from bakeoff.inference.complete import complete_bundles

    console = Console(stderr=True)
    for model, problem in complete_bundles(store):  # type: ignore[arg-type]
        mark = f"[red]✗[/] {escape(model.id)}: {escape(problem)}" if problem else f"[green]✓[/] {escape(model.id)}"
        console.print(f"{mark} ({escape(model.net)} on {escape(model.data)})", soft_wrap=True, highlight=False)


def _print_models(
    found: "list[Listed]", findings: "Mapping[str, Sequence[Finding]]", bests: "Sequence[str]", store: Path
) -> None:
    from rich import box
    from rich.table import Table

    from bakeoff.cli.tables import print_fitting, wide_console
    from bakeoff.inference.findings import summarize_findings
    from bakeoff.spec.paths import store_argument

    console = wide_console()
    if not found:
        return console.print("No trained model yet: train some with bakeoff run or bakeoff pick.")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for heading in ("id", "network", "data"):
        table.add_column(heading, no_wrap=True)
    for heading in ("seed", "test", "validation", "file", "ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("findings", no_wrap=True)
    table.add_column("params", justify="right", no_wrap=True)
    table.add_column("recipe", no_wrap=True)
    for one in found:
        latency = f"{one.latency_ms:.2g}" if one.latency_ms is not None else "–"
        accuracies = percent(one.test_accuracy), percent(one.validation_accuracy)
        names = (one.id[:ID_DIGITS], escape(one.net), escape(one.data), str(one.seed))
        rest = summarize_findings(findings[one.id]), count(one.parameters), escape(one.recipe)
        table.add_row(*names, *accuracies, byte_size(one.bytes), latency, *rest)
    print_fitting(console, table, kept=5)
    console.print("test, validation: accuracy; ms: for one image, when it was trained", style="dim")
    if any(findings.values()) and any(column.header == "findings" for column in table.columns):
        text = f"findings: the worst kind, + the number of others; bakeoff audit{store_argument(store)} explains them"
        console.print(escape(text), style="dim", soft_wrap=True, highlight=False)
    for best in bests:
        console.print(escape(best), style="dim", soft_wrap=True, highlight=False)
    return None


@click.command()
@click.argument("model")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@store_option()
@model_data_option
@click.option("--top", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Classes to show.")
@ensemble_option
@calibrate_option
@click.option("--copy-to", type=click.Path(path_type=Path), metavar="DIR", help="Copy each image to DIR/CLASS.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: file, class, probability, and those of all classes.")
@json_option
def predict(
    model: str,
    paths: tuple[str, ...],
    store: Path,
    data: str | None,
    top: int,
    ensemble: bool,
    calibrate: bool,
    copy_to: Path | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Predict the classes of images with a trained model.

    MODEL is the id of a run, a network, [bold]best[/], or the file of a model; see [bold]bakeoff models[/]. PATH is an
    image, a folder, a pattern such as 'photos/*.jpg', or - for a list on standard input. Images are decoded and resized
    as in training. The exit code is 1 if some cannot be read.

    \b
    [bold]Examples[/]
    bakeoff predict best new-photos/ --top 3
    bakeoff predict resnet20 holiday.jpg --ensemble
    find . -name '*.jpg' | bakeoff predict best - --csv > classes.csv
    """
    from bakeoff.console.progress import progress_bar
    from bakeoff.inference.files import find_files

    if as_csv and as_json:
        raise BakeoffError("--csv and --json are two forms of the same answer: choose one")
    found = find_files(paths)
    loaded = load_named_model(model, store, data, ensemble=ensemble)
    console = Console(stderr=True)
    if calibrate:
        from bakeoff.cli.calibration import calibrated

        loaded = calibrated(loaded)
    predictions: list[Prediction] = []
    unreadable = list(found.unreadable)
    with progress_bar() as report:
        for good, pixels, bad in loaded.decode_files(list(found)):
            unreadable += bad
            if good:
                rows = loaded.probabilities(pixels)
                predictions += [loaded.prediction(row, str(file)) for row, file in zip(rows, good, strict=True)]
            report("predicting", len(predictions) + len(unreadable), len(found) + len(found.unreadable))
    if copy_to:
        _copy(predictions, loaded.classes, copy_to)
    _print_predictions(loaded, predictions, unreadable, top, as_csv, as_json)
    for file, reason in unreadable:
        console.print(f"[red]✗[/] {escape(f'{file}: {reason}')}", soft_wrap=True, highlight=False)
    if unreadable:
        raise Exit(UNFINISHED)


def _print_predictions(
    model: "Model",
    predictions: "list[Prediction]",
    unreadable: list[tuple[Path, str]],
    top: int,
    as_csv: bool,
    as_json: bool,
) -> None:
    if as_json:
        return echo_json(
            {
                "model": [str(path) for path in model.paths],
                "classes": list(model.classes),
                "temperature": model.temperature,
                "predictions": [asdict(one) for one in predictions],
                "unreadable": [{"file": str(file), "reason": reason} for file, reason in unreadable],
            }
        )
    if as_csv:
        return echo(_csv(model, predictions).rstrip("\n"))
    width = max((len(one.file) for one in predictions), default=0)
    for one in predictions:
        ranked = sorted(zip(one.probabilities, model.classes, strict=True), reverse=True)[:top]
        shares = ", ".join(f"{label} {percent(share, 1)}" for share, label in ranked)
        echo_lines([f"{one.file:{width}}  {shares}"])
    if unreadable:
        echo(f"{counted(len(unreadable), 'file')} could not be read", err=True)
    return None


def _csv(model: "Model", predictions: "list[Prediction]") -> str:
    import csv
    import io

    from bakeoff.text.safe import csv_cell

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["file", "class", "probability", *(f"p({csv_cell(name)})" for name in model.classes)])
    for one in predictions:
        shares = [f"{share:.6g}" for share in one.probabilities]
        writer.writerow([csv_cell(one.file), csv_cell(one.label), f"{one.probability:.6g}", *shares])
    return out.getvalue()


def _copy(predictions: "list[Prediction]", classes: "Sequence[str]", folder: Path) -> None:
    """Copy each image into the folder of its class; images of one name get numbers.

    Raises:
        BakeoffError: a file cannot be copied.
    """
    import os
    import shutil

    from bakeoff.spec.paths import part_beside

    names = _folder_names(classes)
    try:
        for one in predictions:
            target = folder / names[one.label]
            target.mkdir(parents=True, exist_ok=True)
            source = Path(one.file)
            place, number = target / source.name, 2
            while os.path.lexists(place) and not (place.exists() and place.samefile(source)):
                place, number = target / f"{source.stem}-{number}{source.suffix}", number + 1
            if not place.exists():
                with part_beside(place) as part:
                    shutil.copy2(source, part)
    except OSError as error:
        raise BakeoffError(f"cannot copy to {folder}: {error.strerror or error}") from error


def _folder_names(classes: "Sequence[str]") -> dict[str, str]:
    """Return a folder for each class; classes that differ only in characters that no file name may have get numbers."""
    from bakeoff.text.safe import file_name

    names: dict[str, str] = {}
    for label in classes:
        name, number = file_name(label), 2
        while name.casefold() in {other.casefold() for other in names.values()}:
            name, number = f"{file_name(label)}-{number}", number + 1
        names[label] = name
    return names
