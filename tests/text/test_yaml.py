import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.text.yaml import to_yaml

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: pip install pyyaml")

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(["no", "null", "---", "a: b"])
SCALARS = TEXTS | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False)
TREES = st.dictionaries(
    TEXTS,
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)),
    min_size=1,
    max_size=4,
)


@given(TREES)
def test_others_read_what_was_written(tree):
    text = to_yaml(tree)
    assert yaml.safe_load(text) == tree
    assert "\n---" not in f"\n{text}"
