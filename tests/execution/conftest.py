import pytest

from bakeoff.store.store import Store


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "a.db", create=True) as opened:
        yield opened
