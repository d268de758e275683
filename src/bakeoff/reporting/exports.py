"""The ranking as a file for a paper or a spreadsheet: Markdown, LaTeX, CSV, Parquet."""

import re
from collections.abc import Sequence
from dataclasses import asdict, fields
from importlib.util import find_spec
from pathlib import Path
from typing import get_args, get_origin

from bakeoff.analysis.audit import Finding, audit
from bakeoff.analysis.ranking import RankBy, Row, by_table, rank
from bakeoff.errors import BakeoffError, install
from bakeoff.reporting.page import save
from bakeoff.reporting.severity import AuditedRow, audited
from bakeoff.reporting.tables import COLUMNS, doubted, in_words, rules, to_csv, to_json, to_markdown
from bakeoff.store.store import Store
from bakeoff.text.safe import latex


def export(store: Path, output: Path, form: str, rank_by: RankBy = "test", *, marks: bool = True) -> Path:
    """Write the ranking of a store to `output` as "parquet" or one of `TEXTS`, and return its path.

    What the audit finds is with it unless `marks` is false: as the column `findings`, or as letters that are
    explained below a table.

    Raises:
        BakeoffError: there is no store, `output` cannot be written, or what Parquet needs is not installed.
    """
    with Store(store) as opened:
        results, unreadable = opened.read()
        rows, findings = rank(results, rank_by, unreadable), audit(opened) if marks else []
    if form == "parquet":
        write_parquet(audited(rows, findings), output)
        return output
    return save(written(rows, findings, form), output)


TEXTS = ("json", "csv", "markdown", "latex")


def written(rows: Sequence[Row], findings: Sequence[Finding], form: str) -> str:
    """Return rows, and what is found about them, as a text in one of `TEXTS`."""
    if form == "json":
        return to_json(audited(rows, findings))
    if form == "csv":
        return to_csv(audited(rows, findings), AuditedRow)
    return {"markdown": to_markdown, "latex": to_latex}[form](rows, findings)


def to_latex(rows: Sequence[Row], findings: Sequence[Finding] = ()) -> str:
    """Return one LaTeX table per data set and recipe; they need the package booktabs."""
    tables = "\n".join(_latex_table(table, findings) for table in by_table(rows))
    return f"% In the preamble: \\usepackage{{booktabs}}\n{tables}"


def _latex_table(rows: Sequence[Row], findings: Sequence[Finding]) -> str:
    texts, notes = doubted(rows, findings)

    def line(cells: Sequence[str]) -> str:
        return f"    {' & '.join(map(latex, cells))} \\\\"

    title = latex(f"Networks on {rows[0].data}, recipe {rows[0].recipe}. {rules(rows)}")
    label = re.sub(r"[^a-z0-9]+", "-", f"{rows[0].data} {rows[0].recipe}".lower()).strip("-")
    return "\n".join(
        [
            "\\begin{table}",
            "  \\centering",
            f"  \\caption{{{title}}}",
            f"  \\label{{tab:{label}}}",
            f"  \\begin{{tabular}}{{rl{'r' * (len(COLUMNS) - 2)}}}",
            "    \\toprule",
            line([column[:1].upper() + column[1:] for column in COLUMNS]),
            "    \\midrule",
            *map(line, texts),
            "    \\bottomrule",
            "  \\end{tabular}",
            *(f"  \\par\\smallskip\\footnotesize {latex(note)}" for note in notes),
            "\\end{table}",
            "",
        ]
    )


def write_parquet(rows: Sequence[AuditedRow], path: Path) -> None:
    """Write the rows as a Parquet file with the columns of the CSV; what is not known is null.

    The columns `runs`, `failures` and `findings` are lists of texts.

    Raises:
        BakeoffError: pyarrow is not installed, or the file cannot be written.
    """
    if find_spec("pyarrow") is None:
        raise BakeoffError(f"Parquet needs pyarrow: {install('pyarrow')}; or take --format csv")
    import pandas as pd

    kinds = {int: "Int64", float: "float64", str: "string"}  # Int64 knows null
    single = [field for field in fields(Row) if get_origin(field.type) is not tuple]
    columns = {field.name: kinds[(get_args(field.type) or (field.type,))[0]] for field in single}
    lists = {name: [in_words(getattr(row, name)) for row in rows] for name in ("runs", "failures", "findings")}
    frame = pd.DataFrame([asdict(row) for row in rows], columns=[field.name for field in fields(AuditedRow)])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.astype(columns).assign(**lists).to_parquet(path, engine="pyarrow", index=False)
    except OSError as error:
        raise BakeoffError(f"cannot write the report to {path}: {error.strerror or error}") from error
