"""What is measured while a run trains: wall time by phase, energy, and the processor time it got."""

from dataclasses import dataclass

from bakeoff.machine.energy import EnergyMeter
from bakeoff.machine.hardware import Machine
from bakeoff.machine.load import LoadMeter
from bakeoff.training.checkpoints import State
from bakeoff.training.ledger import Ledger


@dataclass(frozen=True)
class Meters:
    """The three meters of a run. They start and stop together, at the edges of the training clock."""

    ledger: Ledger
    energy: EnergyMeter
    load: LoadMeter

    @classmethod
    def resume(cls, ledger: Ledger, machine: Machine, state: State) -> "Meters":
        """Return meters that add to what earlier sessions measured."""
        ledger.carry(state.spent)
        has_trained = bool(state.history)
        energy = EnergyMeter(machine, state.joules if has_trained else 0.0)
        return cls(ledger, energy, LoadMeter(state.load if has_trained else None))

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
        """Return energy and load by name; the ledger's lines are added once the run is evaluated."""
        return self.energy.measures() | self.load.measures()
