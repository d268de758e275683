import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.data.table import parse_csv, read_table
from bakeoff.errors import BakeoffError

CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)
NAMES = st.text("abcdefXYZ_ é1", min_size=1, max_size=6).map(str.strip).filter(bool)


@st.composite
def tables(draw):
    names = draw(st.lists(NAMES, min_size=2, max_size=4, unique=True))
    rows = draw(st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), min_size=1, max_size=5))
    return [names, *rows]


@given(
    rows=tables(),
    delimiter=st.sampled_from(",;\t|"),
    ending=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_is_read_whatever_program_wrote_it(rows, delimiter, ending, encoding):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(rows)
    found = parse_csv(file.getvalue().encode(encoding), "labels.csv").columns
    names, *values = rows
    stripped = [[cell.strip() for cell in row] for row in values]
    assert list(found) == names
    assert [list(row) for row in zip(*found.values(), strict=True)] == [row for row in stripped if any(row)]


@given(st.binary(max_size=60))
def test_any_content_is_a_table_or_an_error(content):
    try:
        table = parse_csv(content, "labels.csv")
    except BakeoffError as error:
        assert "labels.csv" in str(error) and "\n" not in str(error).replace("\\n", "")
    else:
        assert len({len(values) for values in table.columns.values()}) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"image,label\n", "has no rows"),
        (b"image,label\na.jpg,x\nb.jpg,y,z\n", "line 3: found 3 values for 2 columns, image and label"),
        (b"image,image\na.jpg,x\n", "two columns called 'image'"),
        (b"image,,\na.jpg,x,y\n", "columns without a name"),
        (b"image,label\na.jpg,caf\xe9\n", "not text in UTF-8"),
    ],
)
def test_tables_that_cannot_be_read_are_explained(tmp_path, content, told):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(BakeoffError, match=told):
        read_table(path)


def test_missing_files_and_folders_are_explained(tmp_path):
    with pytest.raises(BakeoffError, match="does not exist"):
        read_table(tmp_path / "labels.csv")
    with pytest.raises(BakeoffError, match=r"is a folder.* folder:"):
        read_table(tmp_path)


def test_parquet_is_read_as_text(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "labels.parquet"
    parquet.write_table(arrow.table({"image": ["a", None], "label": [3, 4], "box": [[1], [2]]}), path)
    assert read_table(path).columns == {"image": ["a", ""], "label": ["3", "4"]}
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(BakeoffError, match="not a readable Parquet file"):
        read_table(path)
