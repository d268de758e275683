import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from synthetic import make_store

from bakeoff.store.codec import settings_of
from bakeoff.store.store import Store

COPIES = 100


def multiply(path: Path) -> None:
    """Make COPIES of every run of a store, each with a network of its own name."""
    with Store(path) as store:
        runs = [result.run for result in store.results()]
    with sqlite3.connect(path) as base:
        for number in range(1, COPIES):
            for run in runs:
                copy = msgspec.structs.replace(run, net=f"{run.net}-{number}")
                base.execute(
                    "INSERT INTO runs(id, net, data, data_hash, recipe, seed, settings, state, added, finished, "
                    "environment) SELECT ?, ?, data, data_hash, recipe, seed, ?, state, added, finished, environment "
                    "FROM runs WHERE id = ?",
                    (copy.id, copy.net, settings_of(copy), run.id),
                )
                for table in ("epochs", "measures", "predictions"):
                    names = [row[1] for row in base.execute(f"PRAGMA table_info({table})")]
                    base.execute(
                        f"INSERT INTO {table}({', '.join(names)}) SELECT ?, {', '.join(names[1:])} FROM {table} "
                        "WHERE run = ?",
                        (copy.id, run.id),
                    )


@pytest.mark.accuracy  # it takes long
def test_two_thousand_runs_in_seconds_and_little_memory(tmp_path: Path) -> None:
    path = make_store(tmp_path / "many.db", nets=("conv", "drop"), data=("digits", "mnist"), seeds=5, images=2000)
    multiply(path)
    code = (
        "import json, resource, sys, time; start = time.process_time()\n"
        "from bakeoff.reporting import build_page\n"
        "page = build_page(sys.argv[1])\n"
        "seconds = time.process_time() - start\n"  # what else the machine does is not counted
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(json.dumps([len(page), page.count('\"seed\":'), seconds, peak]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    size, runs, seconds, peak_kib = json.loads(done.stdout)
    assert runs == 2000
    assert size < 6e6
    assert seconds < 20
    assert peak_kib < 1.5e6
