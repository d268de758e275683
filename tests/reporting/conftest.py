from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic import make_store


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that makes a synthetic store and returns its path."""

    def made(**options: object) -> Path:
        return make_store(tmp_path_factory.mktemp("store") / "made.db", **options)  # type: ignore[arg-type]

    return made
