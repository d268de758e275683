"""The ranking as a file for papers and spreadsheets: Markdown, LaTeX, CSV, JSON, Parquet."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias, get_args, get_origin

from bakeoff.analysis.ranking import RankBy, Row
from bakeoff.analysis.shared_ranks import rank_and_audit
from bakeoff.errors import BakeoffError, install
from bakeoff.lookup import find
from bakeoff.reporting.page import save_page, write
from bakeoff.reporting.row_formats import format_rows
from bakeoff.reporting.severity import AuditedRow, add_findings
from bakeoff.reporting.tables import to_texts
from bakeoff.store.store import Store

Format: TypeAlias = Literal["html", "markdown", "latex", "csv", "parquet"]
ENDINGS: Mapping[str, str] = {"html": "html", "markdown": "md", "latex": "tex", "csv": "csv", "parquet": "parquet"}
"""Format → the ending of the file it goes to by default."""


def write_report(
    store: Path,
    output: Path | None = None,
    form: Format = "html",
    *,
    title: str | None = None,
    pictures: bool = True,
    rank_by: RankBy = "test",
    marks: bool = True,
    full_paths: bool = False,
    images: int | None = None,
    explain: bool = False,
) -> Path:
    """Write the page about a store, or its ranking in another format, and return the path of the file.

    Raises:
        BakeoffError: as `write` and `export_ranking`, or there is no such format.
    """
    output = output or default_output(form)
    if form == "html":
        return write(
            store,
            output,
            title=title,
            pictures=pictures,
            rank_by=rank_by,
            full_paths=full_paths,
            images=images,
            explain=explain,
        )
    return export_ranking(store, output, form, rank_by, marks=marks)


def default_output(form: str) -> Path:
    """Return the file that a report goes to if none is given.

    Raises:
        BakeoffError: there is no such format.
    """
    return Path(f"report.{find(ENDINGS, form, 'format')}")


def export_ranking(store: Path, output: Path, form: str, rank_by: RankBy = "test", *, marks: bool = True) -> Path:
    """Write the ranking of a store to `output` as "parquet" or one of `row_formats.TEXTS`, and return its path.

    Unless `marks` is false, audit findings are included: as the column `findings`, or as footnotes of a table.

    Raises:
        BakeoffError: there is no store, `output` cannot be written, or pyarrow is not installed.
    """
    with Store(store) as opened:
        results, unreadable = opened.read()
        rows, findings = rank_and_audit(opened, results, rank_by, unreadable)
    findings = findings if marks else []
    if form == "parquet":
        write_parquet(add_findings(rows, findings), output)
        return output
    return save_page(format_rows(rows, findings, form), output)


def write_parquet(rows: Sequence[AuditedRow], path: Path) -> None:
    """Write rows to a Parquet file with the columns of the CSV; unknown values are null.

    The columns `runs`, `failures` and `findings` are lists of strings.

    Raises:
        BakeoffError: pyarrow is not installed, or the file cannot be written.
    """
    if find_spec("pyarrow") is None:
        raise BakeoffError(f"Parquet needs pyarrow: {install('pyarrow')}; or use --format csv")
    import pandas as pd

    kinds = {int: "Int64", float: "float64", str: "string"}  # Int64 knows null
    single = [field for field in fields(Row) if get_origin(field.type) is not tuple]
    columns = {field.name: kinds[(get_args(field.type) or (field.type,))[0]] for field in single}
    lists = {name: [to_texts(getattr(row, name)) for row in rows] for name in ("runs", "failures", "findings")}
    frame = pd.DataFrame([asdict(row) for row in rows], columns=[field.name for field in fields(AuditedRow)])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.astype(columns).assign(**lists).to_parquet(path, engine="pyarrow", index=False)
    except OSError as error:
        raise BakeoffError(f"cannot write {path}: {error.strerror or error}") from error
