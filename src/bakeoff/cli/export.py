"""`bakeoff export`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.named_model import load_named_model
from bakeoff.cli.options import (
    GivenPath,
    calibrate_option,
    ensemble_option,
    json_option,
    model_data_option,
    overwrite_option,
    store_option,
)
from bakeoff.console.terminal import Console, echo_json, escape
from bakeoff.errors import BakeoffError
from bakeoff.text.formats import byte_size, counted

if TYPE_CHECKING:
    from bakeoff.inference.export import Exported
    from bakeoff.inference.graph import Layout


@click.command()
@click.argument("model")
@click.option(
    "-o", "--output", type=GivenPath(path_type=Path), required=True, metavar="FILE", help="The file to write."
)
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    help="onnx, torch-export or safetensors. By default, the extension of FILE decides: .onnx, .pt2 or .safetensors.",
)
@click.option(
    "--layout",
    type=click.Choice(["nhwc", "nchw"]),
    default="nhwc",
    show_default=True,
    help="Order of the input's axes; image libraries decode to nhwc.",
)
@store_option()
@model_data_option
@ensemble_option
@calibrate_option
@click.option(
    "--int8",
    is_flag=True,
    help="Quantise the network of an ONNX file to 8 bits, calibrated on training images, and measure what that costs.",
)
@click.option("--card", "card_file", type=GivenPath(path_type=Path), metavar="FILE", help="Also write a model card.")
@click.option("--licence", default="unknown", show_default=True, metavar="ID", help="In the card, such as mit.")
@overwrite_option
@json_option
def export(
    model: str,
    output: Path,
    form: str | None,
    layout: "Layout",
    store: Path,
    data: str | None,
    ensemble: bool,
    calibrate: bool,
    int8: bool,
    card_file: Path | None,
    licence: str,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a trained model for other programs.

    MODEL is the id of a run, a network, [bold]best[/], or the file of a model; see [bold]bakeoff models[/].

    [bold]onnx[/] and [bold]torch-export[/] contain one graph from pixels to probabilities: it takes any number of uint8
    images of any size, and resizes and normalises them as in training. [bold]safetensors[/] contains the weights, and
    in its metadata everything needed to build the network. The exported model is compared with the original on test
    images, or on random images if the data are not on this machine; if a probability differs by more than 0.0001, no
    file is written.

    [bold]--int8[/] makes the network of an ONNX file smaller and, on most processors, faster. It prints the accuracy on
    test images and the time at batch 1 and 64, before and after. [bold]--card[/] is as in [bold]bakeoff card[/].

    ONNX needs [bold]pip install 'bakeoff\\[onnx]'[/].

    \b
    [bold]Examples[/]
    bakeoff export best -o model.onnx
    bakeoff export resnet20 --ensemble --calibrate --layout nchw -o model.onnx
    bakeoff export best --int8 -o small.onnx --card README.md
    bakeoff export best -o model.pt2
    """
    from bakeoff.cli.card import make_card, write_card
    from bakeoff.inference.export import choose_format
    from bakeoff.inference.export import export as write
    from bakeoff.spec.outputs import check_replaceable

    choose_format(output, form)
    if card_file is not None and ensemble:
        raise BakeoffError("a card is about one model: leave out --card or --ensemble")
    for file in filter(None, (output, card_file)):
        check_replaceable(file, overwrite=overwrite)
    loaded = load_named_model(model, store, data, ensemble=ensemble)
    if card_file is not None:
        make_card(loaded.paths[0], output.name, licence)  # before the model is written, if there is none of it
    if calibrate:
        from bakeoff.cli.calibration import calibrated

        loaded = calibrated(loaded)
    written = write(loaded, output, form, layout=layout, int8=int8)
    if card_file is not None:
        notes = written.int8.sentences() if written.int8 else ()
        write_card(card_file, make_card(loaded.paths[0], output.name, licence, notes))
    if as_json:
        return echo_json({**asdict(written), "path": str(written.path)})
    _print(written)
    return None


def _print(written: "Exported") -> None:
    console, check = Console(highlight=False), written.check
    facts = [written.format, byte_size(written.bytes)]
    if written.opset:
        facts.append(f"opset {written.opset}")
    if written.layout:
        facts.append(f"uint8 images {written.layout.upper()} of any number and size in, probabilities out")
    console.print(f"[green]✓[/] {escape(str(written.path))}: {escape(', '.join(facts))}", soft_wrap=True)
    kind = "test image" if check.are_real else "random image (the data of the training are not here)"
    plural = "test images" if check.are_real else "random images (the data of the training are not here)"
    before = " before it was quantised" if written.int8 else ""
    console.print(
        f"[green]✓[/] checked under {escape(check.runtime)} on {counted(check.pictures, kind, plural)}{before}: "
        f"probabilities differ by at most {check.difference:.0e}",
        soft_wrap=True,
    )
    for sentence in written.int8.sentences() if written.int8 else ():
        console.print(f"[green]✓[/] {escape(sentence)}", soft_wrap=True)
