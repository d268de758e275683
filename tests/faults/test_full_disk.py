"""Fill the disk at any moment: one sentence, and with room again the same command ends as if nothing had been."""

import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from campaign import assert_like, start

from bakeoff.errors import BakeoffError
from bakeoff.store.store import Store

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

MIB = 2**20


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A disk of 32 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_loses_nothing(reference, disk, tmp_path, capsys):
    """The disk space for store and checkpoints changes from one command to the next."""
    random.seed(3)
    store, log, ballast = disk / "a.db", tmp_path / "a.log", disk / "ballast"
    ends: Counter[str] = Counter()
    for mib in [0.02, 0.1, 0.5, 1, 2, 4, *(random.uniform(0.05, 14) for _ in range(14))]:
        ballast.unlink(missing_ok=True)
        ballast.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - int(mib * MIB))))
        log.unlink(missing_ok=True)
        code = start(store, log).wait()
        assert code in (0, 2)
        assert "Traceback" not in log.read_text()
        if code == 0:
            ends["went through"] += 1
            continue
        sentence = log.read_text().splitlines()[-1]
        assert any(word in sentence for word in ("is full", "No space left", "disk I/O error")), sentence
        ends[sentence.replace(str(disk), "")[:100]] += 1
        try:
            with Store(store) as opened:
                assert all(result.state in ("waiting", "running", "done") for result in opened.results())
        except BakeoffError:
            assert mib < 0.2  # not even room for a first page
    ballast.unlink()
    assert start(store, log).wait() == 0
    assert_like(store, reference)
    with capsys.disabled():
        print("\nfull disk:", *(f"{number} × {end}" for end, number in ends.items()), sep="\n  ")
