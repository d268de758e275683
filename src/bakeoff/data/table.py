"""Tables of labels: CSV (comma, semicolon, tab or bar) and Parquet, read as text."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bakeoff.data.file_names import display_path
from bakeoff.errors import BakeoffError, install
from bakeoff.text.decoding import decoded
from bakeoff.text.formats import counted, listing

DELIMITERS = ",;\t|"
SAMPLE = 20
"""How many rows are read to find the delimiter."""
PARQUET = b"PAR1"


@dataclass(frozen=True)
class TextColumns:
    """The columns of a table as text, all of the same length; missing values are empty."""

    columns: dict[str, list[str]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))


def read_table(path: Path) -> TextColumns:
    """Return the table in a CSV or Parquet file. White space around names and values is removed.

    Raises:
        BakeoffError: the file is missing, not a table, has no rows, or a row does not fit the header.
    """
    shown = display_path(path)
    if path.is_dir():
        raise BakeoffError(f"{shown} is a folder: give the file with the labels, or folder:{shown} for class folders")
    if not path.is_file():  # reading a pipe would block
        what = "is not a regular file" if path.exists() else "does not exist"
        raise BakeoffError(f"{shown} {what}: expected a CSV or Parquet file that lists images with labels")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BakeoffError(f"cannot read {shown}: {error.strerror}") from error
    table = _read_parquet(content, shown) if content.startswith(PARQUET) else parse_csv(content, shown)
    if not len(table):
        raise BakeoffError(f"{shown} has no rows: expected one per image, below a line with the names of the columns")
    return table


def parse_csv(content: bytes, origin: str) -> TextColumns:
    """Return the table in the content of a CSV file; `origin` names it in errors.

    Raises:
        BakeoffError: it is not text, a column has no name or a duplicate one, or a row has too many or too few values.
    """
    try:
        text = decoded(content)
    except UnicodeDecodeError as error:
        raise BakeoffError(f"{origin} is not text in UTF-8: save it as CSV in UTF-8") from error
    delimiter = _delimiter(text)
    try:
        numbered = list(_rows(text, delimiter))
    except csv.Error as error:
        raise BakeoffError(f"{origin} is not a CSV file: {error}") from error
    if not numbered:
        raise BakeoffError(f"{origin} is empty: expected a line with the names of the columns, then one per image")
    (_, header), *rows = numbered
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        what = f"two columns called {twice!r}" if twice else "columns without a name"
        raise BakeoffError(f"{origin} has {what}: give every column its own name in the first line")
    for line, row in rows:
        if len(row) != len(header):
            raise BakeoffError(
                f"{origin}, line {line}: found {counted(len(row), 'value')} for {counted(len(header), 'column')}, "
                f"{listing(header)}: put values that contain {delimiter!r} in double quotes"
            )
    return TextColumns({name: [row[place] for _, row in rows] for place, name in enumerate(header)})


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, values) of the rows that are not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    for row in reader:
        values = [value.strip() for value in row]
        if any(values):
            yield reader.line_num, values


def _delimiter(text: str) -> str:
    """Return the delimiter that gives the first rows the same number of columns, the larger the better."""

    def score(delimiter: str) -> tuple[bool, int]:
        widths = []
        try:
            for _, row in zip(range(SAMPLE), _rows(text, delimiter), strict=False):
                widths.append(len(row[1]))
        except csv.Error:
            return False, 0
        return len(set(widths)) == 1 and widths[0] > 1, max(widths, default=0)

    return max(DELIMITERS, key=score)


def _read_parquet(content: bytes, origin: str) -> TextColumns:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise BakeoffError(f"{origin}: reading Parquet needs pyarrow: {install('pyarrow')}") from error
    try:
        found = parquet.read_table(arrow.BufferReader(content))
    except (arrow.ArrowException, OSError) as error:
        raise BakeoffError(f"{origin} is not a readable Parquet file: {error}") from error
    columns: dict[str, list[str]] = {}
    for name, column in zip(found.column_names, found.columns, strict=True):
        if not arrow.types.is_nested(column.type) and not arrow.types.is_binary(column.type):
            columns[name] = _texts(column.to_pylist())
    if len(columns) < len(found.column_names) and len(columns) < 2:
        raise BakeoffError(f"{origin} holds the images themselves: give hf: and the path of its folder")
    return TextColumns(columns)


def _texts(values: Sequence[object]) -> list[str]:
    return ["" if value is None else str(value).strip() for value in values]
