"""Text from outside is safe wherever it is shown."""

import ast
import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bakeoff
from bakeoff.text.safe import csv_cell, json_text, latex, markdown, plain, visible

ANY = st.text(
    st.characters() | st.sampled_from("\x1b\x9b\n\r\t\x00\u202e\u2066\ufeff\ud800\udcff\uffff|\\`*_[]()<>&$#")
)


def obeyed(text: str) -> bool:
    """Whether something in it would affect a terminal, XML or the direction of text."""
    unseen = {0xAD, 0x61C, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF}
    codes = set(map(ord, text))
    return bool(codes & (unseen | {*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF}))


@given(ANY)
def test_what_is_visible_obeys_nothing_and_fits_into_utf_8_and_xml(text):
    shown = visible(text)
    assert not obeyed(shown)
    element = ElementTree.Element("a")
    element.text = shown
    assert ElementTree.fromstring(ElementTree.tostring(element, "utf-8")).text == (shown or None)


@pytest.mark.parametrize("text", ["größe", "日本", "a b", "98 % ± 1", "👩‍🔬", "می‌خواهم", r"C:\new\table", ""])
def test_ordinary_text_stays_as_it_is(text):
    assert visible(text) == text


def test_what_is_written_out_can_be_read():
    assert visible("\x1b[31m\n\u202e\ud800") == r"\x1b[31m\n\u202e\ud800"
    assert visible("a\n\tb", keep="\n") == "a\n\\tb"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
@given(text=ANY)
def test_every_encoding_has_a_replacement_for_all_that_is_visible(encoding, text):
    shown = plain(visible(text), encoding)
    assert shown.encode(encoding)[:0] == b""
    if visible(text).isascii():
        assert shown == visible(text)


def test_replacements_are_read_as_the_same():
    assert plain("98.7 % ± 1 × 2 – ≥ … ─ │", "ascii") == "98.7 % +- 1 x 2 - >= ... - |"
    assert plain("98.7 % ± 1 × 2 – ≥ … ─ │", "cp1252") == "98.7 % ± 1 × 2 – >= … - |"
    assert plain("café größe 日", "ascii") == r"cafe grosse \u65e5"


def test_every_character_of_our_own_texts_has_a_replacement():
    texts = {
        node.value
        for path in Path(bakeoff.__file__).parent.rglob("*.py")
        if path.name != "safe.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    own = {character for text in texts for character in text if ord(character) > 127} - set("\u2028\u2029\ufeff")
    assert [character for character in sorted(own) if plain(character, "ascii").startswith("\\")] == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | ANY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3),
)


@given(VALUES, st.booleans())
def test_json_is_taken_by_the_strictest_reader(value, ascii_only):
    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = json_text(value, ascii_only=ascii_only)
    json.loads(text.encode("ascii" if ascii_only else "utf-8"), parse_constant=refuse)
    assert not obeyed(text.replace("\n", ""))


@given(st.lists(ANY, min_size=1, max_size=4))
def test_no_cell_of_a_csv_file_is_a_formula(cells):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow(map(csv_cell, cells))
    (row,) = csv.reader(io.StringIO(file.getvalue()))
    assert len(row) == len(cells)
    parts = [part for cell in row for part in re.split("[;\n]", cell)]  # as where semicolons separate the cells
    assert not any(part.startswith(("=", "+", "-", "@", "\t", "\r")) for part in parts)


@pytest.mark.parametrize(
    ("cell", "written"),
    [(-1.5, -1.5), (3, 3), ("conv", "conv"), ("=1+1", "'=1+1"), ("a-b", "a-b"), ("a;=1+1", "a;'=1+1")],
)
def test_numbers_and_names_in_csv_stay(cell, written):
    assert csv_cell(cell) == written


@given(ANY)
def test_markdown_and_latex_are_one_line_without_commands(text):
    assert not obeyed(markdown(text))
    assert not obeyed(latex(text))
    rest = latex(text)
    for known in ("\\textbackslash{}", "\\textasciitilde{}", "\\textasciicircum{}", "{[}", "{]}"):
        rest = rest.replace(known, "")
    assert rest.count("{") - rest.count("\\{") == rest.count("}") - rest.count("\\}")


def test_markdown_shows_what_it_would_obey():
    assert markdown("a|b *c* _d_ e_f `g` <b> [h](i) 1\\|2") == r"a\|b \*c\* \_d\_ e_f \`g\` \<b> [h]\(i) 1\\\|2"
    assert markdown("98.34 % [98.11, 98.57] (a)") == "98.34 % [98.11, 98.57] (a)"
