import subprocess
import sys
import time

import numpy as np
import pytest

from bakeoff.data import DATASETS, info, load
from bakeoff.data.describe import mean_and_std
from bakeoff.errors import BakeoffError
from bakeoff.spec import Image


def test_digits_need_no_network():
    digits = load("digits")
    assert digits.train.images.dtype == np.uint8
    assert (digits.train.images.min(), digits.train.images.max()) == (0, 255)
    assert len(np.unique(digits.train.images)) == 17
    assert np.bincount(digits.test.labels).min() >= 34
    assert digits.licence == "CC BY 4.0"
    assert digits.pack is not None


@pytest.mark.parametrize(("name", "mean", "std"), [("mnist", 0.1307, 0.3081), ("fashion-mnist", 0.2860, 0.3530)])
def test_real_data_have_the_known_mean_and_spread_and_open_at_once(shared_data, name, mean, std):
    dataset = load(name)
    assert dataset.train.images.shape == (60_000, 1, 28, 28)
    assert dataset.test.images.shape == (10_000, 1, 28, 28)
    found = mean_and_std(dataset.train.images)
    assert (round(found[0][0], 4), round(found[1][0], 4)) == (mean, std)
    assert dataset.train.labels[:5].tolist() == ([5, 0, 4, 1, 9] if name == "mnist" else [9, 0, 0, 3, 0])
    start = time.perf_counter()
    again = load(name, Image(size=(64, 64)))
    assert time.perf_counter() - start < 0.05
    assert again.info == dataset.info == info(name)


def test_an_entry_is_true_to_what_is_loaded(shared_data):
    for name in ("digits", "mnist", "fashion-mnist"):
        entry, dataset = DATASETS[name], load(name)
        assert (entry.shape, entry.classes) == (dataset.info.shape, len(dataset.info.classes))
        assert (entry.train_images, entry.test_images) == (len(dataset.train), len(dataset.test))


def test_every_entry_is_complete():
    for name, entry in DATASETS.items():
        assert entry.name == name
        assert all((entry.description, entry.source, entry.licence, entry.citation))
        for remote in entry.files:
            assert len(remote.md5) == 32
            assert len(remote.mirrors) >= 2
            assert all(mirror.endswith("/") for mirror in remote.mirrors)


def test_unknown_names_get_a_hint(tmp_path):
    with pytest.raises(BakeoffError, match="unknown data set 'minst': did you mean mnist"):
        load("minst")
    with pytest.raises(BakeoffError, match=f"write folder:{tmp_path}"):
        load(str(tmp_path))


def test_importing_is_quick_and_loads_nothing_heavy():
    program = (
        "import sys, time, numpy, msgspec\n"
        "start = time.perf_counter()\n"
        "import bakeoff.data\n"
        "heavy = {'torch', 'scipy', 'sklearn', 'pandas', 'pooch', 'requests', 'PIL', 'joblib', 'rich'}\n"
        "print(time.perf_counter() - start, *heavy & sys.modules.keys())"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert found[1:] == []
    assert float(found[0]) < 0.25  # about 0.02 on an idle machine
