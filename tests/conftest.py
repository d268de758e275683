import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# How long one example takes depends on the machine's other work. New examples are tried wherever tests are written, and
# the same ones by CI, so that it fails for what was changed.
settings.register_profile("busy", deadline=None, max_examples=40, derandomize="CI" in os.environ)
settings.load_profile("busy")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side: threads of one would stall the others


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Packed data of the tests go to a folder of their own, never into the user's cache."""
    before = os.environ.get("BAKEOFF_CACHE")
    os.environ["BAKEOFF_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ.pop("BAKEOFF_CACHE")
    if before is not None:
        os.environ["BAKEOFF_CACHE"] = before


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    """A folder of photographs that tiny networks can tell apart; do not change it."""
    import tinted  # loads numpy, which reads OMP_NUM_THREADS

    return tinted.photographs(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def store(photos, tmp_path_factory, own_cache) -> Path:
    """A store with networks trained on these photographs; do not change it."""
    import tinted  # loads numpy, which reads OMP_NUM_THREADS

    return tinted.trained_store(tmp_path_factory.mktemp("store") / "a.db", photos)


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Any]]:
    """A function that starts a Chromium with arguments: a process can only have one Playwright.

    Tests of pages are skipped with a reason where there is none.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")
    chromium = os.environ.get("BAKEOFF_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as p:
        yield lambda *arguments: p.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", *arguments]
        )


@pytest.fixture
def shared_data(monkeypatch) -> Path:
    """The folder with real data sets, which also becomes the data folder of the test."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("BAKEOFF_DATA") or beside)
    if not (folder / "mnist").is_dir():
        pytest.skip(f"no real data in {folder}: set $BAKEOFF_DATA")
    monkeypatch.setenv("BAKEOFF_DATA", str(folder))
    return folder
