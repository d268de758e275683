import pytest
from stored import DATA, OTHER, RUN

from tiny import ClaimingStore


@pytest.fixture
def store(tmp_path):
    with ClaimingStore(tmp_path / "a.db", create=True) as opened:
        opened.add([RUN, OTHER], [DATA])
        yield opened
