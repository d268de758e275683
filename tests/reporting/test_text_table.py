from hypothesis import given
from hypothesis import strategies as st

from bakeoff.reporting.text_table import Footnotes, TextTable, to_markdown

TEXTS = st.text("ab|\n ", max_size=5)


def test_is_markdown_with_numbers_to_the_right():
    table = TextTable("title", (("name", False), ("n", True)), (("a|b", "1"), ("c\n(d)", "2")), ("(a) why",))
    assert table.markdown() == "### title\n\n| name | n |\n|:--|--:|\n| a\\|b | 1 |\n| c (d) | 2 |\n\n(a) why\n"


@given(rows=st.lists(st.tuples(TEXTS, TEXTS), max_size=4))
def test_has_one_line_a_row_whatever_the_cells_hold(rows):
    lines = TextTable("", (("a", False), ("b", False)), tuple(rows)).markdown().splitlines()
    assert len(lines) == 2 + len(rows)
    assert all(line.replace("\\|", "").count("|") == 3 for line in lines)


def test_follows_what_is_said():
    table = TextTable("", (("a", False),), (("b",),))
    assert to_markdown([table], ["One.", "Two."]) == "One.\n\nTwo.\n\n| a |\n|:--|\n| b |\n"


def test_footnotes_share_letters():
    notes = Footnotes()
    assert [notes.refer(["x"]), notes.refer([]), notes.refer(["y", "x"])] == [" (a)", "", " (a, b)"]
    assert notes.lines() == ("(a) x", "(b) y")


def test_footnotes_continue_after_z():
    notes = Footnotes()
    marks = [notes.refer([str(number)]) for number in range(54)]
    assert (marks[25], marks[26], marks[27], marks[52]) == (" (z)", " (aa)", " (ab)", " (ba)")
    assert len(set(marks)) == 54
