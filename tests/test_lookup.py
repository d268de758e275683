import pytest

from bakeoff.errors import BakeoffError
from bakeoff.lookup import find, unknown

TABLE = {"conv": 1, "drop": 2, "resnet20": 3}


def test_a_known_name_is_found():
    assert find(TABLE, "drop", "network") == 2


def test_the_nearest_names_are_suggested():
    with pytest.raises(BakeoffError, match=r"^unknown network 'resnet2': did you mean resnet20\?$"):
        find(TABLE, "resnet2", "network")


def test_all_names_are_listed_when_none_is_near():
    assert unknown("network", "xyz", TABLE) == "unknown network 'xyz': there are: conv, drop, resnet20"
