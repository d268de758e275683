"""Hypothesis strategies for the values of `bakeoff.spec`, read from their types: a new field is covered by itself."""

import math
import string

from hypothesis import strategies as st
from msgspec import inspect

from bakeoff.spec.recipe import Recipe
from bakeoff.spec.run import Run
from bakeoff.spec.values import Value

WORDS = st.text(string.ascii_letters + string.digits + " .-_:/[]'\"\\#=é\n", max_size=12)
SIMPLE = st.one_of(st.integers(-(2**40), 2**40), st.floats(allow_nan=False), st.booleans(), WORDS)


def values(kind: type[Value]) -> st.SearchStrategy:
    """Any valid value of a struct of `bakeoff.spec.run`."""
    return _of(inspect.type_info(kind))


def _of(kind: inspect.Type) -> st.SearchStrategy:
    match kind:
        case inspect.Metadata():
            return _of(kind.type)
        case inspect.StructType():
            fields = {field.name: _of(field.type) for field in kind.fields}
            return st.fixed_dictionaries(fields).map(lambda given: _make(kind.cls, given)).filter(bool)
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            most = min(10_000, kind.le or 10_000)
            return st.integers(kind.ge or 0, most) if kind.ge is not None else st.integers(-(2**40), 2**40)
        case inspect.FloatType():
            low, high = kind.gt if kind.gt is not None else kind.ge, kind.lt if kind.lt is not None else kind.le
            ends = {"exclude_min": kind.gt is not None, "exclude_max": kind.lt is not None and high is not None}
            return st.floats(low, 1e6 if high is None else high, allow_nan=False, **ends).map(abs)
        case inspect.StrType():
            return WORDS
        case inspect.NoneType():
            return st.none()
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.UnionType():
            return st.one_of(*map(_of, kind.types))
        case inspect.VarTupleType():
            return st.lists(_of(kind.item_type), max_size=4).map(tuple)
        case inspect.TupleType():
            items = st.tuples(*map(_of, kind.item_types))
            is_range = all(isinstance(item, inspect.FloatType) for item in kind.item_types)
            return items.map(lambda ends: tuple(sorted(ends))) if is_range else items
        case inspect.DictType():
            return st.dictionaries(WORDS, _of(kind.value_type), max_size=4)
        case inspect.AnyType():
            return SIMPLE
    raise TypeError(f"no strategy for {kind}")


def _make(kind: type[Value], given: dict) -> Value | None:
    try:
        return kind(**given)
    except ValueError:  # fields that contradict each other
        return None


RECIPES = values(Recipe)
RUNS = values(Run)


def close(left: float, right: float, relative: float = 1e-9) -> bool:
    """Equal up to rounding."""
    return math.isclose(left, right, rel_tol=relative, abs_tol=1e-12)
