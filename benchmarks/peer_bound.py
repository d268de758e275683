"""What bounds bakeoff's speed: which part of its own training steps are convolutions and matrix products.

Started with a workload as JSON, it prints one JSON object: shares of the time that torch's profiler finds in operators.
"""

import json
import os
from collections.abc import Iterable
from typing import Any

import peer_bakeoff
from peer_protocol import Workload
from torch.profiler import ProfilerActivity, profile

from bakeoff.machine.hardware import Machine
from bakeoff.spec.run import Run
from bakeoff.training.loop import fit

SKIPPED, PROFILED = 10, 20
"""Steps: the first ones are slower."""
PARTS = {
    "products": ("conv", "addmm", "aten::mm", "linear", "matmul"),
    "normalisation": ("batch_norm",),
}
"""Part → what the names of its operators contain; the others are the rest."""


def part_of(operator: str) -> str:
    return next((part for part, known in PARTS.items() if any(one in operator.lower() for one in known)), "rest")


def shares(events: Iterable[Any]) -> dict[str, float]:
    """Return part → its share of the time."""
    seconds = dict.fromkeys((*PARTS, "rest"), 0.0)
    for event in events:
        seconds[part_of(event.key)] += event.self_cpu_time_total
    return {part: own / sum(seconds.values()) for part, own in seconds.items()}


def main() -> None:
    workload = Workload.read()
    data = peer_bakeoff.dataset(workload)
    profiler = profile(activities=[ProfilerActivity.CPU])

    def on_step(epoch: int, done: int, steps: int) -> None:
        if done == SKIPPED:
            profiler.start()
        if done == SKIPPED + PROFILED:
            profiler.stop()
            print(json.dumps(shares(profiler.key_averages())), flush=True)
            os._exit(0)

    run = Run(workload.net, "noise", "noise", peer_bakeoff.recipe(workload), seed=0)
    for _ in fit(run, data, Machine(precision=workload.precision, threads=workload.threads), on_step=on_step):
        pass


if __name__ == "__main__":
    main()
