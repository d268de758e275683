"""Write each kind of file to a disk that is full: the old file stays, and nothing is left over."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.execution.plan import make_record
from bakeoff.reporting.page import write
from bakeoff.spec.paths import weights_path
from bakeoff.store.backups import keep_backup
from bakeoff.store.merge import merge
from bakeoff.store.store import Store
from bakeoff.training.checkpoints import save_weights

pytestmark = [pytest.mark.faults]


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A disk of its own with room for 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def write_large_weights(store: Path, disk: Path) -> None:
    from torch import nn

    save_weights(disk, "0123456789abcdef", nn.Linear(1000, 1000))


WRITES = {
    "page": lambda store, disk: write(store, disk / "report.html"),
    "weights": write_large_weights,
    "merged store": lambda store, disk: merge([store], disk / "all.db"),
    "backup": lambda store, disk: keep_backup(Path(shutil.copyfile(store, disk / "a.db")), "v0"),
}


@pytest.fixture
def filled(tmp_path) -> Path:
    """A store that fits on the disk, but not twice."""
    path = tmp_path / "a.db"
    with Store(path, create=True) as store:
        store.add([tiny.run("nin", seed) for seed in range(8)], [make_record(tiny.dataset())])
        store.files.mkdir()
        weights_path(store.files, tiny.run("nin", 0).id).write_bytes(bytes(200_000))
    return path


@pytest.mark.parametrize("kind", WRITES)
def test_files_are_written_whole_or_not_at_all(kind, filled, disk):
    before = {path.name: path.read_bytes() for path in disk.iterdir()}
    with pytest.raises((BakeoffError, OSError)) as caught:
        WRITES[kind](filled, disk)
    assert any(word in str(caught.value) for word in ("space", "full", "room"))
    left = {path.name: path.read_bytes() for path in disk.iterdir() if path.name != "a.db"}
    assert left == before
