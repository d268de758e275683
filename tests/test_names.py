"""A name stands for one thing: no two public classes of the package share one."""

import ast
from collections import defaultdict
from pathlib import Path

import bakeoff


def test_no_two_classes_have_the_same_name():
    places = defaultdict(list)
    for path in Path(bakeoff.__file__).parent.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path))
    assert len(places) > 100
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
