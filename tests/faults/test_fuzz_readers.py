"""Damaged inputs to everything that reads files: the content, or one sentence, never a traceback.

$BAKEOFF_FUZZ is the number of inputs, a million by default; a share of them goes to each reader.
"""

import gzip
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import safetensors.torch
import torch
from fuzzing import Reader, fuzz
from scipy.io import savemat

import tiny
from bakeoff import studies
from bakeoff.data.cifar import FileNames, read_cifar, read_records
from bakeoff.data.decode import decode_safely, read_headers
from bakeoff.data.idx import read_idx
from bakeoff.data.svhn import read_matlab
from bakeoff.data.table import parse_csv
from bakeoff.errors import BakeoffError
from bakeoff.nets.user_weights import read_weights
from bakeoff.spec.paths import checkpoint_path
from bakeoff.store.pages import read_rows
from bakeoff.store.store import Store
from bakeoff.studies.toml import parse_study, write_study
from bakeoff.training import checkpoints
from bakeoff.training.loop import fit

pytestmark = [pytest.mark.faults, pytest.mark.timeout(4 * 3600)]

INPUTS = int(os.environ.get("BAKEOFF_FUZZ", "1000000"))


def idx_files() -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5), np.uint8)
    header = bytes([0, 0, 8, 3]) + np.array(pixels.shape, ">i4").tobytes()
    return [header + pixels.tobytes(), gzip.compress(header + pixels.tobytes())]


def mat_files(folder: Path) -> list[bytes]:
    content = {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.array([[1], [10]], np.uint8)}
    for name, packed in (("a", False), ("b", True)):
        savemat(folder / f"{name}.mat", content, do_compression=packed)
    return [(folder / f"{name}.mat").read_bytes() for name in "ab"]


def pictures() -> list[bytes]:
    picture = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8))
    found = []
    for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        file = io.BytesIO()
        picture.save(file, form)
        found.append(file.getvalue())
    return found


CIFAR = FileNames("names.txt", ("train.bin",), ("test.bin",), 1)


def cifar_archives() -> list[bytes]:
    members = {"names.txt": b"cat\ndog\n", "train.bin": bytes(2 * 3073), "test.bin": bytes(3073)}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"cifar/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return [file.getvalue(), gzip.compress(gzip.decompress(file.getvalue()), 0)]


def weights(folder: Path) -> list[bytes]:
    entries = {"a.weight": torch.ones(3, 4), "a.bias": torch.zeros(3)}
    torch.save(entries, folder / "a.pth")
    return [safetensors.torch.save(entries), (folder / "a.pth").read_bytes()]


def checkpoint(folder: Path) -> bytes:
    run = tiny.run(epochs=1)
    list(fit(run, tiny.dataset(train=20, test=5), tiny.MACHINE, folder))
    return checkpoint_path(folder, run.id).read_bytes()


def read_store(path: Path) -> None:
    with Store(path) as store:
        store.read()
        store.studies()
        store.datasets()


@pytest.fixture(scope="module")
def readers(tmp_path_factory) -> dict[str, Reader]:
    folder = tmp_path_factory.mktemp("whole")
    tiny.finished_store(folder / "a.db")
    store, table = (folder / "a.db").read_bytes(), b'path,label\na/1.png,cat\n"b,2.png","d""og"\nc.png,cat\n'
    texts = [write_study(studies.load_study(name)).encode() for name in ("demo", "afif2018")]
    return {
        "IDX": Reader(0.20, idx_files(), lambda path: read_idx(path, 3)),
        "CIFAR records": Reader(0.10, [bytes(2 * 3073)], lambda path: read_records(path.read_bytes(), 1, 10, "x")),
        "CIFAR archives": Reader(0.05, cifar_archives(), lambda path: read_cifar(path, CIFAR)),
        ".mat": Reader(0.05, mat_files(folder), read_matlab, may_crash=True),
        "image headers": Reader(0.18, pictures(), lambda path: read_headers(path.parent, [path.name])),
        "images": Reader(0.07, pictures(), lambda path: decode_safely(path, (8, 8), "crop")),
        "study files": Reader(0.05, texts, lambda path: parse_study(path.read_text(errors="replace"), "x")),
        "CSV": Reader(0.20, [table, table.decode().encode("utf-16")], lambda path: parse_csv(path.read_bytes(), "x")),
        "stores": Reader(0.03, [store], read_store),
        "pages of stores": Reader(0.02, [store], lambda path: list(read_rows(path))),
        "checkpoints": Reader(0.03, [checkpoint(folder)], checkpoints._read),
        "weights": Reader(0.01, weights(folder), read_weights),
        "safetensors": Reader(0.01, weights(folder), lambda path: read_weights(path.rename(f"{path}.safetensors"))),
    }


def test_any_input_is_read_or_explained(readers, tmp_path, capsys):
    findings, total = [], 0
    for name, reader in readers.items():
        report = fuzz(name, reader, max(1, round(INPUTS * reader.share)), tmp_path)
        total += sum(report.ends.values())
        findings += report.findings
        with capsys.disabled():
            print(f"\n  {report}", end="", flush=True)
    with capsys.disabled():
        print(f"\n{total:,} inputs", *findings[:20], sep="\n  ")
    assert findings == []


def test_inputs_that_crash_or_hang_a_reader_are_noticed(tmp_path, monkeypatch):
    def read(path: Path) -> None:
        first = path.read_bytes()[0]
        if first == ord("c"):
            os.abort()
        elif first == ord("h"):
            while True:
                pass
        elif first == ord("e"):
            raise BakeoffError("explained")
        elif first == ord("w"):
            raise KeyError("wrong")

    monkeypatch.setattr("fuzzing.HANGS_AFTER", 0.2)
    monkeypatch.setattr("fuzzing.damaged_input", lambda name, number, whole: whole[number])
    report = fuzz("any", Reader(1, [b"r", b"c", b"e", b"h", b"w", b"r"], read), 6, tmp_path)
    assert report.ends == {"read": 2, "crashed": 1, "explained": 1, "hung": 1, "wrong": 1}
    assert len(report.findings) == 3
    assert (tmp_path / "any-1").read_bytes() == b"c"
