import json
import subprocess
import sys
from importlib import metadata
from itertools import groupby
from pathlib import Path

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.machine import hardware
from bakeoff.machine.hardware import Machine, choose_device, choose_precision
from bakeoff.spec.records import Result


class TestDevice:
    def test_is_the_fastest_there_is(self):
        expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        assert choose_device() == choose_device("auto") == expected
        assert choose_device("cpu") == "cpu"

    def test_that_is_unknown_or_absent_is_reported(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(BakeoffError, match=r"'tpu'.* auto, cpu, cuda or mps"):
            choose_device("tpu")
        for wanted in ("cuda", "cuda:1"):
            with pytest.raises(BakeoffError, match=f"'{wanted}' is not available.* auto, .*cpu"):
                choose_device(wanted)

    def test_may_be_one_of_several(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        assert choose_device("cuda:1") == "cuda:1"
        assert choose_device() == "cuda"


class TestPrecision:
    @pytest.mark.parametrize(
        ("device", "wanted", "has_bf16", "chosen"),
        [
            ("cpu", "auto", True, "fp32"),
            ("cpu", "bf16", True, "bf16"),
            ("cpu", "bf16", False, "bf16"),
            ("mps", "auto", True, "fp32"),
            ("cuda", "auto", True, "bf16"),
            ("cuda:1", "auto", False, "fp32"),
            ("cuda", "fp32", True, "fp32"),
            ("cuda", "bf16", False, "bf16"),
            ("cuda", "tf32", True, "tf32"),
        ],
    )
    def test_is_bf16_only_on_gpus_that_have_it(self, device, wanted, has_bf16, chosen, monkeypatch):
        monkeypatch.setattr(hardware, "has_bf16", lambda device: has_bf16)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
        assert choose_precision(device, wanted) == chosen

    @pytest.mark.parametrize(
        ("abilities", "has_bf16"),
        [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_bf16": False, "avx2": True}, False)],
    )
    def test_that_a_processor_has_is_known(self, abilities, has_bf16, monkeypatch):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: abilities, raising=False)
        assert hardware.has_bf16("cpu") is has_bf16

    @pytest.mark.parametrize(("device", "capability"), [("cpu", (0, 0)), ("mps", (0, 0)), ("cuda", (7, 5))])
    def test_tf32_is_refused_where_there_is_none(self, device, capability, monkeypatch):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
        with pytest.raises(BakeoffError, match=f"{device} .*tf32.* fp32 or bf16"):
            choose_precision(device, "tf32")

    def test_of_products_is_whole_unless_a_machine_trains_in_tf32(self):
        def are_rounded():
            return torch.get_float32_matmul_precision() == "high", torch.backends.cudnn.allow_tf32

        torch.set_float32_matmul_precision("medium")  # as a program around this one may have it
        torch.backends.cudnn.allow_tf32 = True
        hardware.prepare_process(Machine(threads=torch.get_num_threads()))
        assert are_rounded() == (False, False)
        for precision in ("fp32", "bf16", "tf32"):
            with hardware.tf32_if_chosen(Machine(precision=precision)):
                assert are_rounded() == (precision == "tf32",) * 2
            assert are_rounded() == (False, False)

    def test_that_is_unknown_is_reported(self):
        with pytest.raises(BakeoffError, match=r"'fp16'.* auto, fp32, tf32 or bf16"):
            choose_precision("cpu", "fp16")


class TestAcross:
    def test_sessions_alike_there_is_nothing_to_tell(self):
        facts = {"precision": "fp32", "threads": 2}
        assert hardware.merge_environments({}, facts) == hardware.merge_environments(facts, facts) == facts

    @given(st.lists(st.sampled_from(["fp32", "bf16"]), min_size=1, max_size=6))
    def test_sessions_each_change_is_kept(self, precisions):
        environment = {}
        for precision in precisions:
            environment = hardware.merge_environments(environment, {"precision": precision, "torch": "2"})
        changes = [now for now, _ in groupby(precisions)]
        assert Result("id", tiny.run(), "done", environment=environment).conditions("precision") == tuple(changes)
        assert (environment["precision"], environment["torch"]) == (precisions[-1], "2")

    def test_sessions_a_fact_may_come_or_go(self):
        on_gpu = hardware.merge_environments({"device": "cpu"}, {"device": "cuda", "gpu": "H200"})
        assert on_gpu == {"device": "cuda", "gpu": "H200", "before": {"device": ["cpu"]}}
        assert hardware.merge_environments(on_gpu, {"device": "cpu"})["before"] == {
            "device": ["cpu", "cuda"],
            "gpu": ["H200"],
        }


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="other systems count other things")
def test_memory_at_its_highest_is_known_though_it_was_freed():
    """In a process of its own, as that of a worker."""
    code = (
        "import torch; from bakeoff.machine import hardware\n"
        "hardware.prepare_process(hardware.Machine(threads=1))\n"
        "before = hardware.peak_memory_bytes('cpu')\n"
        "block = torch.ones(40_000_000)\n"  # 160 MB
        "del block\n"
        "print(hardware.peak_memory_bytes('cpu') - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == pytest.approx(160e6, rel=0.1)


def test_preparing_sets_the_threads():
    before = torch.get_num_threads()
    try:
        hardware.prepare_process(Machine(threads=1))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_the_environment_says_what_may_explain_a_difference():
    facts = hardware.environment(Machine(threads=3))
    assert facts["torch"] == torch.__version__
    assert (facts["device"], facts["precision"], facts["threads"], facts["compiled"]) == ("cpu", "fp32", 3, False)
    assert all(facts[name] for name in ("bakeoff", "python", "numpy", "system", "processor", "cores", "memory_gib"))
    assert all(facts[name] for name in ("pillow", "libjpeg", "zlib"))
    json.dumps(facts)


def test_the_environment_lacks_what_the_system_does_not_tell(monkeypatch):
    def refuse(*_):
        raise PermissionError("/proc/meminfo")

    monkeypatch.setattr(psutil, "virtual_memory", refuse)
    monkeypatch.setattr(metadata, "version", lambda name: (_ for _ in ()).throw(metadata.PackageNotFoundError(name)))
    facts = hardware.environment(Machine())
    assert not facts.keys() & {"bakeoff", "memory_gib"}
    assert facts["torch"] == torch.__version__
