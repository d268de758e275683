import os
import subprocess
import sys

import numpy as np
import pytest

from bakeoff.data.pack import Meta, Split, file_names, open_pack, pack_folder, write_pack
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import DataInfo, ImageShape

TRAIN = np.arange(4 * 12, dtype=np.uint8).reshape(4, 3, 2, 2)
META = Meta(
    info=DataInfo(
        name="tiny",
        shape=ImageShape(3, 2, 2),
        classes=("a", "b"),
        content_hash="0",
        train_images=4,
        validation_images=0,
        test_images=2,
        photographs=True,
    ),
    source="here",
    licence="MIT",
    citation="none",
)
SPLITS = {
    "train": Split([TRAIN[:3], TRAIN[3:]], np.array([0, 1, 0, 1])),
    "test": Split([TRAIN[:2]], np.array([1, 1]), ("a/1.png", "a/2.png"), ("patient 7", "")),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path))
    return pack_folder("tiny")


def test_a_pack_reads_back(folder):
    assert open_pack(folder) is None
    written = write_pack(folder, META, SPLITS)
    for dataset in (written, open_pack(folder)):
        np.testing.assert_array_equal(dataset.train.images, TRAIN)
        assert dataset.train.labels.tolist() == [0, 1, 0, 1]
        assert (dataset.train.groups, dataset.test.groups) == ((), ("patient 7", ""))
        assert dataset.train.labels.dtype == np.int64
        assert dataset.validation is None
        assert dataset.info == META.info
        assert file_names(dataset, "test") == ("a/1.png", "a/2.png")
        assert file_names(dataset, "train") == ()
    assert not list(folder.parent.glob(".*")), "no temporary folder stays behind"


def test_writing_to_the_images_does_not_reach_the_file(folder):
    dataset = write_pack(folder, META, SPLITS)
    dataset.train.images[:] = 7
    np.testing.assert_array_equal(open_pack(folder).train.images, TRAIN)


@pytest.mark.parametrize("victim", ["meta.json", "train-images.npy", "test-labels.npy"])
@pytest.mark.parametrize("damage", ["remove", "empty", "cut", "overwrite"])
def test_a_damaged_pack_is_rewritten(folder, victim, damage):
    write_pack(folder, META, SPLITS)
    path = folder / victim
    content = path.read_bytes()
    path.unlink()
    if damage != "remove":
        path.write_bytes({"empty": b"", "cut": content[:-1], "overwrite": b"x" * len(content)}[damage])
    assert open_pack(folder) is None
    np.testing.assert_array_equal(write_pack(folder, META, SPLITS).train.images, TRAIN)


def test_of_two_writers_the_second_uses_the_work_of_the_first(folder):
    first = write_pack(folder, META, SPLITS)
    state = (folder / "meta.json").stat().st_ino
    second = write_pack(folder, META, SPLITS)
    assert (folder / "meta.json").stat().st_ino == state
    np.testing.assert_array_equal(first.train.images, second.train.images)


def test_several_processes_may_pack_at_once(tmp_path):
    program = "import bakeoff.data as d; print(d.load_dataset('digits').info.content_hash)"
    environment = os.environ | {"BAKEOFF_CACHE": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    started = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE) for _ in range(2)
    ]
    assert len({process.communicate()[0] for process in started}) == 1
    assert all(process.returncode == 0 for process in started)
    assert len(list((tmp_path / "packs").iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "file"))
    with pytest.raises(BakeoffError, match=r"cannot write packed data to .*BAKEOFF_CACHE"):
        write_pack(pack_folder("tiny"), META, SPLITS)


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_behind(folder):
    def chunks():
        yield TRAIN[:1]
        raise OSError(28, "No space left on device")

    with pytest.raises(BakeoffError, match="No space left on device"):
        write_pack(folder, META, SPLITS | {"train": Split(chunks(), np.zeros(4))})
    assert list(folder.parent.iterdir()) == []
