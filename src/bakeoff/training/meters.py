"""Measured while a run trains: wall time by phase, energy, CPU time, and how fast its machine is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from bakeoff.machine.calibration import calibrate
from bakeoff.machine.energy import EnergyMeter
from bakeoff.machine.hardware import Machine
from bakeoff.machine.load import LoadMeter
from bakeoff.measure.optional import measure_or_note
from bakeoff.training.checkpoints import State
from bakeoff.training.ledger import Ledger


@dataclass(frozen=True)
class Meters:
    """The meters of a run. Energy and load are measured only while the training clock runs."""

    ledger: Ledger
    energy: EnergyMeter
    load: LoadMeter
    machine: Machine
    before: Mapping[str, float] = field(default_factory=dict)
    """The machine's speed before this session of the run."""

    @classmethod
    def resume(cls, ledger: Ledger, machine: Machine, state: State, before: Mapping[str, float] = {}) -> "Meters":
        """Return meters that continue from those of earlier sessions."""
        ledger.carry(state.spent)
        has_trained = bool(state.history)
        energy = EnergyMeter(machine, state.joules if has_trained else 0.0)
        return cls(ledger, energy, LoadMeter(state.load if has_trained else None), machine, before)

    def start(self) -> float:
        """Start the training clock; return the time in seconds of `time.perf_counter`."""
        self.energy.start()
        self.load.start()
        return self.ledger.enter("step")

    def stop(self) -> float:
        """Stop the training clock; return the time in seconds of `time.perf_counter`."""
        stopped = self.ledger.enter("evaluation")
        self.energy.stop()
        self.load.stop()
        return stopped

    def measures(self) -> dict[str, float]:
        """Return energy, load and speed by name; the ledger's seconds are added after the evaluation."""
        speeds = speeds_of("before", self.before) | speeds_of("after", speed_of(self.machine))
        return self.energy.measures() | self.load.measures() | speeds


def speed_of(machine: Machine, *, or_recent: bool = False) -> dict[str, float]:
    """Return the machine's current speed; empty if it does not support one of the operations."""
    return measure_or_note("calibration", partial(calibrate, machine, or_recent=or_recent), {}) or {}


def speeds_of(when: str, rates: Mapping[str, float]) -> dict[str, float]:
    """Return the rates of a calibration as measures of a run."""
    return {f"calibration_{when}_{name}": rate for name, rate in rates.items()}
