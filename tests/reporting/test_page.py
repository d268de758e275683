import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from synthetic import RECIPE, make_store

from bakeoff import reporting
from bakeoff.errors import BakeoffError
from bakeoff.reporting import build_page, write
from bakeoff.reporting.contest import list_trainings
from bakeoff.reporting.loading import load_page_model
from bakeoff.reporting.markup import bold, code, shorten_paths
from bakeoff.reporting.payload import to_script
from bakeoff.reporting.strips import lay_out_strips
from bakeoff.spec.paths import write_whole
from bakeoff.spec.records import Epoch
from bakeoff.spec.run import Run
from bakeoff.store.store import Store
from tiny import ClaimingStore


def data_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])


def test_one_file_that_fetches_nothing(make) -> None:
    page = build_page(make(failing=1, waiting=1))
    assert "default-src 'none'" in page
    assert not re.search(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?!data:)', page)
    assert len(page) < 1_000_000


def test_the_ranking_reads_without_a_script(make) -> None:
    path = make(failing=1, waiting=1)
    page = re.sub(r"<script.*?</script>", "", build_page(path), flags=re.S)
    for table in load_page_model(path).tables:
        for line in table.ranked:
            assert f'data-value="{line.row.test_accuracy}"' in page
    assert "partial: 10 of 12 runs" in page
    assert "Reported epoch:\nlast epoch." in page
    assert "the loss became NaN in epoch 3 at step 57" in page
    assert "optimizer.momentum" in page and "bakeoff run --nets" in page


def test_numbers_behind_the_charts(make) -> None:
    path = make()
    data = data_of(build_page(path))
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
    page = build_page(
        make(nets=(name, "conv"), data=("digits", "<b>x</b>"), classes=("a", "<i>", '"')), title="<u>mine</u>"
    )
    assert "<script>alert" not in page and "<b>x</b>" not in page and "<u>mine" not in page
    assert name in data_of(page)["nets"]


def test_the_charts_use_what_is_bundled() -> None:
    folder = Path(reporting.__file__).parent
    scripts = "".join(path.read_text(encoding="utf-8") for path in (folder / "js").glob("*.js"))
    for library, name in (("d3", "d3"), ("Plot", "plot")):
        used = set(re.findall(rf"\b{library}\s*\.\s*([a-zA-Z]+)\(", scripts))
        bundled = set(re.findall(r"\w+", (folder / f"vendor/{name}.js").read_text(encoding="utf-8").split("from")[0]))
        assert used and used <= bundled, used - bundled


def test_values_that_json_does_not_know_become_null() -> None:
    assert to_script({"a": [float("nan"), float("inf"), 1.5], "b": "</script>\u2028"}) == (
        '{"a":[null,null,1.5],"b":"\\u003c/script>\\\\u2028"}'
    )


def test_the_same_network_under_two_recipes_of_one_name_is_distinguished(tmp_path: Path) -> None:
    path = make_store(tmp_path / "two.db", nets=("conv",), data=("digits",))
    other = msgspec.structs.replace(RECIPE, epochs=4)
    make_store(path, nets=("conv",), data=("digits",), recipe=other)
    assert {table.recipe for table in load_page_model(path).tables} == {"quick (epochs=8)", "quick (epochs=4)"}
    assert "quick (epochs=4)" in build_page(path)


@pytest.mark.parametrize(
    "options", [{"waiting": 24}, {"failing": 24}, {"seeds": 1}, {"nets": ("conv",), "data": ("a",)}]
)
def test_a_page_at_every_stage(make, options: dict) -> None:
    assert "</html>" in build_page(make(**options))


def test_recipe_without_validation(make) -> None:
    page = build_page(make(data=("digits",), recipe=msgspec.structs.replace(RECIPE, validation="none")))
    assert "</html>" in page


def test_many_classes_leave_the_matrix_out(make) -> None:
    names = tuple(f"class {i}" for i in range(150))
    data = data_of(build_page(make(nets=("conv",), data=("birds",), classes=names)))
    pooled = data["tables"][0]["lines"][0]["pooled"]
    assert pooled["confusion"] is None and len(pooled["pairs"]) > 8 and len(pooled["correct"]) == 150
    assert len(pooled["worst"]["classes"]) == 20 and len(pooled["worst"]["confusion"]) == 400


def test_intervals_beyond_the_axis_are_cut(make) -> None:
    for table in load_page_model(make(seeds=2, data=("digits",), noise=0.02)).tables:
        axis = lay_out_strips(table)
        assert axis and 0 <= axis.start < axis.end <= 1
        for strip in axis.by_label.values():
            assert all(0 <= x <= 100 for x in (*strip.seeds, strip.mean, strip.low or 0, strip.high or 0))


def test_write_replaces_whole_and_says_what_is_wrong(make, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    assert write(make(data=("digits",)), output, title="Mine") == output
    assert "<h1>Mine</h1>" in output.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [output]
    with pytest.raises(BakeoffError, match="cannot write"):
        write(make(data=("digits",)), output / "report.html")  # within a file
    with pytest.raises(BakeoffError, match="no store at"):
        build_page(tmp_path / "absent.db")
    Store(tmp_path / "empty.db", create=True).close()
    with pytest.raises(BakeoffError, match="holds no runs yet"):
        build_page(tmp_path / "empty.db")


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
        f"import sys; from bakeoff.reporting import build_page; build_page({path!r}); "
        "print([name for name in ('torch', 'sklearn', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == heavy


def test_absolute_paths_lose_their_folders(make) -> None:
    place = "/home/ada/secret/my photos/birds"
    path = make(data=("digits",), command=f"bakeoff run --data folder:{place} --store C:\\Users\\ada\\secret\\a.db")
    page = build_page(path, pictures=False)
    assert "secret" not in page and "folder:…/" in page and "…/a.db" in page
    assert "/home/ada/secret" in build_page(path, pictures=False, full_paths=True)
    kept = "https://example.org/a/b.html 12,000 images/s 3 of 4/5 a/b/c"
    assert shorten_paths(kept) == kept


def test_one_sentence_per_data_set_and_the_rest_folded(make) -> None:
    several, one = build_page(make(), pictures=False), build_page(make(data=("digits",)), pictures=False)
    answer = re.compile(r'<section id="answer".*?</section>', re.S)
    assert answer.search(several)[0].count('<details class="more">') == 2
    assert "<details" not in answer.search(one)[0]
    assert re.search(r"<details><summary>Show it</summary><pre[^>]*>name = ", one)


def test_settings_that_recipes_share_are_written_once(tmp_path: Path) -> None:
    path = make_store(tmp_path / "two.db", nets=("conv",), data=("digits",))
    make_store(path, nets=("conv",), data=("digits",), recipe=msgspec.structs.replace(RECIPE, epochs=4))
    provenance = build_page(path, pictures=False).partition('id="provenance"')[2]
    assert provenance.count("<dt>optimizer.momentum</dt>") == 1 and provenance.count("<dt>epochs</dt>") == 2


def test_the_ranking_can_be_saved_in_three_formats(make) -> None:
    path = make(data=("digits",))
    ranking = data_of(build_page(path, pictures=False))["ranking"]
    assert ranking["csv"][0].startswith("data,recipe,rank,net,") and len(ranking["csv"]) == 6
    assert any(line.startswith("| rank | network |") for line in ranking["markdown"])
    assert any("\\begin{tabular}" in line for line in ranking["latex"])


def test_without_a_result_there_are_no_empty_charts(make) -> None:
    page = build_page(make(data=("digits",), failing=12), pictures=False)
    assert 'data-figure="cost"' not in page and 'data-figure="curves"' in page
    assert page.count("once a run has finished") == 1


def test_the_example_is_small_and_tells_no_paths() -> None:
    example = Path(__file__).parents[2] / "docs/example/index.html"
    page = example.read_text(encoding="utf-8")
    assert example.stat().st_size < 1_000_000 and "/home/" not in page and "/tmp/" not in page and "/work/" not in page
    assert "docs/example/index.html" in (example.parents[2] / "README.md").read_text(encoding="utf-8")


def test_trainings_of_a_contest_are_folded(tmp_path: Path) -> None:
    """Runs that were trained to their end and never tested make no tables of their own, and do not make one partial."""
    path = make_store(tmp_path / "a.db", nets=("conv", "drop"), data=("digits",), seeds=2)
    short = msgspec.structs.replace(RECIPE, epochs=3)
    with ClaimingStore(path) as store:
        (record,) = store.datasets().values()
        shorter = [Run(net, "digits", record.content_hash, short, 0) for net in ("conv", "nin")]
        longer = Run("nin", "digits", record.content_hash, RECIPE, 0)
        store.add([*shorter, longer], [record])
        for run in (*shorter, longer):
            for epoch in range(1, run.recipe.epochs + 1):
                store.record_epoch(run.id, Epoch(epoch, 1.0, 0.5, 1.0, 0.5 + 0.01 * epoch, 0.1, 2.0, 0.5, 22.0, 10**8))
        store.release("me")
    model = load_page_model(path)
    assert [table.title for table in model.tables] == ["digits"] and len(model.contest) == 1
    trainings = list_trainings([*model.contest, *model.tables])
    assert [(one.net, one.epochs) for one in trainings] == [("nin", 8), ("conv", 3), ("nin", 3)]
    assert trainings[0].validation_accuracy == pytest.approx(0.58) and trainings[0].train_seconds == 16
    page = build_page(path, pictures=False)
    assert "Contest trainings (3)" in page and "partial:" not in page and "Partial:" not in page
    assert "1 training of a contest did not reach the test" in page
