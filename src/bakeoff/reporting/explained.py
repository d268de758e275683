"""Where networks looked in test images that they got wrong, for the page on request. Loads torch when it is called."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image

from bakeoff.data import file_names
from bakeoff.errors import BakeoffError
from bakeoff.reporting.figures.pictures import find_images
from bakeoff.reporting.model import Line, Table
from bakeoff.reporting.vote import select_gallery
from bakeoff.spec.paths import weights_path

if TYPE_CHECKING:
    from bakeoff.data.dataset import Dataset
    from bakeoff.inference.model import Model

MOST = 8
"""Images per table: each takes some forward and backward passes."""
SIDE = 160
"""Longer side of a picture, in pixels."""


@dataclass(frozen=True)
class ExplainedFailure:
    """One test image with a wrong prediction."""

    uri: str
    """A data: URI of a picture: the image as the network sees it, beside the pixels that support its prediction."""
    truth: str
    predicted: str
    probability: float
    file: str
    """Its file, or its position in the test split."""


@dataclass(frozen=True)
class ExplainedFailures:
    """The most confident errors of the best network of a table."""

    table: str
    """Its title."""
    net: str
    method: str
    images: tuple[ExplainedFailure, ...]
    note: str = ""
    """Why there are none."""


def explain_failures(tables: Sequence[Table], files: Path) -> list[ExplainedFailures]:
    """Return where the best network of each table looked in the images of its most confident errors.

    Args:
        tables: of the page.
        files: the folder of models beside the store.

    Raises:
        BakeoffError: Captum is missing.
    """
    from bakeoff.inference.attribution import check_captum

    check_captum()
    found = []
    for table in tables:
        if table.measured:
            try:
                found.append(_explain(table, table.measured[0], files))
            except BakeoffError as error:
                found.append(ExplainedFailures(table.title, table.measured[0].label, "", (), str(error)))
    return found


def _explain(table: Table, line: Line, files: Path) -> ExplainedFailures:
    from bakeoff.inference.attribution import attribute
    from bakeoff.inference.drawing import TITLES
    from bakeoff.inference.explanation import suitable
    from bakeoff.inference.model import load_models

    models = [one for one in line.cell.finished if weights_path(files, one.id).exists()]
    if not models or line.pooled is None or table.record is None:
        raise BakeoffError(f"no trained model of {line.label} is beside the store")
    result = min(models, key=lambda one: one.measures["test_accuracy"])  # the seed with the most errors
    dataset = find_images(result.run, table.record)
    if isinstance(dataset, str):
        raise BakeoffError(dataset)
    model = load_models([weights_path(files, result.id)])
    method = suitable(model)[0]
    images = []
    for image in select_gallery(line.pooled.vote, table.record.test_labels, MOST)["wrong"]:
        pixels = np.array(dataset.test.images[image])
        said = model.probabilities(pixels[None])[0]
        truth, predicted = int(table.record.test_labels[image]), int(said.argmax())
        if predicted == truth:  # other seeds were wrong
            continue
        heat = attribute(model, pixels, predicted, method)
        images.append(
            ExplainedFailure(
                _draw(model, pixels, heat),
                model.classes[truth],
                model.classes[predicted],
                float(said[predicted]),
                _name(dataset, image),
            )
        )
    return ExplainedFailures(table.title, line.label, TITLES.get(method, method), tuple(images))


def _draw(model: "Model", pixels: np.ndarray, heat: np.ndarray) -> str:
    from bakeoff.inference.attribution import as_seen
    from bakeoff.inference.drawing import overlay, to_image

    seen = as_seen(model, pixels)
    sides = to_image(seen, SIDE), overlay(seen, heat, SIDE)
    sheet = PIL.Image.new("RGB", (sum(side.width for side in sides), sides[0].height))
    sheet.paste(sides[0], (0, 0))
    sheet.paste(sides[1], (sides[0].width, 0))
    file = io.BytesIO()
    sheet.save(file, "WEBP", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def _name(dataset: "Dataset", image: int) -> str:
    names = file_names(dataset, "test")
    return names[image] if names else f"test image {image}"
