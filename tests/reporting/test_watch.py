import shutil
from pathlib import Path

import pytest

from bakeoff.errors import BakeoffError
from bakeoff.reporting import watch as module
from bakeoff.reporting.watch import watch


def watched(monkeypatch: pytest.MonkeyPatch, store: Path, output: Path, *steps) -> tuple[list[str], list[bool]]:
    """Watch while `steps` happen one by one, then press Ctrl-C; return what was said and whether the page was live."""
    said: list[str] = []
    live: list[bool] = []
    coming = iter(steps)

    def sleep(_: float) -> None:
        if output.exists():
            live.append('data-live="10"' in output.read_text(encoding="utf-8"))
        step = next(coming, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr(module.time, "sleep", sleep)
    watch(store, output, say=said.append)
    return said, live


def test_it_waits_for_a_store_follows_it_and_leaves_a_still_page(make, tmp_path: Path, monkeypatch) -> None:
    store, output = tmp_path / "study.db", tmp_path / "report.html"
    first, second = make(data=("mine",), waiting=6), make(data=("mine",))
    said, live = watched(
        monkeypatch,
        store,
        output,
        lambda: shutil.copy(first, store),
        lambda: None,
        lambda: shutil.copy(second, store),
    )
    assert said[0].startswith("Waiting: no store at") and said[1].startswith("Report: ") and len(said) == 2
    assert live == [True, True, True]
    page = output.read_text(encoding="utf-8")
    assert "12 of 12 runs finished" in page and 'data-live="10"' not in page


def test_a_page_that_cannot_be_written_ends_it(make, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BakeoffError, match="cannot write"):
        watched(monkeypatch, make(data=("mine",)), tmp_path / "file" / "report.html")


def test_an_unchanged_store_is_not_read_again(make, tmp_path: Path, monkeypatch) -> None:
    built = []
    real = module.build_page
    monkeypatch.setattr(module, "build_page", lambda *a, **k: built.append(1) or real(*a, **k))
    watched(monkeypatch, make(data=("mine",)), tmp_path / "a.html", lambda: None, lambda: None)
    assert len(built) == 1
