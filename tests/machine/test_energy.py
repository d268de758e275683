import os

import pytest

import tiny
from bakeoff.machine import energy
from bakeoff.machine.energy import EnergyMeter, processor_joules
from bakeoff.machine.hardware import Machine

ALL_CORES = Machine(threads=os.cpu_count() or 1)


@pytest.fixture
def powercap(tmp_path, monkeypatch):
    """Two packages, each with a part that its own counter contains, and a domain of the whole board."""
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    for folder, name in {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:1": "package-1",
        "intel-rapl:2": "psys",
    }.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "name").write_text(f"{name}\n")
        (tmp_path / folder / "energy_uj").write_text("1000000\n")
        (tmp_path / folder / "max_energy_range_uj").write_text("9000000\n")
    return tmp_path


def count(powercap, zero: int, one: int) -> None:
    (powercap / "intel-rapl:0" / "energy_uj").write_text(f"{zero}\n")
    (powercap / "intel-rapl:1" / "energy_uj").write_text(f"{one}\n")


class TestMeter:
    def test_adds_spans_of_all_packages_and_nothing_between(self, powercap):
        meter = EnergyMeter(ALL_CORES)
        meter.start()
        count(powercap, 3_000_000, 1_500_000)
        meter.stop()
        count(powercap, 4_000_000, 4_000_000)
        meter.start()
        count(powercap, 5_000_000, 4_000_000)
        meter.stop()
        assert meter.measures() == {"processor_energy_joules": pytest.approx(3.5)}

    def test_follows_a_counter_round_its_end(self, powercap):
        meter = EnergyMeter(ALL_CORES)
        count(powercap, 8_000_000, 0)
        meter.start()
        count(powercap, 500_000, 0)
        meter.stop()
        assert meter.joules == pytest.approx(1.5)

    def test_continues_from_an_earlier_session(self, powercap):
        meter = EnergyMeter(ALL_CORES, 10.0)
        meter.start()
        count(powercap, 2_000_000, 1_000_000)
        meter.stop()
        assert meter.joules == pytest.approx(11.0)
        unknown = EnergyMeter(ALL_CORES, None)
        unknown.start()
        unknown.stop()
        assert unknown.measures() == {}

    def test_gives_a_run_its_threads_share(self, powercap):
        meter = EnergyMeter(Machine(threads=1))
        meter.start()
        count(powercap, 3_000_000, 1_000_000)
        meter.stop()
        assert meter.measures()["processor_energy_joules"] == pytest.approx(2 / (os.cpu_count() or 1))

    def test_leaves_a_blank_where_the_machine_tells_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr(energy, "POWERCAP", tmp_path / "absent")
        for machine in (tiny.MACHINE, Machine(device="mps"), Machine(device="cuda:7")):
            meter = EnergyMeter(machine)
            meter.start()
            meter.stop()
            assert meter.measures() == {}

    def test_leaves_a_blank_when_a_counter_goes_away(self, powercap):
        meter = EnergyMeter(ALL_CORES)
        meter.start()
        (powercap / "intel-rapl:1" / "energy_uj").unlink()
        meter.stop()
        assert meter.measures() == {}


class FakeNvml:
    """A GPU that has used 5 J more each time it is asked."""

    class NVMLError(Exception):
        pass

    used = 0

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        self.used += 5000
        return self.used


def test_a_gpu_counts_whole(monkeypatch):
    monkeypatch.setattr(energy, "gpu_handle", lambda device: (FakeNvml(), "handle"))
    meter = EnergyMeter(Machine(device="cuda", threads=1))
    meter.start()
    meter.stop()
    assert meter.measures() == {"gpu_energy_joules": 5.0}


def test_half_readable_counters_are_none(powercap):
    assert set(processor_joules().values()) == {1.0}
    assert len(processor_joules()) == 2
    (powercap / "intel-rapl:0" / "energy_uj").write_text("")
    assert processor_joules() == {}
