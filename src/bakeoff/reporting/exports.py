"""The ranking as a file for a paper or a spreadsheet: Markdown, LaTeX, CSV, Parquet."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

from bakeoff.errors import BakeoffError
from bakeoff.ranking import Row, by_table, rank
from bakeoff.reporting.page import save
from bakeoff.reporting.tables import COLUMNS, rules, to_csv, to_markdown, values
from bakeoff.store import Store


def export(store: Path, output: Path, form: str) -> Path:
    """Write the ranking of a store to `output` as "parquet" or one of `WRITERS`, and return its path.

    Raises:
        BakeoffError: there is no store, `output` cannot be written, or what Parquet needs is not installed.
    """
    with Store(store) as opened:
        rows = rank(opened.results())
    if form == "parquet":
        write_parquet(rows, output)
        return output
    return save(WRITERS[form](rows), output)


def to_latex(rows: Sequence[Row]) -> str:
    """Return one LaTeX table per data set and recipe; they need the package booktabs."""
    return "% In the preamble: \\usepackage{booktabs}\n" + "\n".join(map(_latex_table, by_table(rows)))


def _latex_table(rows: Sequence[Row]) -> str:
    def line(cells: Sequence[str]) -> str:
        return f"    {' & '.join(map(_latex, cells))} \\\\"

    title = _latex(f"Networks on {rows[0].data}, recipe {rows[0].recipe}. {rules(rows)}")
    return "\n".join(
        [
            "\\begin{table}",
            "  \\centering",
            f"  \\caption{{{title}}}",
            f"  \\begin{{tabular}}{{rl{'r' * (len(COLUMNS) - 2)}}}",
            "    \\toprule",
            line([column[:1].upper() + column[1:] for column in COLUMNS]),
            "    \\midrule",
            *(line(values(row)) for row in rows),
            "    \\bottomrule",
            "  \\end{tabular}",
            "\\end{table}",
            "",
        ]
    )


LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    "[": "{[}",  # at the start of a line of a table it would be an option
    "]": "{]}",
    "–": "--",
    "\n": " ",
}


def _latex(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in text)


WRITERS: dict[str, Callable[[Sequence[Row]], str]] = {"markdown": to_markdown, "latex": to_latex, "csv": to_csv}


def write_parquet(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as a Parquet file with the columns of the CSV; what is not known is null.

    Raises:
        BakeoffError: pyarrow is not installed, or the file cannot be written.
    """
    if find_spec("pyarrow") is None:
        raise BakeoffError(
            "Parquet needs pyarrow, which is not installed: pip install 'bakeoff[parquet]', or take --format csv"
        )
    import pandas as pd

    kinds = {int: "Int64", float: "float64", str: "string"}  # Int64 knows null
    columns = {field.name: kinds[(get_args(field.type) or (field.type,))[0]] for field in fields(Row)}
    try:
        pd.DataFrame([asdict(row) for row in rows], columns=list(columns)).astype(columns).to_parquet(
            path, engine="pyarrow", index=False
        )
    except OSError as error:
        raise BakeoffError(f"cannot write the report to {path}: {error.strerror or error}") from error
