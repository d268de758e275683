"""Energy that training took, where the machine tells it: NVML for NVIDIA GPUs, RAPL for processors. Else nothing.

A reading is a running total, so two readings make an amount. Nothing is estimated from a data sheet.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from bakeoff.machine.hardware import Machine

POWERCAP = Path("/sys/class/powercap")


class Meter:
    """Counts the joules between `start` and `stop`, over any number of such spans.

    Of a GPU all it used counts. Of the processor a run is given the share threads / cores of what all packages
    used: where every core has a worker, the runs share the whole; where others are at rest, this says too little.
    """

    def __init__(self, machine: Machine, joules: float | None = 0.0) -> None:
        """Go on from `joules`; None is unknown and stays so."""
        self.joules = joules
        self.name = "gpu_energy_joules" if machine.device.startswith("cuda") else "processor_energy_joules"
        self._gpu = gpu_handle(machine.device) if machine.device.startswith("cuda") else None
        self._share = machine.threads / (os.cpu_count() or 1) if machine.device == "cpu" else None
        self._before: dict[str, float] = {}

    def start(self) -> None:
        """Begin a span."""
        self._before = self._read()

    def stop(self) -> None:
        """End the span and add what it took; a span that cannot be read makes the sum unknown."""
        before, after = self._before, self._read()
        if self.joules is None or not before or before.keys() != after.keys():
            self.joules = None
            return
        self.joules += sum(after[name] - before[name] + wrap(name, before[name], after[name]) for name in before)

    def measures(self) -> dict[str, float]:
        """Return the energy so far under its name, nothing where it is unknown."""
        if self.joules is None:
            return {}
        return {self.name: self.joules * (1.0 if self._share is None else self._share)}

    def _read(self) -> dict[str, float]:
        """Return the totals of the counters in joules, by counter; empty where there is none."""
        if self._gpu is not None:
            nvml, handle = self._gpu
            with suppress(nvml.NVMLError):
                return {"gpu": nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000}
            return {}
        return {} if self._share is None else processor_joules()


def processor_joules() -> dict[str, float]:
    """Return the RAPL counter of each processor package in joules; empty where there is none that may be read."""
    found = {}
    for domain in sorted(POWERCAP.glob("intel-rapl:*")):  # AMD's processors are under this name too
        if domain.name.count(":") == 1:  # parts of a package, such as intel-rapl:0:1, are in its counter already
            try:
                if (domain / "name").read_text().startswith("package"):
                    found[str(domain)] = int((domain / "energy_uj").read_text()) / 1e6
            except (OSError, ValueError):
                return {}
    return found


def wrap(name: str, before: float, after: float) -> float:
    """Return what to add to a counter that began anew at its end, once at most, in a span."""
    if after >= before:
        return 0.0
    with suppress(OSError, ValueError):
        return int((Path(name) / "max_energy_range_uj").read_text()) / 1e6
    return before - after


def gpu_handle(device: str) -> tuple[Any, Any] | None:
    """Return NVML and its handle of the GPU, None where nvidia-ml-py is not installed or the GPU counts nothing."""
    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except Exception:  # no library, no driver, a card without a counter: all of them are a blank
        return None
    return pynvml, handle
