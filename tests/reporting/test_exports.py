import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from findings import finding
from synthetic import RECIPE

from bakeoff.analysis.audit import Finding, audit
from bakeoff.analysis.ranking import Row, rank
from bakeoff.errors import BakeoffError
from bakeoff.reporting import exports
from bakeoff.reporting.exports import export_ranking
from bakeoff.reporting.row_formats import format_rows, to_latex
from bakeoff.reporting.severity import add_findings
from bakeoff.store.store import Store


def rows(path: Path) -> list[Row]:
    with Store(path) as store:
        return rank(store.results())


def found(path: Path) -> list[Finding]:
    with Store(path) as store:
        return audit(store)


def test_latex_is_one_table_each_and_escapes_what_it_would_read_as_commands(make) -> None:
    text = to_latex(rows(make(nets=("conv", "50%_$&#{a}\\~^|"))))
    assert text.count("\\begin{table}") == text.count("\\end{table}") == 2
    assert "50\\%\\_\\$\\&\\#\\{a\\}\\textbackslash{}\\textasciitilde{}\\textasciicircum{}\\textbar{}" in text
    body = [line for line in text.splitlines() if line.startswith("    ") and line.endswith("\\\\")]
    assert len(body) == 2 * 3 and {line.replace("\\&", "").count("&") for line in body} == {8}
    assert "Reported epoch: last epoch." in text and "–" not in text


def test_latex_explains_in_a_note_what_is_in_doubt(make) -> None:
    text = to_latex(rows(make()), [finding(message="50 % of it_")])
    assert text.count("{]} (a) &") == 1
    assert "\\footnotesize (a) serious, dead classes: 50 \\% of it\\_\n\\end{table}" in text


def test_csv_and_json_have_the_kinds_of_all_findings(make) -> None:
    table, findings = rows(make()), [finding(), finding(severity="note", kind="label-suspects")]
    told = {(row["data"], row["net"]): row["findings"] for row in json.loads(format_rows(table, findings, "json"))}
    assert told["digits", "conv"] == ["dead-classes", "label-suspects"] and told["mnist", "conv"] == []
    lines = list(csv.DictReader(io.StringIO(format_rows(table, findings, "csv"))))
    assert [row["findings"] for row in lines if row["net"] == "conv"] == ["dead-classes; label-suspects", ""]


def test_every_format_of_text_is_written(make, tmp_path: Path) -> None:
    path = make()
    for form, begin in {"markdown": "### digits", "latex": "% In the preamble", "csv": "data,recipe,rank"}.items():
        assert export_ranking(path, tmp_path / form, form).read_text(encoding="utf-8").startswith(begin)
    assert export_ranking(path, tmp_path / "made" / "a.csv", "csv").exists()
    with pytest.raises(BakeoffError, match="cannot write"):
        export_ranking(path, tmp_path / "csv" / "a.csv", "csv")  # a file is where the folder should be
    with pytest.raises(BakeoffError, match="no store at"):
        export_ranking(tmp_path / "absent.db", tmp_path / "a.csv", "csv")


def test_parquet_keeps_types_and_what_is_not_known(make, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'bakeoff[parquet]'")
    import pandas as pd

    path = make(seeds=1, data=("digits",), waiting=1)
    frame = pd.read_parquet(export_ranking(path, tmp_path / "a.parquet", "parquet"))
    expected = rows(path)
    assert frame["net"].tolist() == [row.net for row in expected]
    assert frame["parameters"].dtype == "Int64" and frame["train_seconds"].dtype == "float64"
    assert frame["rank"].isna().tolist() == [row.rank is None for row in expected]
    assert [list(own) for own in frame["findings"]] == [
        list(row.findings) for row in add_findings(expected, found(path))
    ]
    assert "single-run" in frame["findings"][0]


def test_parquet_without_pyarrow_says_what_to_install(make, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(exports, "find_spec", lambda name: None)
    with pytest.raises(BakeoffError, match=r"-m pip install pyarrow"):
        export_ranking(make(), tmp_path / "a.parquet", "parquet")


def test_figures(make, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install 'bakeoff[figures]'")
    from bakeoff.reporting.figures.charts import draw_figures

    path = make(nets=("conv", "$a$b"), data=("<mine>",), waiting=1)
    files = draw_figures(path, tmp_path / "all")
    assert len(files) == 4 * 3 and {file.suffix for file in files} == {".png", ".svg", ".pdf"}
    assert all(file.stat().st_size > 1000 for file in files)
    assert "$a$b" in (tmp_path / "all" / "-mine--accuracy.svg").read_text()
    (tmp_path / "file").write_text("")
    with pytest.raises(BakeoffError, match="cannot write the figures"):
        draw_figures(path, tmp_path / "file", kinds=("svg",))


@pytest.mark.parametrize(("data", "expected"), [("abcdef", ["nemenyi", "holm"]), ("ab", ["ranks"])])
def test_figures_of_mean_ranks(make, tmp_path: Path, data: str, expected: list[str]) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install 'bakeoff[figures]'")
    from bakeoff.reporting.critical_difference import build_diagrams
    from bakeoff.reporting.figures.critical_difference import draw_critical
    from bakeoff.reporting.loading import load_page_model

    (diagram,) = build_diagrams(
        load_page_model(make(nets=("$a$", "b", "c"), data=tuple(data), seeds=1, images=50)).tables
    )
    assert list(diagram.groups or ["ranks"]) == expected
    for test in expected:
        draw_critical(diagram, test).savefig(tmp_path / "a.svg")
        text = (tmp_path / "a.svg").read_text()
        assert ("critical difference" in text) == (test == "nemenyi")
        assert ("too few for a test" in text) == (test == "ranks")


def test_a_figure_of_published_numbers(make, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install 'bakeoff[figures]'")
    from bakeoff.reporting.figures.charts import draw_figures

    recipe = msgspec.structs.replace(RECIPE, name="afif2018")
    path = make(nets=("lenet-afif",), data=("mnist", "svhn"), recipe=recipe, images=50)
    files = draw_figures(path, tmp_path, kinds=("svg",))
    assert [file.name for file in files if "published" in file.name] == ["afif2018-published.svg"]
    text = (tmp_path / "afif2018-published.svg").read_text()
    assert "lenet-afif, mnist" in text and "Measured against afif2018" in text and "not judged" in text


def test_the_pareto_front_is_what_none_beats() -> None:
    pytest.importorskip("matplotlib")
    from bakeoff.reporting.figures.charts import find_front

    assert find_front([3, 1, 2, 3], [0.9, 0.5, 0.4, 0.8]) == [1, 0]
    assert find_front([], []) == []


def test_the_commands(make, tmp_path: Path) -> None:
    def report(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bakeoff", "report", "--store", str(path), *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    path = make(data=("digits",))
    assert report("--format", "latex").stdout == "Report: report.tex\n"
    assert (tmp_path / "report.tex").exists()
    done = report("--watch", "--format", "csv")
    assert done.returncode == 2 and "--watch keeps the page up to date" in done.stderr
    assert report("--no-pictures", "--json").stdout == '{"report": "report.html", "figures": []}\n'
    assert "without pictures" in (tmp_path / "report.html").read_text(encoding="utf-8")
