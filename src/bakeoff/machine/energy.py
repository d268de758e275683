"""Energy used by training, where the machine reports it: NVML for NVIDIA GPUs, RAPL for CPUs.

The counters are running totals, so the difference of two readings is the energy used in between. Nothing is estimated
from data sheets.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from bakeoff.machine.hardware import Machine

POWERCAP = Path("/sys/class/powercap")


class EnergyMeter:
    """Counts the joules between `start` and `stop`, over any number of spans.

    On a GPU, all energy the device used is counted. On a CPU, a run is charged threads / cores of the energy of all
    packages: exact when every core has a worker, too low when some cores are idle.
    """

    def __init__(self, machine: Machine, joules: float | None = 0.0) -> None:
        """Start at `joules`; None means unknown and stays unknown."""
        self.joules = joules
        self.name = "gpu_energy_joules" if machine.device.startswith("cuda") else "processor_energy_joules"
        self._gpu = gpu_handle(machine.device) if machine.device.startswith("cuda") else None
        self._share = machine.threads * machine.devices / (os.cpu_count() or 1) if machine.device == "cpu" else None
        self._before: dict[str, float] = {}

    def start(self) -> None:
        """Start a span."""
        self._before = self._read()

    def stop(self) -> None:
        """End the span and add its energy; if a counter cannot be read, the total becomes unknown."""
        before, after = self._before, self._read()
        if self.joules is None or not before or before.keys() != after.keys():
            self.joules = None
            return
        self.joules += sum(after[name] - before[name] + wraparound(name, before[name], after[name]) for name in before)

    def measures(self) -> dict[str, float]:
        """Return the energy so far by name; empty if unknown."""
        if self.joules is None:
            return {}
        return {self.name: self.joules * (1.0 if self._share is None else self._share)}

    def _read(self) -> dict[str, float]:
        """Return the total of each counter in joules; empty if there is none."""
        if self._gpu is not None:
            nvml, handle = self._gpu
            with suppress(nvml.NVMLError):
                return {"gpu": nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000}
            return {}
        return {} if self._share is None else processor_joules()


def processor_joules() -> dict[str, float]:
    """Return the RAPL counter of each CPU package in joules; empty if none can be read."""
    found = {}
    for domain in sorted(POWERCAP.glob("intel-rapl:*")):  # AMD CPUs use this name too
        if domain.name.count(":") == 1:  # intel-rapl:0:1 is a part of package 0 and counted there
            try:
                if (domain / "name").read_text().startswith("package"):
                    found[str(domain)] = int((domain / "energy_uj").read_text()) / 1e6
            except (OSError, ValueError):
                return {}
    return found


def wraparound(name: str, before: float, after: float) -> float:
    """Return the joules to add if the counter wrapped around during the span (at most once), else 0."""
    if after >= before:
        return 0.0
    with suppress(OSError, ValueError):
        return int((Path(name) / "max_energy_range_uj").read_text()) / 1e6
    return before - after


def gpu_handle(device: str) -> tuple[Any, Any] | None:
    """Return NVML and its handle of the GPU; None if nvidia-ml-py is not installed or the GPU has no energy counter."""
    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except Exception:  # no library, no driver or no counter
        return None
    return pynvml, handle
