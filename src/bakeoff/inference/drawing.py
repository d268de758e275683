"""Draws explanations as pictures. No torch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bakeoff.text.formats import THIN, percent
from bakeoff.text.safe import visible

if TYPE_CHECKING:
    from bakeoff.inference.explanation import Explanation

PANEL, SMALL, GAP, LINE = 288, 112, 16, 24
"""Sides of large and small pictures, the space between them, and the height of a line of text, in pixels."""
INK, MUTED, PAPER, BAR = "#1c1c1a", "#5d5b55", "#ffffff", "#2468b0"
SHOWN_CLASSES = 5
TITLES = {"gradcam": "Grad-CAM", "gradients": "integrated gradients", "occlusion": "occlusion"}
HOT = np.array([(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)], np.float32)
"""Five points of Matplotlib's map "inferno", whose lightness grows evenly: it reads the same without colour."""


def to_image(pixels: np.ndarray, side: int = 0) -> Image.Image:
    """Return (C, H, W) uint8 as a picture, whose longer side is `side` pixels long; small ones stay blocky."""
    planes = pixels if len(pixels) == 3 else np.repeat(pixels[:1], 3, 0)
    return _at(Image.fromarray(np.ascontiguousarray(planes.transpose(1, 2, 0))), side)


def overlay(pixels: np.ndarray, heat: np.ndarray, side: int = 0) -> Image.Image:
    """Return a picture in grey with a map (H, W) from 0 to 1 of the same size in colour over it."""
    at = heat.clip(0, 1)[..., None] * (len(HOT) - 1)
    low = np.minimum(at.astype(np.int64), len(HOT) - 2)[..., 0]
    colour = HOT[low] + (HOT[low + 1] - HOT[low]) * (at - low[..., None])
    grey = pixels.astype(np.float32).mean(0)[..., None]
    mixed = grey * 0.45 + colour * 0.55
    return _at(Image.fromarray(mixed.clip(0, 255).astype(np.uint8)), side)


def _at(picture: Image.Image, side: int) -> Image.Image:
    if not side or max(picture.size) == side:
        return picture
    ratio = side / max(picture.size)
    size = tuple(max(1, round(length * ratio)) for length in picture.size)
    return picture.resize((size[0], size[1]), Image.Resampling.NEAREST if ratio >= 3 else Image.Resampling.BILINEAR)


def draw_explanation(explanation: "Explanation", classes: Sequence[str]) -> Image.Image:
    """Return a picture with the image, where the network looked, the probable classes, and similar training images."""
    near, said = explanation.neighbours, explanation.prediction
    ranked = sorted(zip(said.probabilities, classes, strict=True), key=lambda one: -one[0])[:SHOWN_CLASSES]
    panels = [("as the network sees it", to_image(explanation.picture, PANEL))]
    panels += [
        (f"for {explanation.target}: {TITLES.get(method, method)}", overlay(explanation.picture, heat, PANEL))
        for method, heat in explanation.maps.items()
    ]
    columns = max(len(panels), 2)
    width = max(columns * (PANEL + GAP), len(near) * (SMALL + GAP)) + GAP
    text_top = GAP + LINE + PANEL + GAP
    near_top = text_top + len(ranked) * LINE + GAP
    sheet = Image.new("RGB", (width, near_top + (SMALL + 3 * LINE + GAP if near else 0)), PAPER)
    for number, (title, picture) in enumerate(panels):
        left = GAP + number * (PANEL + GAP)
        _write(sheet, (left, GAP), title, PANEL, MUTED)
        sheet.paste(picture, (left, GAP + LINE))
    for number, (share, label) in enumerate(ranked):
        top = text_top + number * LINE
        _write(sheet, (GAP, top), label, PANEL - GAP, INK)
        left = GAP + PANEL
        ImageDraw.Draw(sheet).rectangle((left, top + 3, left + round(share * (PANEL - 80)), top + LINE - 7), fill=BAR)
        _write(sheet, (left + round(share * (PANEL - 80)) + 8, top), percent(share, 1), 80, INK)
    if near:
        _write(sheet, (GAP, near_top), "the most similar training images, as the network sees them", width, MUTED)
    for number, one in enumerate(near):
        left, top = GAP + number * (SMALL + GAP), near_top + LINE
        sheet.paste(to_image(one.pixels, SMALL), (left, top))
        _write(sheet, (left, top + SMALL), one.place.label, SMALL, INK)
        _write(sheet, (left, top + SMALL + LINE - 4), f"{one.similarity:.3f}", SMALL, MUTED)
    return sheet


def _write(sheet: Image.Image, place: tuple[int, int], text: str, width: int, fill: str) -> None:
    """Write one line, shortened to `width` pixels."""
    font, line = ImageFont.load_default(15), visible(text).replace(THIN, " ")  # the font has no thin space
    pen = ImageDraw.Draw(sheet)
    while len(line) > 1 and pen.textlength(line, font) > width:
        line = line[:-2] + "…"
    pen.text(place, line, fill, font)
