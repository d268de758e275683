import hashlib
import io
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np
import pytest
from scipy.io import savemat

from bakeoff.data import DATASETS, Entry, info, load_dataset
from bakeoff.data.builtin import content_hash, load_builtin
from bakeoff.data.describe import mean_and_std
from bakeoff.data.fetch import Remote
from bakeoff.errors import BakeoffError
from bakeoff.spec.recipe import Image


def test_digits_need_no_network():
    digits = load_dataset("digits")
    assert digits.train.images.dtype == np.uint8
    assert (digits.train.images.min(), digits.train.images.max()) == (0, 255)
    assert len(np.unique(digits.train.images)) == 17
    assert np.bincount(digits.test.labels).min() >= 34
    assert digits.licence == "CC BY 4.0"
    assert digits.pack is not None


FORM = (
    "01234567890123456789012345678909556509898417735100227820126337334"
    "66649150952820017632174631391768431405369617544728225795488490898"
)
"""What each contributor to scikit-learn's digits wrote."""
FORM_STARTS = (0, 130, 256, 386, 516, 646, 776, 906, 1029, 1157, 1287, 1415, 1545, 1667, 1797)


def test_nobody_wrote_for_training_and_test_digits():
    digits = load_dataset("digits")
    labels = "".join(map(str, [*digits.train.labels, *digits.test.labels]))
    forms = [labels[start:end] for start, end in pairwise(FORM_STARTS)]
    matches = [SequenceMatcher(None, FORM, form, autojunk=False).get_matching_blocks() for form in forms]
    copied = sum(block.size for blocks in matches for block in blocks)
    assert (copied, len(labels), 14 * len(FORM)) == (1796, 1797, 1820), "all is copied but one digit, and 23 are lost"
    assert min(map(len, forms)) >= 122
    assert len(digits.train) == 1415 == FORM_STARTS[11]
    assert "other writers" in DATASETS["digits"].description


@pytest.mark.parametrize(("name", "mean", "std"), [("mnist", 0.1307, 0.3081), ("fashion-mnist", 0.2860, 0.3530)])
def test_real_data_have_the_known_mean_and_spread_and_open_at_once(shared_data, name, mean, std):
    dataset = load_dataset(name)
    assert dataset.train.images.shape == (60_000, 1, 28, 28)
    assert dataset.test.images.shape == (10_000, 1, 28, 28)
    found = mean_and_std(dataset.train.images)
    assert (round(found[0][0], 4), round(found[1][0], 4)) == (mean, std)
    assert dataset.train.labels[:5].tolist() == ([5, 0, 4, 1, 9] if name == "mnist" else [9, 0, 0, 3, 0])
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        again = load_dataset(name, Image(size=(64, 64)))
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05
    assert again.info == dataset.info == info(name)


def test_an_entry_matches_the_loaded_data(shared_data):
    for name in ("digits", "mnist", "fashion-mnist"):
        entry, dataset = DATASETS[name], load_dataset(name)
        assert (entry.shape, entry.classes) == (dataset.info.shape, len(dataset.info.classes))
        assert (entry.train_images, entry.test_images) == (len(dataset.train), len(dataset.test))


def made_up(
    folder, name: str, files: dict[str, bytes], train_images: int, test_images: int, classes: int = 10
) -> Entry:
    """The entry `name` with other files, which lie in the data folder."""
    remotes = []
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
        remotes.append(Remote(file.split("/")[1], hashlib.md5(content).hexdigest(), ()))
    counts = {"train_images": train_images, "test_images": test_images, "classes": classes}
    return replace(DATASETS[name], files=tuple(remotes), **counts)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


def test_svhn_extra_joins_both_training_files(folders):
    images = np.random.default_rng(0).integers(0, 256, (9, 3, 32, 32), np.uint8)
    files = {}
    for i, name in enumerate(("test", "train", "extra")):
        stream = io.BytesIO()
        part = images[3 * i : 3 * i + 3].transpose(2, 3, 1, 0)
        savemat(stream, {"X": part, "y": np.full((3, 1), 10 - i, np.uint8)})
        files[f"svhn/{name}_32x32.mat"] = stream.getvalue()
    dataset = load_builtin(made_up(folders, "svhn-extra", files, 6, 3))
    np.testing.assert_array_equal(dataset.train.images, images[3:])
    np.testing.assert_array_equal(dataset.test.images, images[:3])
    assert dataset.train.labels.tolist() == [9, 9, 9, 8, 8, 8]
    assert dataset.test.labels.tolist() == [0, 0, 0]


def test_cifar_comes_straight_from_its_archive(folders):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in {
            "fine_label_names.txt": b"apple\nbee\n",
            "train.bin": bytes([0, 1]) + b"a" * 3072 + bytes([5, 0]) + b"b" * 3072,
            "test.bin": bytes([0, 1]) + b"c" * 3072,
        }.items():
            member = tarfile.TarInfo(f"cifar-100-binary/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    files = {"cifar100/cifar-100-binary.tar.gz": stream.getvalue()}
    with pytest.raises(BakeoffError, match=r"expected shape, classes, .* 3x32x32 2 3 1, found 3x32x32 2 2 1"):
        load_builtin(made_up(folders, "cifar100", files, 3, 1, classes=2))
    entry = made_up(folders, "cifar100", files, 2, 1, classes=2)
    dataset = load_builtin(entry)
    assert dataset.info.classes == ("apple", "bee")
    assert dataset.train.labels.tolist() == [1, 0]
    assert dataset.test.images.ravel().tolist() == [ord("c")] * 3072
    (folders / "cifar100" / "cifar-100-binary.tar.gz").unlink()
    assert load_builtin(entry).info == dataset.info, "the pack needs no original any more"


def test_the_content_hash_covers_pixels_labels_and_names():
    images, labels = np.arange(48, dtype=np.uint8).reshape(4, 3, 2, 2), np.array([0, 1, 0, 1])
    split = ((images,), labels)
    base = content_hash(("a", "b"), {"train": split})
    assert content_hash(("a", "b"), {"train": ((images[:3], images[3:]), labels)}) == base
    others = {
        content_hash(("a", "c"), {"train": split}),
        content_hash(("a", "b"), {"test": split}),
        content_hash(("a", "b"), {"train": ((images + 1,), labels)}),
        content_hash(("a", "b"), {"train": ((images,), labels[::-1])}),
        content_hash(("a", "b"), {"train": ((images.reshape(4, 1, 4, 3),), labels)}),
    }
    assert len(others | {base}) == 6


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
        load_dataset("minst")
    with pytest.raises(BakeoffError, match=f"write folder:{tmp_path}"):
        load_dataset(str(tmp_path))


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
