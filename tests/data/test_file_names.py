"""Natural order of file names."""

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.data.file_names import natural_key


@given(
    st.lists(st.text(max_size=6), max_size=6).flatmap(lambda names: st.tuples(st.just(names), st.permutations(names)))
)
def test_natural_order_is_a_total_order(both):
    names, shuffled = both
    assert sorted(names, key=natural_key) == sorted(shuffled, key=natural_key)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_numbers_in_names_sort_numerically(a, b):
    assert (natural_key(f"x{a}y") < natural_key(f"x{b}y")) == (a < b)
