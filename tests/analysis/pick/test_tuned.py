import pytest

import tiny
from bakeoff.analysis.cells import group_cells
from bakeoff.analysis.pick.tuned import measure_test_interval
from bakeoff.spec.records import Result
from bakeoff.stats.proportions import wilson

IMAGES = 12


def finished(*right: int) -> list[Result]:
    return [
        Result(str(seed), tiny.run(seed=seed), "done", measures={"test_accuracy": one / IMAGES, "test_images": IMAGES})
        for seed, one in enumerate(right)
    ]


@pytest.mark.parametrize("right", [(12, 12, 11), (11, 11, 11), (12, 9, 6), (10, 9)])
def test_the_interval_of_a_contest_is_that_of_the_ranking(right):
    (cell,) = group_cells(finished(*right))
    assert measure_test_interval(finished(*right)) == cell.interval("test_accuracy")


def test_a_single_training_has_an_interval_over_the_test_images():
    interval = measure_test_interval(finished(9))
    assert (interval.low, interval.high) == wilson(9, IMAGES)
    assert interval.method.replace("\u202f", " ") == "95 % Wilson interval over 12 test images; one seed"


def test_trainings_that_were_not_tested_have_none():
    assert measure_test_interval([Result("a", tiny.run(), "planned")]) is None
