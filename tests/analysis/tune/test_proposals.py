import math

import pytest

pytest.importorskip("optuna")

from bakeoff.analysis.tune.proposals import Tried, propose
from bakeoff.analysis.tune.space import Searched

SPACE = (
    Searched("optimizer.lr", 1e-4, 1e-1, is_logarithmic=True),
    Searched("augment.cutout", 0, 8, is_whole=True),
    Searched("augment.flip", choices=(True, False)),
)
OWN = {"optimizer.lr": 3e-3, "augment.cutout": 0, "augment.flip": False}


def error_of(values):
    """Least at a rate of 0.02 with mirrored images."""
    return 0.1 + 0.05 * abs(math.log10(values["optimizer.lr"] / 0.02)) + (0.0 if values["augment.flip"] else 0.05)


def search(trials):
    tried = [Tried(OWN, error_of(OWN))]
    for _ in range(trials):
        values = propose(SPACE, tried)
        tried.append(Tried(values, error_of(values)))
    return tried


def test_are_within_the_space_and_new():
    tried = search(12)
    for each in tried:
        assert all(one.contains(each.values[one.field]) for one in SPACE)
        assert isinstance(each.values["augment.cutout"], int) and isinstance(each.values["augment.flip"], bool)
    assert len({tuple(each.values.values()) for each in tried}) == len(tried)


def test_depend_on_what_was_tried_alone():
    tried = search(5)
    assert propose(SPACE, tried) == propose(SPACE, tried)
    assert propose(SPACE, tried[:3]) != propose(SPACE, tried)


def test_get_better_by_results():
    errors = [each.error for each in search(30)]
    assert sum(errors[-10:]) < sum(errors[1:9]) / 8 * 10
    assert min(errors) < error_of(OWN)


def test_take_trials_that_are_running_into_account():
    running = [Tried(OWN, 0.2), Tried(OWN | {"augment.cutout": 1}, None)]
    assert propose(SPACE, running) not in [each.values for each in running]


def test_end_when_everything_was_tried():
    space = (Searched("batch_size", choices=(32, 64)),)
    assert propose(space, [Tried({"batch_size": 32}, 0.1), Tried({"batch_size": 64}, 0.2)]) is None
