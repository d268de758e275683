import pytest

from bakeoff.errors import BakeoffError
from bakeoff.lookup import find, spelled, unknown

TABLE = {"conv": 1, "drop": 2, "resnet20": 3}


def test_a_known_name_is_found():
    assert find(TABLE, "drop", "network") == 2


def test_the_nearest_names_are_suggested():
    with pytest.raises(BakeoffError, match=r"^unknown network 'resnet2': did you mean resnet20\?$"):
        find(TABLE, "resnet2", "network")


def test_all_names_are_listed_when_none_is_near():
    assert unknown("network", "xyz", TABLE) == "unknown network 'xyz': choose from conv, drop, resnet20"


def test_a_name_that_shares_half_its_letters_is_not_near():
    assert "did you mean" not in unknown("recipe", "nonsense", ["finetune", "quick"])


def test_capitals_do_not_hide_a_near_name():
    assert unknown("network", "RESNET2", TABLE).endswith("did you mean resnet20?")


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("Fashion_MNIST", ["mnist", "fashion-mnist"], "fashion-mnist"),
        ("mnist", ["mnist", "MNIST"], "mnist"),
        ("Mnist", ["mnist", "MNIST"], "Mnist"),  # both could be meant
        ("other", ["mnist"], "other"),
    ],
)
def test_a_name_spelled_a_little_otherwise_is_known(name, known, found):
    assert spelled(name, known) == found
