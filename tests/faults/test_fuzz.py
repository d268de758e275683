"""Turn bytes of any file over: a sentence with exit code 2 or the right result, never a traceback."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest
from fuzzing import damage

import tiny
from bakeoff import studies
from bakeoff.cli import main
from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import checkpoint_path
from bakeoff.spec.records import Outcome
from bakeoff.store.store import Store
from bakeoff.studies.toml import parse_study, write_study
from bakeoff.training.loop import fit

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]


def call(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    """Run a command line here; whatever it raises is a failure of the test."""
    monkeypatch.setattr("sys.argv", ["bakeoff", *arguments])
    try:
        main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("command", [["results", "--json"], ["results"], ["report", "-o", "page.html"]])
def test_damaged_stores_are_read_or_explained(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiny.finished_store(Path("whole.db"))
    whole, dice = Path("whole.db").read_bytes(), random.Random(" ".join(command))
    _, expected, _ = call(monkeypatch, capsys, *command, "--store", "whole.db")
    ends, clock = Counter(), time.monotonic()
    for number in range(2000):
        path = Path("a.db")
        path.write_bytes(damage(whole, dice))
        try:
            code, out, err = call(monkeypatch, capsys, *command, "--store", "a.db")
        except Exception as error:
            raise AssertionError(f"case {number} of {command}") from error
        assert code in (0, 1, 2), err
        if code == 2:
            assert err.startswith("bakeoff: ")
            assert len(err.splitlines()) == 1
        told = ("the same" if out.replace("a.db", "whole.db") == expected else "different", "in part", "explained")
        ends[told[code]] += 1
        for left in tmp_path.glob("a.db-*"):
            left.unlink()
    with capsys.disabled():
        print(f"\ndamaged stores, {' '.join(command)}: {dict(ends)}, {time.monotonic() - clock:.0f} s")


def test_damaged_stores_are_written_or_refused(tmp_path, capsys):
    """What a study does to a store: add, claim, record, finish, fail."""
    tiny.finished_store(tmp_path / "whole.db")
    whole, dice = (tmp_path / "whole.db").read_bytes(), random.Random(4)
    run, ends = tiny.run("conv"), Counter()
    path = tmp_path / "a.db"
    for _ in range(2000):
        path.write_bytes(damage(whole, dice))
        try:
            with Store(path) as store:
                (known, *_) = store.datasets().values()
                store.add([run], [known])
                store.claim(run.id, "me.example:1:2")
                store.record_study("x", "y")
                store.beat("me.example:1:2")
                store.forget([run.id], "me.example:1:2")
            ends["written"] += 1
        except BakeoffError:
            ends["refused"] += 1
        except ValueError:  # no data set is left to unpack
            ends["empty"] += 1
        for left in tmp_path.glob("a.db-*"):
            left.unlink()
    with capsys.disabled():
        print(f"\nstores to write to: {dict(ends)}")


def test_damaged_checkpoints_change_no_result(tmp_path, capsys):
    data, run, dice = tiny.dataset(), tiny.run(select="best-validation-loss"), random.Random(5)
    *_, expected = fit(run, data, tiny.MACHINE)
    assert isinstance(expected, Outcome)
    half = fit(run, data, tiny.MACHINE, tmp_path)
    next(half), next(half)
    half.close()
    path = checkpoint_path(tmp_path, run.id)
    whole, ends = path.read_bytes(), Counter()
    for _ in range(300):
        path.write_bytes(damage(whole, dice))
        steps = []
        *_, outcome = fit(run, data, tiny.MACHINE, tmp_path, lambda *step, steps=steps: steps.append(step))
        assert outcome.probabilities.tobytes() == expected.probabilities.tobytes()
        assert tiny.without_times(outcome.measures) == tiny.without_times(expected.measures)
        ends["began anew" if len(steps) == 9 else "went on"] += 1
    assert ends["began anew"] > 200
    with capsys.disabled():
        print(f"\ndamaged checkpoints: {dict(ends)}")


def test_damaged_study_files_are_read_or_explained(tmp_path, monkeypatch, capsys):
    dice, ends = random.Random(6), Counter()
    path = tmp_path / "study.toml"
    for name in studies.study_names():
        whole = write_study(studies.load_study(name)).encode()
        for _ in range(200):
            path.write_bytes(damage(whole, dice))
            try:
                study = studies.load_study(str(path))
                assert parse_study(write_study(study), "again") == study
                ends["read"] += 1
            except BakeoffError as error:
                assert str(path) in str(error)
                ends["explained"] += 1
    with capsys.disabled():
        print(f"\ndamaged study files: {dict(ends)}")
