"""Small packages that add networks, data sets and recipes, built and installed for the tests without a network."""

import subprocess
import sys
import zipfile
from pathlib import Path

NETWORKS = '''
from torch import nn

print("acme.networks is imported")


def tiny_net(images, classes):
    """One dense layer."""
    return nn.Sequential(nn.Flatten(), nn.Linear(images.channels * images.height * images.width, classes))


def not_a_module(images, classes):
    return 3
'''

SHAPES = '''
import numpy as np

from bakeoff import Dataset


def bars():
    """Bright rows and columns."""
    random = np.random.default_rng(0)
    labels = np.arange(80) % 2
    images = random.integers(0, 100, (80, 8, 8), dtype=np.uint8)
    images[labels == 0, 3] += 120
    images[labels == 1, :, 3] += 120
    return Dataset.from_arrays((images, labels), classes=["row", "column"], name="bars")
'''

RECIPES = '''
from bakeoff import Recipe
from bakeoff.studies.general_recipes import quick
from msgspec.structs import replace


def gentle(net, data):
    """Like quick, for two epochs."""
    return replace(quick(net, data), name="anything", epochs=2, validation=0.25)


def wrong(net, data):
    raise ValueError("no idea")
'''

ENTRY_POINTS = """
[bakeoff.nets]
tinynet = acme.networks:tiny_net
not-a-module = acme.networks:not_a_module

[bakeoff.datasets]
bars = acme.shapes:bars

[bakeoff.recipes]
gentle = acme.recipes:gentle
wrong = acme.recipes:wrong
"""

FILES = {"__init__": "", "networks": NETWORKS, "shapes": SHAPES, "recipes": RECIPES}


def install(
    folder: Path,
    name: str = "Acme",
    version: str = "1.2.0",
    entry_points: str = ENTRY_POINTS,
    files: dict[str, str] = FILES,
) -> Path:
    """Build a wheel and let pip install it into a folder, which is returned."""
    module = name.lower()
    wheel = folder.parent / f"{module}-{version}-py3-none-any.whl"
    about = f"{module}-{version}.dist-info"
    content = {f"{module}/{file}.py": text for file, text in files.items()} | {
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": entry_points,
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
        archive.writestr(f"{about}/RECORD", "".join(f"{path},,\n" for path in [*content, f"{about}/RECORD"]))
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    return folder
