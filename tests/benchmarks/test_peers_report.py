import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield
    for name in ("answer", "answer_task", "blocks", "peers_report", "peer_bound", "turns"):
        sys.modules.pop(name, None)


def row(key, title, rate, ratio):
    return {
        "key": key, "title": title, "version": "torch 2", "images_per_second": rate, "rates": [rate] * 3,
        "noisy_turns": 0, "of_peak": rate / 2000, "ratio": ratio, "ratio_low": ratio - 0.1, "ratio_high": ratio + 0.1,
        "runs_per_hour": 3600 * rate / 600_000,
    }  # fmt: skip


def measured(ratio=2.0, **about):
    rows = [
        row("bakeoff", "bakeoff, one run", 1000, 1.0),
        row("tutorial", "PyTorch tutorial loop", 1000 / ratio, ratio),
    ]
    rows += [row("bf16", "bakeoff, bfloat16", 1500, 0.67), row("grid", "bakeoff, grid: 2 × 1 thread", 1200, 0.83)]
    vgg = {
        "parameters": 1_505_034, "flops_per_image": 436e6, "peak_gflops": 490.0, "rows": rows,
        "shares": {"products": 0.8, "normalisation": 0.0, "rest": 0.2},
    }  # fmt: skip
    known = {
        "day": "2026-11-27", "processor": "Zen", "cores": 2, "python": "3.11.7", "versions": ["torch 2"],
        "instructions": "all", "precision": "fp32", "rounds": 3, "seconds": 3.0,
    }  # fmt: skip
    return {"about": known | about, "workloads": {"vgg": vgg}}


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_has_one_runs_and_a_studys_throughput():
    from peers_report import table

    head, _, title, *rows = table(measured(), measured(3.0, instructions="avx2"))
    found = {own[0]: dict(zip(cells(head), own, strict=True)) for own in map(cells, rows)}
    assert cells(title)[0] == "**VGG-like**"
    assert found["bakeoff"]["runs per hour, one at a time"] == "6"
    assert found["bakeoff"]["in a study"] == "7.2"
    tutorial = found["PyTorch tutorial loop"]
    assert tutorial["in a study"] == tutorial["runs per hour, one at a time"] == "3"
    assert tutorial["bakeoff is … as fast"] == "2.00× (1.90–2.10)"
    assert tutorial["with AVX2 only"] == "3.00× (2.90–3.10)"
    assert len(found) == 3


def test_it_says_what_bounds_each_network():
    from peers_report import limits

    (line,) = limits(measured())
    assert "80% of a step" in line and "62% of the peak" in line
    assert "1,250 images/s" in line and "2,000" in line  # without the rest; at the peak
    assert "normalisation" not in line


def test_the_page_is_what_the_program_writes(tmp_path, monkeypatch):
    from blocks import block_of
    from peers_report import main

    files = [str(ROOT / f"benchmarks/measured/{name}.json") for name in ("speed", "speed-avx2", "speed-bf16")]
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    copy = tmp_path / "page.md"
    copy.write_text(page.replace(block_of(page, "peers")[2], "\nold\n"), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["peers_report.py", *files, "--into", str(copy)])
    main()
    assert copy.read_text(encoding="utf-8") == page


def test_measurements_of_another_processor_are_left_out(tmp_path, monkeypatch, capsys):
    from peers_report import main

    for name, one in {"a": measured(), "b": measured(processor="other", precision="bf16")}.items():
        (tmp_path / name).write_text(json.dumps(one))
    monkeypatch.setattr(sys, "argv", ["peers_report.py", *map(str, (tmp_path / "a", tmp_path / "b", tmp_path / "c"))])
    main()
    assert "all in bfloat16" not in capsys.readouterr().out


def test_a_page_without_a_place_is_refused(tmp_path):
    from blocks import write_block

    page = tmp_path / "page.md"
    page.write_text("# Speed\n")
    with pytest.raises(SystemExit, match="peers"):
        write_block(page, "peers", "text")
    assert page.read_text() == "# Speed\n"


def test_operators_are_sorted_into_parts():
    pytest.importorskip("torch")
    from peer_bound import part_of

    assert part_of("aten::convolution_backward") == part_of("mkldnn::_linear_pointwise") == part_of("aten::mm")
    assert part_of("aten::native_batch_norm_backward") == "normalisation"
    assert part_of("aten::mul_") == "rest"


def test_the_page_has_the_time_to_the_answer_that_was_measured():
    pytest.importorskip("torch")
    from answer import report
    from blocks import block_of

    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    assert block_of(page, "answer")[2].strip() == report(
        json.loads((ROOT / "benchmarks/measured/answer.json").read_text())
    )
