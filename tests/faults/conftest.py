from pathlib import Path

import pytest
from campaign import start, start_small


@pytest.fixture(scope="session")
def reference(tmp_path_factory, own_cache) -> Path:
    """The study, uninterrupted."""
    store = tmp_path_factory.mktemp("reference") / "whole.db"
    assert start(store).wait() == 0
    return store


@pytest.fixture(scope="session")
def small_reference(tmp_path_factory, own_cache) -> Path:
    """The study with small networks, uninterrupted."""
    store = tmp_path_factory.mktemp("reference") / "whole.db"
    assert start_small(store).wait() == 0
    return store
