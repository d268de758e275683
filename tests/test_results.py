"""The stores of real runs in docs/runs, and what docs/results.md says of them."""

import shlex
import shutil
from pathlib import Path

import pytest

from bakeoff import studies
from bakeoff.analysis.published import compare_with_published
from bakeoff.store.store import Store

DOCS = Path(__file__).resolve().parents[1] / "docs"
RUNS = sorted((DOCS / "runs").glob("*.db"))
ALL = sorted((DOCS / "runs").rglob("*.db"))
"""With the small runs that the page about the audit shows."""


@pytest.fixture(params=RUNS, ids=lambda path: path.stem)
def store(request, tmp_path) -> Path:
    """A copy, so that nothing is written beside the original."""
    return Path(shutil.copy(request.param, tmp_path))


def test_there_are_stores():
    assert len(RUNS) >= 2


def test_every_accuracy_is_in_the_results(store):
    written = (DOCS / "results.md").read_text()
    with Store(store) as opened:
        results = list(opened.results())
    assert results
    for result in results:
        assert result.state == "done"
        assert f"{100 * result.measures['test_accuracy']:.2f}" in written, result.run.net
        assert result.run.net in written


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_they_hold_no_more_than_results(path, tmp_path):
    """No checkpoints lie beside them, and they know nothing of the folders of the machine they were made on."""
    assert {each.suffix for each in (DOCS / "runs").rglob("*") if each.is_file()} == {".db"}
    assert path.stat().st_size < 1_000_000
    with Store(shutil.copy(path, tmp_path)) as opened:
        commands = [command for _, command, _ in opened.studies()]
        facts = [str(fact) for result in opened.results() for fact in result.environment.values()]
        facts += [record.facts.get("source", "") for record in opened.datasets().values()]
    words = [word for command in commands for word in shlex.split(command)] + facts
    assert words and not any(Path(word).is_absolute() for word in words)


def test_they_are_compared_with_their_study(store):
    with Store(store) as opened:
        lines = compare_with_published(studies.load_study(store.stem.partition("-")[0]), opened)
    assert any(line.seeds for line in lines)
    assert {line.verdict for line in lines if line.measure == "parameters"} <= {"agrees", "not run"}


def test_their_runs_keep_their_ids(store):
    """They were made by the first protocol, which was not written down then."""
    with Store(store) as opened:
        results = opened.results()
    assert results and {result.run.protocol for result in results} == {1}
    assert [result.run.id for result in results] == [result.id for result in results]
