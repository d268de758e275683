"""The notebook runs, and is stored with the output of its cells."""

import json

import pytest

from generate.notebook import NOTEBOOK, as_markdown, code_cells, executed, run_cell


@pytest.fixture(scope="module")
def notebook():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


@pytest.mark.usefixtures("own_cache")
def test_it_runs(notebook):
    kept = [cell["outputs"] for cell in code_cells(notebook)]
    made = [cell["outputs"] for cell in code_cells(executed(json.loads(json.dumps(notebook))))]
    assert [len(outputs) for outputs in made] == [len(outputs) for outputs in kept]
    assert "".join(made[-2][0]["data"]["text/plain"]) == "'0'", "the digit that the notebook shows"


def test_it_is_kept_as_it_ran(notebook):
    assert notebook["nbformat"] == 4
    assert [cell["execution_count"] for cell in code_cells(notebook)] == list(
        range(1, 1 + len([*code_cells(notebook)]))
    )
    text = as_markdown(notebook)
    assert text.startswith("# ") and "has the best mean" in text and "/tmp/" not in text


def test_a_cell_shows_what_it_prints_and_its_last_expression():
    space = {}
    assert run_cell("a = 2\nprint(a)\na + 1", 1, space) == [
        {"output_type": "stream", "name": "stdout", "text": ["2\n"]},
        {"output_type": "execute_result", "execution_count": 1, "data": {"text/plain": ["3"]}, "metadata": {}},
    ]
    assert run_cell("b = a", 2, space) == [] and space["b"] == 2
    with pytest.raises(ZeroDivisionError):
        run_cell("1 / 0", 3, space)
