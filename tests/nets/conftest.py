from pathlib import Path

import pytest

from bakeoff.nets import user_file


@pytest.fixture
def nothing_known(monkeypatch):
    """No network of a file is known yet."""
    monkeypatch.setattr(user_file, "OWN", {})
    monkeypatch.setattr(user_file, "FOLDERS", [])


@pytest.fixture
def file(tmp_path):
    """Write a file and return its path."""

    def write(text: str, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
