import inspect
import json

import pytest

import bakeoff
import tiny
from bakeoff.cli import cli
from bakeoff.errors import BakeoffError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "a.db"
    tiny.finished_store(path, nets=("conv", "drop", "nin"), seeds=3)
    return path


def test_report_writes_the_page(results, tmp_path):
    page = bakeoff.report(results.store, tmp_path / "a.html", title="Digits")
    assert page == tmp_path / "a.html"
    assert "lenet-afif" in page.read_text()


def test_report_writes_tables_and_figures(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert bakeoff.report(store, format="markdown", marks=False) == (tmp_path / "report.md").relative_to(tmp_path)
    assert "conv" in (tmp_path / "report.md").read_text()
    with pytest.raises(BakeoffError, match="did you mean html"):
        bakeoff.report(store, format="htm")


def test_answer_is_that_of_the_command(store, capsys):
    answer = bakeoff.answer(store)
    cli.main(["answer", "--store", str(store)], standalone_mode=False)
    assert capsys.readouterr().out.rstrip("\n") == str(answer)
    cli.main(["answer", "--store", str(store), "--json"], standalone_mode=False)
    printed = json.loads(capsys.readouterr().out)
    assert printed["on_data"][0]["best"] == answer.on_data[0].best == answer.to_dict()["on_data"][0]["best"]
    frame = answer.to_frame()
    assert set(frame["net"]) | set(frame["best"]) == {"conv", "drop", "nin"}
    assert (frame["low"] <= frame["difference"]).all()
    assert "<pre>" in answer._repr_html_()


def test_audit_has_the_findings_of_the_command(store, capsys):
    frame = bakeoff.audit(store)
    cli.main(["audit", "--store", str(store), "--json"], standalone_mode=False)
    assert list(frame["message"]) == [finding["message"] for finding in json.loads(capsys.readouterr().out)]
    assert set(frame["severity"]) <= {"serious", "caution", "note"}
    assert list(frame.columns)[:4] == ["severity", "kind", "message", "advice"]


def test_audit_looks_through_published_tables(store):
    assert len(bakeoff.audit(study="afif2018")) > 0
    with pytest.raises(BakeoffError, match="no published numbers"):
        bakeoff.audit(study="demo")


def test_an_absent_store_is_reported(tmp_path):
    for function in (bakeoff.load, bakeoff.answer, bakeoff.audit, bakeoff.compare, bakeoff.report):
        with pytest.raises(BakeoffError, match="no store at"):
            function(tmp_path / "absent.db")


def test_public_functions_say_what_they_take():
    """No argument hides behind **, every one has a type, and help has an example."""
    for name in bakeoff.__all__:
        function = getattr(bakeoff, name)
        if not inspect.isfunction(function):
            continue
        parameters = inspect.signature(function).parameters.values()
        assert all(each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL) for each in parameters), name
        assert all(each.annotation is not each.empty for each in parameters), name
        assert ">>> " in function.__doc__ and f"bakeoff.{name}(" in function.__doc__, name
        documented = [each.name for each in parameters if f"{each.name}:" in function.__doc__]
        assert name in ("load", "compare") or len(documented) == len(parameters), name


def test_importing_is_light():
    import subprocess
    import sys

    code = "import bakeoff, sys; assert not {'torch', 'numpy', 'pandas'} & set(sys.modules); bakeoff.Recipe"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_stores_are_merged(store, tmp_path):
    merged = bakeoff.merge([store, str(store)], tmp_path / "all.db")
    assert merged.runs == merged.shared == len(bakeoff.load(store).results)
    assert bakeoff.load(tmp_path / "all.db").results == bakeoff.load(store).results
    with pytest.raises(BakeoffError, match="overwrite"):
        bakeoff.merge(store, tmp_path / "all.db")
    assert bakeoff.merge(store, tmp_path / "all.db", overwrite=True).conflicts == []
