"""The colours of networks differ for colour-blind readers, too, and from the paper."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from bakeoff.reporting import page
from bakeoff.reporting.figures import charts

STYLE = (Path(page.__file__).parent / "styles" / "base.css").read_text(encoding="utf-8")
# Machado, Oliveira & Fernandes 2009, "A physiologically-based model for simulation of color vision deficiency",
# severity 1.0, for linear RGB.
SEEN_BY = {
    "all": np.eye(3),
    "protanopes": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopes": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopes": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.119192, 0.9503041]]
)


def linear(name: str, theme: int) -> np.ndarray:
    """Return a colour of the style sheet in linear RGB; theme 0 is light, 1 dark."""
    text = re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", STYLE)[1 + theme]
    value = np.array([int(text[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Return CIELAB of linear RGB, under D65."""
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / TO_XYZ.sum(axis=1)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def delta_e(first: np.ndarray, second: np.ndarray) -> float:
    """Return the CIEDE2000 difference (Sharma, Wu & Dalal 2005) of two colours in CIELAB."""
    c7 = ((np.hypot(*first[1:]) + np.hypot(*second[1:])) / 2) ** 7
    stretch = np.array([1.5 - 0.5 * np.sqrt(c7 / (c7 + 25**7)), 1])
    (l1, l2), ((a1, b1), (a2, b2)) = (first[0], second[0]), (first[1:] * stretch, second[1:] * stretch)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = (h2 - h1 + 180) % 360 - 180
    mid_h = (h1 + turn / 2) % 360
    mid_l, mid_c = (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 + sum(
        k * np.cos(np.radians(n * mid_h + s))
        for k, n, s in [(-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.2, 4, -63)]
    )
    parts = np.array(
        [
            (l2 - l1) / (1 + 0.015 * (mid_l - 50) ** 2 / np.sqrt(20 + (mid_l - 50) ** 2)),
            (c2 - c1) / (1 + 0.045 * mid_c),
            2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * mid_c * t),
        ]
    )
    turned = -np.sin(np.radians(60 * np.exp(-(((mid_h - 275) / 25) ** 2)))) * 2 * np.sqrt(mid_c**7 / (mid_c**7 + 25**7))
    return float(np.sqrt((parts**2).sum() + turned * parts[1] * parts[2]))


def test_delta_e_is_that_of_the_published_example() -> None:
    """The first two pairs of the test data of Sharma, Wu & Dalal, and one of greys."""
    pairs = [((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425), ((50, 2.5, 0), (73, 25, -18), 27.1492)]
    for first, second, expected in [*pairs, ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644)]:
        assert delta_e(np.array(first, float), np.array(second, float)) == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("seen_by", SEEN_BY)
def test_any_two_curves_differ_for_every_reader(seen_by: str, theme: int) -> None:
    colours = [lab(np.asarray(SEEN_BY[seen_by]) @ linear(f"c{place}", theme)) for place in range(page.COLOURS)]
    assert min(delta_e(one, other) for one, other in combinations(colours, 2)) >= 10


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_curves_stand_out_from_the_paper(theme: int) -> None:
    """WCAG 2.2, non-text contrast: 3 to 1."""

    def luminance(name: str) -> float:
        return float(linear(name, theme) @ [0.2126, 0.7152, 0.0722])

    for place in range(page.COLOURS):
        for paper in ("paper", "surface"):
            dark, light = sorted([luminance(f"c{place}"), luminance(paper)])
            assert (light + 0.05) / (dark + 0.05) >= 3


def test_saved_figures_have_the_colours_of_the_page() -> None:
    assert list(charts.COLOURS) == re.findall(r"--c\d: light-dark\((#\w+),", STYLE)[: page.COLOURS]
