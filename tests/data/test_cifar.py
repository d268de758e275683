import io
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.data.cifar import CIFAR10, CIFAR100, PIXELS, read_cifar, read_records
from bakeoff.errors import BakeoffError

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def write_archive(path, members: dict[str, bytes]):
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"cifar/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def records(images: np.ndarray, *labels: np.ndarray) -> bytes:
    """Images (N, 3, 32, 32) behind one byte of each of `labels`."""
    columns = [label.astype(np.uint8)[:, None] for label in labels]
    return np.concatenate([*columns, images.reshape(len(images), PIXELS)], axis=1).tobytes()


def some(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), np.uint8)


@given(count=st.integers(1, 5), label_bytes=st.integers(1, 2), seed=st.integers(0, 99))
def test_records_are_read_as_written(count, label_bytes, seed):
    images = some(count, seed)
    labels = np.random.default_rng(seed).integers(0, 100, (2, count))
    read, read_labels = read_records(records(images, *labels[:label_bytes]), label_bytes, 100, "here")
    np.testing.assert_array_equal(read, images)
    np.testing.assert_array_equal(read_labels, labels[label_bytes - 1])


@given(st.binary(max_size=200).map(lambda content: content * 31))
def test_any_bytes_are_whole_records_or_refused(content):
    try:
        images, labels = read_records(content, 1, 256, "here")
    except BakeoffError as error:
        assert f"whole records of 3073 bytes, found {len(content)} bytes" in str(error)
    else:
        assert records(images, labels) == content


def test_real_images_survive_the_binary_layout(shared_data, tmp_path):
    files = {name: np.load(shared_data / "cifar10-lossless-subset" / f"{name}.npz") for name in
             ("train_first4000", "test_first1000")}  # fmt: skip
    x, y = files["train_first4000"]["x"][:1000].transpose(0, 3, 1, 2), files["train_first4000"]["y"][:1000]
    test_x, test_y = files["test_first1000"]["x"][:200].transpose(0, 3, 1, 2), files["test_first1000"]["y"][:200]
    batches = {f"data_batch_{i + 1}.bin": records(x[i::5], y[i::5]) for i in range(5)}
    names = ("\n".join(NAMES) + "\n\n").encode()  # the original ends in an empty line
    path = write_archive(
        tmp_path / "cifar-10-binary.tar.gz",
        {"batches.meta.txt": names, **batches, "test_batch.bin": records(test_x, test_y), "readme.html": b"<html>"},
    )
    classes, train, test = read_cifar(path, CIFAR10)
    assert classes == tuple(NAMES)
    np.testing.assert_array_equal(train[0], np.concatenate([x[i::5] for i in range(5)]))
    np.testing.assert_array_equal(train[1], np.concatenate([y[i::5] for i in range(5)]))
    np.testing.assert_array_equal(test[0], test_x)
    np.testing.assert_array_equal(test[1], test_y)


def test_cifar100_takes_the_fine_label(tmp_path):
    coarse, fine = np.array([19, 3, 0]), np.array([99, 7, 0])
    path = write_archive(
        tmp_path / "a.tar.gz",
        {
            "fine_label_names.txt": "\n".join(f"c{i}" for i in range(100)).encode(),
            "train.bin": records(some(3), coarse, fine),
            "test.bin": records(some(3, 1), coarse, fine),
        },
    )
    classes, train, _ = read_cifar(path, CIFAR100)
    assert len(classes) == 100
    assert train[1].tolist() == [99, 7, 0]


def test_bad_archives_are_named_with_the_problem(tmp_path):
    good = {"fine_label_names.txt": b"a\nb", "train.bin": records(some(2), np.zeros(2), np.ones(2))}
    with pytest.raises(BakeoffError, match=r"incomplete, test\.bin missing"):
        read_cifar(write_archive(tmp_path / "missing.tar.gz", good), CIFAR100)
    bad_label = good | {"test.bin": records(some(1), np.zeros(1), np.array([2]))}
    with pytest.raises(BakeoffError, match=r"test\.bin: expected labels below 2, found 2"):
        read_cifar(write_archive(tmp_path / "label.tar.gz", bad_label), CIFAR100)
    whole = write_archive(tmp_path / "whole.tar.gz", good | {"test.bin": good["train.bin"]}).read_bytes()
    for cut in (0, 10, len(whole) // 2):
        (tmp_path / "cut.tar.gz").write_bytes(whole[:cut])
        with pytest.raises(BakeoffError, match=r"cut\.tar\.gz"):
            read_cifar(tmp_path / "cut.tar.gz", CIFAR100)


def test_members_that_escape_are_never_written(tmp_path):
    """An archive is read in memory: paths and links in it name no file."""
    place = tmp_path / "deep" / "a.tar.gz"
    place.parent.mkdir()
    outside = tmp_path / "outside"
    outside.write_text("mine")
    labels = np.zeros(1)
    members = {"fine_label_names.txt": b"a", "../../../train.bin": records(some(1), labels, labels),
               "../../outside": b"theirs", "test.bin": records(some(1), labels, labels)}  # fmt: skip
    write_archive(place, members)
    assert read_cifar(place, CIFAR100).classes == ("a",)
    assert outside.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar.gz", "deep", "outside"]
    with tarfile.open(place, "w:gz") as archive:
        for name in members:
            link = tarfile.TarInfo(f"cifar/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, str(outside)
            archive.addfile(link)
    with pytest.raises(BakeoffError, match="incomplete"):
        read_cifar(place, CIFAR100)
