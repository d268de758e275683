import re
import subprocess
import sys

from bakeoff.api import Results, load


def test_a_notebook_shows_the_answer_the_table_and_a_drawing(make) -> None:
    html = load(make(waiting=1))._repr_html_()
    assert "<strong>resnet20</strong> has the best mean" in html
    assert "Partial: 11 of 12 runs" in html
    assert html.count("<table") == 2 and html.count("<svg") == 8
    assert "<script" not in html and "<style" not in html
    assert len(html) < 40_000


def test_names_stay_text(make) -> None:
    assert "<script>" not in load(make(nets=("<script>", "a"), data=("digits",)))._repr_html_()


def test_no_runs_and_no_file(make, tmp_path) -> None:
    assert "There are no runs yet" in Results(tmp_path / "a.db", ())._repr_html_()
    html = Results(tmp_path / "gone.db", load(make(data=("digits",))).results)._repr_html_()
    assert "resnet20" in html and not re.search("test images", html)


def test_it_is_light(make) -> None:
    code = (
        f"import sys, bakeoff; bakeoff.load({str(make())!r})._repr_html_(); "
        "print([name for name in ('torch', 'sklearn', 'pandas', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
