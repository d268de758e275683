"""Names that are commands to a terminal, a browser, LaTeX or a spreadsheet are never executed."""

import csv
import io
import json
import math
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic import ENVIRONMENT, RECIPE, make_store

import tiny
from bakeoff.cli import main
from bakeoff.spec.records import Failure
from bakeoff.spec.run import Run

PIECES = (
    *("\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\r", "\n", "\t", "\x00", "\u202e", "\u2066", "\ufeff", "\uffff"),
    *(
        "[bold]",
        "[/]",
        "[/nothing]",
        ":cat:",
        "</script>",
        "<img src=x onerror=alert(1)>",
        "<!--",
        "]]>",
        "{{ 7 * 7 }}",
    ),
    *("|", "`", "**", "_", "$x$", "\\", "%", "&amp;", "#", "{", "}", "~", "^", '"', "'", "=1+1", "@", "-", "+"),
    *("é", "日本", "👩‍🔬", " ", "\u2028"),
)
NAMES = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), min_size=1, max_size=4).map("".join)
NAMES = NAMES.filter(lambda name: not re.search("[\ud800-\udfff]", name))
"""SQLite and UTF-8 keep no halves of characters."""
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff\uffff]")


def hostile_store(path: Path, names: list[str]) -> Path:
    """Two networks on two data sets, and a run that failed, all of whose texts are `names`."""
    nets, data, classes = names[:2], names[2:4], names[4:7]
    recipe = msgspec.structs.replace(RECIPE, name=names[7])
    make_store(path, nets, data, seeds=2, recipe=recipe, images=40, classes=classes)
    with tiny.ClaimingStore(path) as store:
        record = next(iter(store.datasets().values()))
        failed = Run(nets[0], data[0], record.content_hash, recipe, 7)
        store.add([failed], [record])
        store.fail(failed.id, Failure("error", names[8], names[9], 1, 2), ENVIRONMENT | {"processor": names[10]})
        store.record_study(f"name = {json.dumps(names[11])}\nnets = ['a']\ndata = ['b']\n", names[11])
    return path


def call(capsys, monkeypatch, *arguments: str) -> str:
    """Return what a command prints; it must succeed."""
    monkeypatch.setattr(sys, "argv", ["bakeoff", *arguments])
    try:
        main()
    except SystemExit as end:
        assert not end.code, capsys.readouterr().err
    said = capsys.readouterr()
    return said.out + said.err


class Page(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.data, self._in_data = "", False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._in_data = ("id", "data") in attributes
        self.tags.append((tag, tuple(name for name, _ in attributes)))

    def handle_endtag(self, tag: str) -> None:
        self._in_data = False

    def handle_data(self, data: str) -> None:
        self.data += data if self._in_data else ""


def refuse(name: str) -> None:
    raise AssertionError(f"{name} in JSON")


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same store with names that mean nothing."""
    return hostile_store(tmp_path_factory.mktemp("harmless") / "a.db", [f"n{i}" for i in range(12)])


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(names=st.lists(NAMES, min_size=12, max_size=12, unique=True))
def test_are_shown_by_every_command(names, harmless, tmp_path_factory, capsys, monkeypatch) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    monkeypatch.chdir(folder)
    hostile_store(folder / "a.db", names)

    def say(*arguments: str) -> str:
        return call(capsys, monkeypatch, *arguments, "--store", "a.db")

    for command in ("results", "answer", "audit"):
        assert not OBEYED.search(say(command))
        json.loads(say(command, "--json"), parse_constant=refuse)
    for form in ("markdown", "latex", "csv"):
        assert not OBEYED.search(say("results", "--format", form))
    rows = list(csv.reader(io.StringIO(say("results", "--format", "csv"))))
    assert len({len(row) for row in rows}) == 1
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)
    lines = say("results", "--format", "markdown").splitlines()
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines if line.startswith("|")} == {10}
    say("report", "--no-pictures")
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    call(capsys, monkeypatch, "report", "--no-pictures", "--store", str(harmless), "-o", "harmless.html")
    expected = Page((folder / "harmless.html").read_text(encoding="utf-8"))
    assert not {tag for tag, _ in page.tags} - {tag for tag, _ in expected.tags}
    assert sum(tag == "script" for tag, _ in page.tags) == sum(tag == "script" for tag, _ in expected.tags)
    assert not {name for _, attributes in page.tags for name in attributes if name.startswith(("on", "src"))}
    shown = json.loads(page.data, parse_constant=refuse)
    assert len(shown["tables"]) == len({*names[2:4]})
    assert not OBEYED.search((folder / "report.html").read_text(encoding="utf-8"))


def test_are_drawn_in_figures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install 'bakeoff[figures]'")
    from bakeoff.reporting.figures.charts import draw_figures

    names = [f"{piece}{number}" for number, piece in enumerate(PIECES[:12])]
    other = [
        f"{piece}{number}" for number, piece in enumerate(("[bold]", "$x$", "<b>--", "<b>  ", "{{1}}", "\\", "$", "$$"))
    ]
    for number, own in enumerate((names, [*other, *names[:4]])):
        files = draw_figures(hostile_store(tmp_path / f"{number}.db", own), tmp_path / str(number), kinds=("svg",))
        assert len(set(files)) == len(files) >= 6
        for file in files:
            text = file.read_text(encoding="utf-8")
            ElementTree.fromstring(text)
            assert not OBEYED.search(text)


def test_measures_that_are_not_finite_are_blank(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = make_store(tmp_path / "a.db", ("conv", "drop"), ("digits",), seeds=2, images=40)
    with tiny.ClaimingStore(path) as store:
        for number, run in enumerate(store.finished()):
            odd = (math.inf, -math.inf)[number % 2]
            store.add_measures(run.id, dict.fromkeys(("test_loss", "flops", "train_seconds", "latency_ms_median"), odd))
    for command in ("results", "answer", "audit"):
        json.loads(call(capsys, monkeypatch, command, "--json", "--store", "a.db"), parse_constant=refuse)
        assert not re.search(r"\b(inf|nan)\b", call(capsys, monkeypatch, command, "--store", "a.db"))
    call(capsys, monkeypatch, "report", "--no-pictures", "--store", "a.db")
    json.loads(Page((tmp_path / "report.html").read_text(encoding="utf-8")).data, parse_constant=refuse)
