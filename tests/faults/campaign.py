"""What the campaigns share: the study that is disturbed, and its expected results."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from safetensors.torch import load_file
from torch.testing import assert_close

from bakeoff.spec.paths import weights_path
from bakeoff.spec.values import to_dict
from bakeoff.store.store import Store
from tiny import without_times

EPOCHS = 120
STUDY = [
    *("--data", "digits", "--seeds", "2", "--epochs", str(EPOCHS)),
    *("--set", "images_per_class=60", "--set", "select=best-validation-loss"),
    *("--workers", "2", "--threads", "1"),
]
"""Four runs of some seconds each, long enough to be hit in every phase."""
LARGE, SMALL = "lenet-afif,nin", "lenet-afif,linear"
"""Networks: with checkpoints of megabytes, and with many epochs a second."""


def start(
    store: Path, log: Path | None = None, environment: dict[str, str] | None = None, nets: str = LARGE
) -> subprocess.Popen[str]:
    """Start the study as a user would, in a process group of its own; what it says goes to a file beside the store."""
    command = [sys.executable, "-m", "bakeoff", "run", "--nets", nets, *STUDY, "--retry-failed", "--store", str(store)]
    with (log or store.with_suffix(".log")).open("a") as said:
        return subprocess.Popen(
            command, stdout=said, stderr=said, text=True, process_group=0, env=os.environ | (environment or {})
        )


start_small = partial(start, nets=SMALL)
"""Start the study with small networks."""


def content(store: Path) -> dict[str, tuple]:
    """Everything that must be bit-identical in two stores, by run."""
    with Store(store) as opened:
        return {
            result.id: (
                result.state,
                [without_times(to_dict(epoch, full=True)) for epoch in result.epochs],
                without_times(result.measures),
                *(array.tobytes() for array in opened.predictions(result.id)),
            )
            for result in opened.results()
        }


def assert_like(store: Path, reference: Path) -> None:
    """Two stores and the files beside them hold the same results, and nothing is left over."""
    found, expected = content(store), content(reference)
    assert found == expected
    assert [state for state, *_ in found.values()] == ["done"] * 4
    assert all([epoch["epoch"] for epoch in epochs] == list(range(1, EPOCHS + 1)) for _, epochs, *_ in found.values())
    with Store(store) as one, Store(reference) as other:
        for run_id in found:
            assert_close(load_file(weights_path(one.files, run_id)), load_file(weights_path(other.files, run_id)),
                         rtol=0, atol=0)  # fmt: skip
        assert {path.name for path in one.files.iterdir()} == {path.name for path in other.files.iterdir()}
        assert one._db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
