import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from synthetic import RECIPE, make_store

from bakeoff.errors import BakeoffError
from bakeoff.reporting import build, write
from bakeoff.reporting.model import read
from bakeoff.reporting.page import bold, code, strips
from bakeoff.reporting.payload import to_script
from bakeoff.spec.paths import write_whole
from bakeoff.store.store import Store


def data_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


def test_one_file_that_fetches_nothing(make) -> None:
    page = build(make(failing=1, waiting=1))
    assert "default-src 'none'" in page
    assert not re.search(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?!data:)', page)
    assert len(page) < 1_000_000


def test_the_ranking_reads_without_a_script(make) -> None:
    path = make(failing=1, waiting=1)
    page = re.sub(r"<script.*?</script>", "", build(path), flags=re.S)
    for table in read(path).tables:
        for line in table.ranked:
            assert f'data-value="{line.row.test_accuracy}"' in page
    assert "partial: 10 of 12 runs" in page
    assert "Reported epoch:\n    last epoch." in page
    assert "the loss became NaN in epoch 3 at step 57" in page
    assert "optimizer.momentum" in page and "bakeoff run --nets" in page


def test_numbers_behind_the_charts(make) -> None:
    path = make()
    data = data_of(build(path))
    table = data["tables"][0]
    line = table["lines"][0]
    assert sum(line["pooled"]["confusion"]) == sum(line["pooled"]["images"]) == 3 * 400
    assert sum(line["pooled"]["reliability"]["images"]) == 3 * 400
    assert len(table["runs"]) == 12
    assert all(len(run["epochs"]["train_loss"]) == len(run["seconds"]) == 8 for run in table["runs"])
    right = sum(line["pooled"]["correct"]) / sum(line["pooled"]["images"])
    assert line["test_accuracy"] == pytest.approx(right)


def test_hostile_names_stay_text(make) -> None:
    name = "</script><script>alert(1)</script>"
    page = build(make(nets=(name, "conv"), data=("digits", "<b>x</b>"), classes=("a", "<i>", '"')), title="<u>mine</u>")
    assert "<script>alert" not in page and "<b>x</b>" not in page and "<u>mine" not in page
    assert name in data_of(page)["nets"]


def test_values_that_json_does_not_know_become_null() -> None:
    assert to_script({"a": [float("nan"), float("inf"), 1.5], "b": "</script>\u2028"}) == (
        '{"a":[null,null,1.5],"b":"\\u003c/script>\\\\u2028"}'
    )


def test_the_same_network_under_two_recipes_of_one_name_is_told_apart(tmp_path: Path) -> None:
    path = make_store(tmp_path / "two.db", nets=("conv",), data=("digits",))
    other = msgspec.structs.replace(RECIPE, epochs=4)
    make_store(path, nets=("conv",), data=("digits",), recipe=other)
    assert {table.recipe for table in read(path).tables} == {"quick (epochs=8)", "quick (epochs=4)"}
    assert "quick (epochs=4)" in build(path)


@pytest.mark.parametrize(
    "options", [{"waiting": 24}, {"failing": 24}, {"seeds": 1}, {"nets": ("conv",), "data": ("a",)}]
)
def test_a_page_at_every_stage(make, options: dict) -> None:
    assert "</html>" in build(make(**options))


def test_recipe_without_validation(make) -> None:
    page = build(make(data=("digits",), recipe=msgspec.structs.replace(RECIPE, validation="none")))
    assert "</html>" in page


def test_many_classes_leave_the_matrix_out(make) -> None:
    names = tuple(f"class {i}" for i in range(150))
    data = data_of(build(make(nets=("conv",), data=("birds",), classes=names)))
    pooled = data["tables"][0]["lines"][0]["pooled"]
    assert pooled["confusion"] is None and pooled["pairs"] and len(pooled["correct"]) == 150


def test_intervals_beyond_the_axis_are_cut(make) -> None:
    for table in read(make(seeds=2, data=("digits",), noise=0.02)).tables:
        axis = strips(table)
        assert axis and 0 <= axis.start < axis.end <= 1
        for strip in axis.by_label.values():
            assert all(0 <= x <= 100 for x in (*strip.seeds, strip.mean, strip.low or 0, strip.high or 0))


def test_write_replaces_whole_and_says_what_is_wrong(make, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    assert write(make(data=("digits",)), output, title="Mine") == output
    assert "<h1>Mine</h1>" in output.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [output]
    with pytest.raises(BakeoffError, match="cannot write the report"):
        write(make(data=("digits",)), output / "report.html")  # within a file
    with pytest.raises(BakeoffError, match="no store at"):
        build(tmp_path / "absent.db")
    Store(tmp_path / "empty.db", create=True).close()
    with pytest.raises(BakeoffError, match="holds no runs yet"):
        build(tmp_path / "empty.db")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders")
def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, "page")
    assert os.read(reader, 10) == b"page" and pipe.is_fifo()
    os.close(reader)


def test_names_are_bold_commands_are_code_and_all_is_escaped() -> None:
    assert bold("**a<b** wins") == "<strong>a&lt;b</strong> wins"
    assert code("Look at `bakeoff show <NET>`.") == "Look at <code>bakeoff show &lt;NET&gt;</code>."


@pytest.mark.parametrize(("real", "heavy"), [(False, "[]"), (True, "['sklearn']")])
def test_no_torch_and_scikit_learn_only_for_pictures(make, real: bool, heavy: str) -> None:
    path = str(make(data=("digits",) if real else ("mine",), real=real))
    code = (
        f"import sys; from bakeoff.reporting import build; build({path!r}); "
        "print([name for name in ('torch', 'sklearn', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == heavy
