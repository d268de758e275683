"""What `make gpu` checks, on a GPU and, with two networks, dry on the processor."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import gpu

from bakeoff.nets import NETS, Net
from bakeoff.spec.data import ImageShape

NAMES = ["lenet-afif", "googlenet"]


def device_of(name: str) -> str:
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    return name


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request) -> str:
    return device_of(request.param)


def test_every_check_passes(device):
    checks = gpu.check(device, NAMES, ["drop"], 300)
    assert [line for lines in checks.values() for line in lines if not line.passed] == []
    lines = checks["All networks, forward and backward"]
    assert [line.name for line in lines] == NAMES
    speed = gpu.timed(device, [("lenet-afif", "1x28x28", 128, 500)], gpu.Deadline(60))
    assert all(cell == "–" or float(cell.replace(",", "")) > 0 for cell in speed[0][3:6])
    page = gpu.report(device, checks, speed, 1.0)
    assert page.count("FAILED") == 0 and all(name in page for name in NAMES)


def test_failures_are_in_the_report(monkeypatch):
    def broken(shape: ImageShape, classes: int) -> torch.nn.Module:
        raise RuntimeError("no kernel image is available")

    monkeypatch.setitem(NETS, "broken", Net(broken, "own", 2026, "a test", 1))
    [line] = gpu.each(["broken"], lambda name: gpu.network(name, "cpu"), gpu.Deadline(60))
    assert (line.passed, line.told) == (False, "RuntimeError: no kernel image is available")
    assert "FAILED" in gpu.report("cpu", {"networks": [line]}, [], 1.0)


def test_checks_without_time_left_are_in_the_report():
    [line] = gpu.each(["conv"], lambda name: gpu.network(name, "cpu"), gpu.Deadline(-1))
    assert not line.passed and "no time" in line.told
    assert "no time left" in gpu.timed("cpu", [("conv", "1x28x28", 8, 100)], gpu.Deadline(-1))[0]


def test_a_product_that_is_rounded_in_fp32_is_found(monkeypatch):
    monkeypatch.setattr(gpu.hardware, "autocast", lambda _: torch.autocast("cpu", torch.bfloat16))
    passed, told = gpu.rounded("fp32", "cpu")
    assert not passed and "matrices" in told


def test_speeds_are_measured_dry():
    sections = gpu.gpu_speed.sections("cpu", gpu.noise, lambda: True, small=True)
    assert [one.title for one in sections] == [
        "The cells of afif2018", "CUDA graphs", "The speed-record network", "Beside other loops",
    ]  # fmt: skip
    assert not [row for one in sections for row in one.rows if row[0].startswith("FAILED")]
    assert all(len(row) == len(one.head) for one in sections for row in one.rows)
    page = gpu.report("cpu", {}, [], 1.0, sections)
    assert all(f"## {one.title}" in page for one in sections)


def test_a_section_that_fails_leaves_the_others(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(gpu.gpu_speed, "study_cells", fail)
    has_time = iter([True, False, False, False])
    first, *others = gpu.gpu_speed.sections("cpu", gpu.noise, lambda: next(has_time), small=True)
    assert first.rows == [["FAILED: RuntimeError: no kernel image is available"]]
    assert [one.rows for one in others] == [[["no time was left"]]] * 3
