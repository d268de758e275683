import pytest
from drawn import draw


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two classes of ten different pictures."""
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    for i in range(20):
        draw(tmp_path / "photos" / "ab"[i % 2] / f"{i}.png", i)
    return tmp_path / "photos"


@pytest.fixture
def root(tmp_path):
    """A folder of images that is not there yet."""
    return tmp_path / "photos"
