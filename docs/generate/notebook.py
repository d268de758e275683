"""Runs the notebook docs/tutorials/notebook.ipynb and keeps what its cells say: `python -m generate.notebook`.

Cells are executed one after another as IPython would, without it: the last expression of a cell is shown.
"""

import ast
import contextlib
import io
import json
import linecache
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).resolve().parents[1] / "tutorials" / "notebook.ipynb"


def code_cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the cells of code."""
    return (cell for cell in notebook["cells"] if cell["cell_type"] == "code")


def run_cell(source: str, number: int, namespace: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a cell and return its outputs as a notebook keeps them.

    Raises:
        Exception: what the cell raises.
    """
    name = f"<ipykernel cell {number}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)  # inspect finds the source
    tree = ast.parse(source)
    shown = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, name, "exec"), namespace)
        value = eval(compile(ast.Expression(shown.value), name, "eval"), namespace) if shown else None
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": lines_of(printed.getvalue())})
    if value is not None:
        data = {"text/plain": lines_of(repr(value))}
        if hasattr(value, "to_html"):
            data = {"text/html": lines_of(value.to_html()), **data}
        outputs.append(
            {"output_type": "execute_result", "execution_count": number, "data": data, "metadata": {}},
        )
    return outputs


def lines_of(text: str) -> list[str]:
    """Return the lines of a text as a notebook keeps them."""
    return text.splitlines(keepends=True)


def executed(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook with the outputs that its cells have now, run in a folder of their own.

    Raises:
        Exception: what a cell raises.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for number, cell in enumerate(code_cells(notebook), start=1):
                cell["outputs"] = run_cell("".join(cell["source"]), number, namespace)
                cell["execution_count"] = number
        finally:
            os.chdir(before)
    return notebook


def as_markdown(notebook: dict[str, Any]) -> str:
    """Return a notebook as a page: text, code, and outputs as text."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", []):
            text = "".join(output.get("text") or output["data"]["text/plain"]).rstrip()
            parts.append(f"```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Run the notebook and write it with its outputs."""
    notebook = executed(json.loads(NOTEBOOK.read_text(encoding="utf-8")))
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
