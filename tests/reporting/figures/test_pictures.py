import base64
import io
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from synthetic import RECIPE

from bakeoff.data import DATASETS, load_dataset
from bakeoff.reporting.figures.pictures import (
    PIXELS,
    _is_here,
    draw_sheet,
    find_images,
    make_thumbnail,
    similarity_map,
    thumbnail_size,
)
from bakeoff.spec.records import DataRecord
from bakeoff.spec.run import Run


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def opened(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB"))


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((1, 8, 8), (8, 8)),
        ((3, 32, 32), (32, 32)),
        ((3, 96, 128), (64, 48)),
        ((3, 1, 1000), (64, 1)),
        ((4, 70, 9), (8, 64)),
    ],
)
def test_sizes(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    images = noise(2, *shape)
    assert thumbnail_size(images) == size
    assert make_thumbnail(images[0], size).shape == (size[1], size[0], 3)


def test_small_images_are_exact_on_the_sheet_and_lie_where_it_says() -> None:
    images = noise(50, 3, 8, 6)
    sheet = draw_sheet(images, [7, 3, 49, 0, 12])
    assert sheet and sheet.count == 5
    canvas = opened(sheet.uri)
    assert canvas.shape == (sheet.rows * 8, sheet.columns * 6, 3)
    for place, image in enumerate([7, 3, 49, 0, 12]):
        top, left = place // sheet.columns * 8, place % sheet.columns * 6
        assert (canvas[top : top + 8, left : left + 6] == images[image].transpose(1, 2, 0)).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_any_number_of_channels(channels: int) -> None:
    sheet = draw_sheet(noise(4, channels, 5, 5), range(4))
    canvas = opened(sheet.uri) if sheet else np.zeros(0)
    grey = (canvas[..., 0] == canvas[..., 1]).all()
    assert grey == (channels < 3)


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 28, 28), (1, 28, 28), (3, 200, 150)])
def test_the_worst_images_stay_within_four_megabytes(shape: tuple[int, ...]) -> None:
    images = noise(1200, *shape)
    width, height = thumbnail_size(images)
    sheet = draw_sheet(images, range(min(len(images), PIXELS // 4 // (width * height))))
    assert sheet and sheet.count == min(1200, PIXELS // 4 // (width * height))
    assert len(sheet.uri) / (sheet.columns * sheet.rows * width * height) * PIXELS < 4e6


def test_nothing_chosen_gives_no_sheet() -> None:
    assert draw_sheet(noise(2, 1, 8, 8), []) is None


def test_alike_images_are_near_on_the_map() -> None:
    images = np.concatenate([noise(6, 1, 20, 20) // 8, 200 + noise(6, 1, 20, 20) // 8])
    places = similarity_map(images, range(12))
    assert places is not None and np.abs(places).max() <= 1
    assert np.sign(places[:6, 0]).tolist() == [-np.sign(places[-1, 0])] * 6
    assert similarity_map(images, [0, 1]) is None
    assert similarity_map(np.zeros((5, 3, 4, 4), np.uint8), range(5)) is None
    assert similarity_map(noise(5, 1, 1, 1), range(5)) is not None


def record_of(name: str) -> tuple[Run, DataRecord]:
    dataset = load_dataset(name)
    run = Run("conv", name, dataset.info.content_hash, RECIPE, 0)
    return run, DataRecord(dataset.info.content_hash, {}, dataset.test.labels)


def test_images_are_found_and_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run, record = record_of("digits")
    found = find_images(run, record)
    assert not isinstance(found, str) and len(found.test) == len(record.test_labels)
    assert "on this machine differ from those" in str(find_images(Run("conv", "digits", "0" * 64, RECIPE, 0), record))
    other = DataRecord(record.content_hash, {}, record.test_labels[::-1].copy())
    assert "on this machine differ from those" in str(find_images(run, other))
    assert "unknown data set" in str(find_images(Run("conv", "no-such", "0" * 64, RECIPE, 0), record))
    assert "cannot be shown" in str(find_images(Run("conv", "folder:/no/such", "0" * 64, RECIPE, 0), record))
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path))
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path))
    assert "“bakeoff data mnist”" in str(find_images(Run("conv", "mnist", "0" * 64, RECIPE, 0), record))
    assert "no record of the images" in str(find_images(run, None))


@pytest.mark.parametrize("name", DATASETS)
def test_files_are_looked_for_where_they_are_fetched_to(name, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path))
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    entry, places = DATASETS[name], []
    monkeypatch.setattr("bakeoff.data.builtin.fetch", lambda folder, remote, progress: places.append(folder))
    with suppress(Exception):
        load_dataset(name)
    for folder, file in zip(places, entry.files, strict=True):
        assert not _is_here(name)
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / file.name).touch()
    assert _is_here(name)
