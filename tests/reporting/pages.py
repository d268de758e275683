"""Makes stores of every shape and their pages, to be looked at: python tests/reporting/pages.py DIR [NAME …].

With Chromium, each page is also photographed in light, in dark, on a phone, and printed. With the names of cases only
these are made.
"""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).parents[1]))

from made import seeds_of
from synthetic import NETS, RECIPE, make_store

from bakeoff.analysis.pick.record import write_record
from bakeoff.reporting import write
from bakeoff.spec.paths import files_folder
from bakeoff.spec.recipe import Probe
from bakeoff.store.store import Store
from contests import make_contest

CHROMIUM = os.environ.get("BAKEOFF_CHROMIUM") or shutil.which("chromium")
TWELVE = tuple(
    f"{name}{ending}" for name in ("digits", "mnist", "letters", "faces") for ending in ("", "-small", "-noisy")
)
FORTY = {
    f"{family}{depth}{kind}": (
        0.80 + 0.19 * np.log1p(place * 4 + step) / np.log(41),
        int(60_000 * 1.6 ** (place + step)),
        int(2e6 * 1.75 ** (place + step)),
        9000 / 1.35 ** (place + step),
    )
    for place, family in enumerate(("lenet", "conv", "resnet", "vgg", "densenet", "mobilenet", "effnet", "regnet"))
    for step, (depth, kind) in enumerate([(4, ""), (8, "-wide"), (20, ""), (56, "-drop"), (110, "-augmented")])
}
"""Name → accuracy, parameters, FLOPs and images per second of forty made-up networks."""
NOUNS = ("finch", "maple", "truck", "spoon", "otter", "tulip", "piano", "kettle", "bridge", "salmon")
KINDS = ("red", "old", "small", "wild", "common", "northern", "striped", "winter", "river", "black")
HUNDRED = tuple(f"{kind} {noun}" for noun in NOUNS for kind in KINDS)
SLOW = {net: (final, size, flops, speed / 400) for net, (final, size, flops, speed) in NETS.items()}
"""Networks whose training takes minutes and hours."""


def make_photos(folder: Path, classes: int = 100, train: int = 4, test: int = 12) -> str:
    """Write a folder of drawings, a shape and a colour for each class, and return its name as a data set."""
    from PIL import Image, ImageDraw

    random = np.random.default_rng(1)
    for number, name in enumerate(HUNDRED[:classes]):
        for split, images in (("train", train), ("test", test)):
            where = folder / split / name
            where.mkdir(parents=True, exist_ok=True)
            for image in range(images):
                picture = Image.new("RGB", (40, 40), tuple(random.integers(170, 250, 3).tolist()))
                left, top = random.integers(2, 12, 2).tolist()
                colour = tuple((np.array([23, 71, 131]) * (number + 3) % 200).tolist())
                sides = ImageDraw.Draw(picture)
                sides.regular_polygon((20 + left // 3, 20 + top // 3, 15), 3 + number % 6, number * 7, fill=colour)
                picture.save(where / f"{image}.png")
    return f"folder:{folder}"


def _hundred_classes(path: Path, **options: object) -> Path:
    photos = make_photos(path.parent / "photos")
    return make_store(path, nets=("conv", "resnet20", "vgg-afif"), data=(photos,), real=True, worse=0.25, **options)


def _thousand_classes(path: Path) -> Path:
    names = [f"{kind} {noun} {place}" for place, (kind, noun) in enumerate(product(KINDS, NOUNS * 10))]
    return make_store(path, nets=("conv", "resnet20"), data=("birds",), classes=names, images=5000, seeds=2, worse=0.3)


def _probe(path: Path) -> Path:
    """A network from scratch, and a pretrained one fine-tuned and with a new last layer only."""
    tuned, scratch = {"resnet18:imagenet": [172, 175, 170]}, {"conv": [140, 146, 139]}
    seeds_of(path, tuned | scratch, 200, {"resnet18:imagenet": "0" * 64})
    return seeds_of(path, tuned, 200, {"resnet18:imagenet": "0" * 64}, name="probe", epochs=1, probe=Probe())


def _folds(path: Path) -> Path:
    return seeds_of(path, {"conv": [150, 160], "resnet20": [184, 182], "linear": [90, 92]}, 200, folds=4)


def _contest(path: Path) -> Path:
    make_store(path, nets=("conv", "linear"), data=("digits",), seeds=2)
    with Store(path) as store:
        write_record(files_folder(path), make_contest(path, tuple(result.id for result in store.results())))
    return path


LONG = {f"{kind}-convolutional-network-{net}": NETS[net] for net, kind in zip(NETS, KINDS, strict=False)}
SCENES = tuple(f"{kind} photographs of a {noun}" for kind, noun in zip(KINDS, NOUNS, strict=True))
THREE = ("lenet-afif", "conv", "resnet20")
CASES: Mapping[str, Callable[[Path], Path]] = {
    "three": partial(make_store, nets=THREE, data=("digits",), real=True, worse=0.03, noise=0.01),
    "close": partial(make_store, nets=("conv", "drop"), data=("digits",), real=True, noise=0.003),
    "ten": partial(make_store, nets=list(FORTY)[::4], kinds=FORTY, data=("digits", "mnist"), noise=0.01),
    "forty": partial(make_store, nets=list(FORTY), kinds=FORTY, data=("digits",), real=True, seeds=5, noise=0.006),
    "twelve-sets": partial(make_store, nets=list(NETS), data=TWELVE, step=0.01, noise=0.02),
    "hundred-classes": _hundred_classes,
    "failed": partial(make_store, nets=list(NETS), data=("digits", "mnist"), failing=5, waiting=4, collapsed=("nin",)),
    "all-failed": partial(make_store, nets=THREE, data=("mnist",), failing=9),
    "unusable": partial(make_store, nets=("conv", "nin"), data=("mnist",), collapsed=("conv", "nin")),
    "single": partial(make_store, nets=list(NETS), data=("digits",), seeds=1),
    "alone": partial(make_store, nets=("conv",), data=("mnist",), seeds=2, noise=0.0),
    "thousand-classes": _thousand_classes,
    "long-names": partial(make_store, nets=list(LONG), kinds=LONG, data=("a set of photographs", "b"), classes=SCENES),
    "probe": _probe,
    "folds": _folds,
    "contest": _contest,
    "slow": partial(make_store, nets=list(NETS), kinds=SLOW, data=("mnist",), images=10_000, seeds=4),
    "study": partial(
        make_store,
        nets=("lenet-afif", "vgg-afif", "resnet20"),
        data=("mnist", "fashion-mnist", "kmnist", "svhn", "digits", "cifar10"),
        recipe=replace(RECIPE, name="afif2018"),
        noise=0.01,
    ),
}
"""Name → function that makes the store."""

VIEWS: Mapping[str, dict[str, object]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}


def make_page(name: str, folder: Path) -> Path:
    """Make a store of CASES in `folder`, unless it is there, and its page."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.db"
    return write(path if path.exists() else CASES[name](path), folder / f"{name}.html")


def photograph(pages: list[Path], views: list[str]) -> None:
    """Save each page as PNG in each view of VIEWS, and as PDF, beside it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for path in pages:
            for view in views:
                page = browser.new_page(**VIEWS.get(view, VIEWS["light"]))  # type: ignore[arg-type]
                page.on("pageerror", lambda error, path=path: print(f"{path.name}: {error}"))
                page.goto(path.as_uri())
                if view == "print":
                    page.pdf(path=path.with_suffix(".pdf"))
                else:
                    page.screenshot(path=path.with_name(f"{path.stem}-{view}.png"), full_page=True)
                page.close()
        browser.close()


if __name__ == "__main__":
    given = sys.argv[1:]
    if not given or given[0].startswith("-"):
        sys.exit(f"{__doc__}\nNames: {', '.join(CASES)}; views: {', '.join(VIEWS)}, print")
    views = [word for word in given[1:] if word in (*VIEWS, "print")] or [*VIEWS, "print"]
    made = [make_page(name, Path(given[0]).resolve()) for name in [w for w in given[1:] if w not in views] or CASES]
    if CHROMIUM:
        photograph(made, views)
