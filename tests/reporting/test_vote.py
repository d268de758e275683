import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.reporting.vote import KINDS, Tally, Vote, find_shared, select_examples, select_gallery


def tallied(labels: list[int], *runs: list[list[float]]) -> Vote:
    tally = Tally(np.array(labels), len(runs[0][0]))
    for run in runs:
        probabilities = np.array(run, np.float16)
        tally.add(probabilities.argmax(axis=1).astype(np.uint16), probabilities)
    return tally.result()


def said(*predicted: int, confidence: float = 0.5) -> Vote:
    return Vote(np.array(predicted, np.uint16), np.full(len(predicted), confidence, np.float32), np.zeros(0), 1)


def test_most_seeds_decide_and_among_equals_the_surer_one() -> None:
    found = tallied([0, 1], [[0.9, 0.1], [0.8, 0.2]], [[0.4, 0.6], [0.4, 0.6]], [[0.4, 0.6], [0.9, 0.1]])
    assert found.predicted.tolist() == [1, 0]
    assert found.right.tolist() == [1, 1] and found.seeds == 3
    assert np.allclose(found.confidence, [1.3 / 3, 2.1 / 3], atol=1e-3)
    assert tallied([0], [[0.9, 0.1]], [[0.4, 0.6]]).predicted.tolist() == [0]


def test_one_seed_stands_as_it_was_stored() -> None:
    tally = Tally(np.array([0, 1]), 2)
    tally.add(np.array([1, 1], np.uint16), np.array([[0.5, 0.5], [0.5, 0.5]], np.float16))
    assert tally.result().predicted.tolist() == [1, 1]


def test_galleries_begin_with_what_is_most_telling() -> None:
    vote = Vote(np.array([0, 1, 1, 0, 1, 1], np.uint16), np.array([0.9, 0.6, 0.95, 0.7, 0.8, 0.5]), np.zeros(6), 1)
    found = select_gallery(vote, np.array([0, 0, 0, 1, 1, 1]), 2)
    assert found == {"wrong": [2, 3], "unsure": [5, 4], "sure": [0, 4]}


def test_shared_failures_and_disputes() -> None:
    labels = np.array([0, 0, 0, 0])
    found = find_shared([said(0, 1, 1, 2), said(0, 1, 0, 1), said(0, 1, 0, 0), said(0, 1, 0, 0)], labels, 10)
    assert (found.wrong, found.all_wrong) == ([1], 1)
    assert (found.disputed, found.all_disputed) == ([3, 2], 2)
    assert find_shared([said(1, 1, 1, 1)], labels, 10).wrong == []


@given(
    st.integers(1, 40).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, 4), min_size=n, max_size=n), min_size=2, max_size=5)
    ),
    st.integers(1, 9),
)
def test_what_is_chosen_is_what_it_is_said_to_be(rows: list[list[int]], most: int) -> None:
    labels, *nets = (np.array(row) for row in [rows[0], *rows])
    vote = [said(*net) for net in nets]
    found = find_shared(vote, labels, most)
    assert len(found.wrong) == min(most, found.all_wrong) and len(found.disputed) == min(most, found.all_disputed)
    assert all(net[image] != labels[image] for image in found.wrong for net in nets)
    assert all(len({int(net[image]) for net in nets}) > 1 for image in found.disputed)
    for net, own in zip(nets, vote, strict=True):
        for kind, images in select_gallery(own, labels, most).items():
            assert kind in KINDS and len(images) <= most
            assert all((net[image] != labels[image]) == (kind == "wrong") for image in images)


def test_examples_cover_every_class_there_is() -> None:
    labels = np.array([2, 0, 0, 2, 2, 2])
    assert select_examples(labels, 3, 6) == [[1, 2], [], [0, 5]]
    assert [len(own) for own in select_examples(np.arange(500) % 300, 300, 300)] == [1] * 300
