from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bakeoff.reporting.critical_difference import LEVEL, build_diagrams, find_cliques
from bakeoff.reporting.loading import load_page_model
from bakeoff.stats.ranks import rank_over_data

SIX = ("a", "b", "c", "d", "e", "f")


def test_with_few_data_sets_ranks_are_described_and_nothing_is_tested(make) -> None:
    (diagram,) = build_diagrams(load_page_model(make(data=SIX[:4])).tables)
    assert diagram.groups == {} and diagram.critical_difference is None
    [note] = diagram.notes
    assert "4 data sets" in note and "p = 0.125" in note
    assert list(diagram.ranks.values()) == sorted(diagram.ranks.values())


def test_with_five_or_more_they_are_tested(make) -> None:
    tables = load_page_model(make(data=SIX, noise=0.0005, images=2000)).tables
    (diagram,) = build_diagrams(tables)
    scores = {line.label: [] for line in tables[0].lines}
    for table in tables:
        for line in table.lines:
            scores[line.label].append(line.row.test_accuracy)
    expected = rank_over_data(scores)
    assert diagram.ranks == expected.ranks
    assert diagram.critical_difference == expected.critical_difference
    assert diagram.groups["nemenyi"] == expected.groups and "holm" in diagram.groups
    assert diagram.notes[0].startswith("Friedman’s test: p = ") and "the networks differ" in diagram.notes[0]
    for label, places in diagram.places.items():
        assert sum(places) / 6 == pytest.approx(diagram.ranks[label])


def test_where_the_first_test_finds_nothing_all_are_one_group(make) -> None:
    (diagram,) = build_diagrams(
        load_page_model(make(nets=("x", "y", "z"), data=SIX, noise=0.02, images=100, seeds=1)).tables
    )
    assert "no significant difference" in diagram.notes[0]
    assert set(diagram.groups.values()) == {(tuple(diagram.ranks),)}


def test_one_data_set_or_one_network_has_no_diagram(make) -> None:
    assert build_diagrams(load_page_model(make(data=("a",))).tables) == []
    assert build_diagrams(load_page_model(make(nets=("conv",))).tables) == []
    assert build_diagrams(load_page_model(make(waiting=24)).tables) == []


def test_networks_without_a_result_everywhere_are_left_out_and_counted(make) -> None:
    (diagram,) = build_diagrams(load_page_model(make(seeds=1, data=("a", "b", "c"), waiting=1)).tables)
    assert len(diagram.ranks) == 3
    assert diagram.notes[0].startswith("Left out: 1 network ")


def test_cliques_are_neighbours_of_which_no_two_differ() -> None:
    order = ["a", "b", "c", "d"]
    differ = {("a", "d"), ("b", "d"), ("c", "a")}
    p_values = {pair: 0.01 if {pair, pair[::-1]} & differ else 0.5 for pair in combinations(order, 2)}
    assert find_cliques(order, p_values) == (("a", "b"), ("b", "c"), ("c", "d"))
    assert find_cliques(order, dict.fromkeys(combinations(order, 2), 0.001)) == ()
    assert find_cliques(order, dict.fromkeys(combinations(order, 2), 0.9)) == (tuple(order),)


@given(some.data())
def test_cliques_by_brute_force(data) -> None:
    order = list(range(data.draw(some.integers(2, 7))))
    pairs = list(combinations(order, 2))
    values = data.draw(some.lists(some.floats(0, 0.1), min_size=len(pairs), max_size=len(pairs)))
    p_values = dict(zip(pairs, values, strict=True))

    def alike(first: int, last: int) -> bool:
        return all(p_values[pair] >= LEVEL for pair in combinations(range(first, last + 1), 2))

    runs = [(i, j) for i, j in product(order, order) if i < j and alike(i, j)]
    largest = [r for r in runs if not any(o != r and o[0] <= r[0] and r[1] <= o[1] for o in runs)]
    named = {(str(a), str(b)): p for (a, b), p in p_values.items()}
    assert find_cliques([str(i) for i in order], named) == tuple(
        tuple(str(i) for i in range(first, last + 1)) for first, last in sorted(largest)
    )
