import pytest

import bakeoff
import tiny


@pytest.fixture(scope="session")
def results(tmp_path_factory, own_cache) -> bakeoff.Results:
    """Two networks with two seeds on the real digits."""
    return bakeoff.run(
        nets=["lenet-afif", "nin"],
        data=["digits"],
        seeds=2,
        changes=tiny.DIGITS,
        store=tmp_path_factory.mktemp("api") / "a.db",
        quiet=True,
    )
