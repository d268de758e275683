import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("busy", deadline=None)  # how long one example takes depends on the machine's other work
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


@pytest.fixture
def shared_data(monkeypatch) -> Path:
    """The folder with real data sets, which also becomes the data folder of the test."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("BAKEOFF_DATA") or beside)
    if not (folder / "mnist").is_dir():
        pytest.skip(f"no real data in {folder}: set $BAKEOFF_DATA")
    monkeypatch.setenv("BAKEOFF_DATA", str(folder))
    return folder
