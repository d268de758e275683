"""Checks that need a GPU: `make gpu` runs them and writes docs/gpu.md.

All networks forward and backward, compared with the CPU; bit-identical resuming; the rounding of each precision; and
speed, including that of a study, of CUDA graphs, of the speed-record network, and of other loops (gpu_speed.py).
Failures, and checks for which no time was left, are in the report and make the exit code 1. `--device cpu` is a trial.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import gpu_speed
import numpy as np
import torch
from torch.nn import functional as F

from bakeoff.data.dataset import Dataset, Images
from bakeoff.machine import hardware
from bakeoff.machine.hardware import Machine, Precision
from bakeoff.measure.determinism import varying_operations
from bakeoff.nets import NETS, build
from bakeoff.nets.fast import to_device
from bakeoff.nets.outputs import logits_of
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.recipe import SGD, Augment, OneCycle, Recipe
from bakeoff.spec.records import Outcome
from bakeoff.spec.run import Run
from bakeoff.training.evaluate import compute_logits
from bakeoff.training.loop import fit
from bakeoff.training.partition import partition_data

CLASSES = 10
SAME = 1e-3
"""Largest relative difference of logits between CPU and GPU in fp32."""
ROUNDED: dict[Precision, tuple[float, float]] = {"fp32": (0, 1e-5), "tf32": (5e-5, 5e-3), "bf16": (5e-4, 5e-2)}
"""Smallest and largest error of a product, relative to its largest value, that show that a precision is in use."""
RESUMED = ("lenet-afif", "drop", "nin", "resnet20", "mobilenetv2")
TIMED = (
    ("lenet-afif", "1x28x28", 128, 60_000),
    ("vgg-afif", "1x28x28", 128, 30_000),
    ("resnet20", "3x32x32", 128, 50_000),
    ("resnet18", "3x64x64", 128, 10_000),
    ("resnet50", "3x224x224", 64, 1_280),
)
"""Network, images, batch size, images in an epoch."""


class Deadline:
    """The remaining time."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def has_passed(self) -> bool:
        return time.monotonic() > self.end


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    passed: bool
    told: str


def noise(shape: ImageShape, train: int, test: int = 100) -> Dataset:
    """Random images in memory."""
    random = np.random.default_rng(0)

    def images(count: int) -> Images:
        pixels = random.integers(0, 256, (count, shape.channels, shape.height, shape.width), dtype=np.uint8)
        return Images(pixels, random.integers(0, CLASSES, count))

    info = DataInfo("noise", shape, tuple("abcdefghij"), f"noise {shape} {train}", train, 0, test, True)
    return Dataset(info, images(train), None, images(test), "made up", "none", "none")


def run_of(net: str, data: Dataset, **changes: object) -> Run:
    recipe = {
        "name": "gpu", "epochs": 3, "batch_size": 64, "validation": "none", "select": "last", "normalize": "channel",
        "optimizer": SGD(lr=0.01, momentum=0.9), "schedule": OneCycle(), "augment": Augment(flip=True, shift=0.1),
    }  # fmt: skip
    return Run(net, "noise", data.info.content_hash, Recipe(**(recipe | changes)), 0)


def attempt(name: str, check: Callable[[], tuple[bool, str]]) -> Check:
    try:
        return Check(name, *check())
    except Exception as error:
        return Check(name, False, f"{type(error).__name__}: {error}".splitlines()[0])


def each(names: Iterable[str], check: Callable[[str], tuple[bool, str]], deadline: Deadline) -> list[Check]:
    return [
        Check(name, False, "no time was left") if deadline.has_passed() else attempt(name, partial(check, name))
        for name in names
    ]


def network(name: str, device: str) -> tuple[bool, str]:
    """Compare a forward pass with the CPU's, then run forward and backward in all precisions."""
    side = max(32, NETS[name].smallest)
    shape = ImageShape(3, side, side)
    torch.manual_seed(0)
    images, labels = torch.randn(4, 3, side, side), torch.arange(4)
    net = build(name, shape, CLASSES).eval()
    with torch.inference_mode():
        expected = net(images)
    net = to_device(net, device)
    images, labels = images.to(device, memory_format=torch.channels_last), labels.to(device)
    with torch.inference_mode():
        found = net(images).cpu()
    off = float((found - expected).abs().max() / expected.abs().max())
    net.train()
    for machine in machines(device):
        net.zero_grad(set_to_none=True)
        with hardware.tf32_if_chosen(machine):
            with hardware.autocast(machine):
                outputs = logits_of(net(images), len(labels), CLASSES, name, training=True)
                loss = sum(F.cross_entropy(output.float(), labels) for output in outputs)
            loss.backward()
        gradients = [weight.grad for weight in net.parameters() if weight.requires_grad]
        lacking = sum(gradient is None for gradient in gradients)
        bad = sum(not bool(gradient.isfinite().all()) for gradient in gradients if gradient is not None)
        if lacking or bad:
            return False, f"{machine.precision}: {lacking} weights have no gradient, {bad} have one that is not finite"
    varying = varying_operations(net, shape, Machine(device))
    return off <= SAME, f"off by {off:.1e}" + (f"; varies: {', '.join(varying)}" if varying else "")


def machines(device: str) -> Iterator[Machine]:
    """Yield the device in each precision it supports."""
    yield Machine(device)
    if hardware.has_tf32(device):
        yield Machine(device, "tf32")
    if hardware.has_bf16(device) or device == "cpu":
        yield Machine(device, "bf16")


def resumed(name: str, device: str) -> tuple[bool, str]:
    """Interrupt a run after its first epoch, resume it, and compare with an uninterrupted one."""
    side = max(32, NETS[name].smallest)
    data = noise(ImageShape(3, side, side), 257)
    run, machine = run_of(name, data), next(machines(device))
    whole = list(fit(run, data, machine))
    with tempfile.TemporaryDirectory() as folder:
        next(begun := fit(run, data, machine, Path(folder)))
        begun.close()
        again = list(fit(run, data, machine, Path(folder)))
    outcomes = whole[-1], again[-1]
    assert isinstance(outcomes[0], Outcome) and isinstance(outcomes[1], Outcome)
    losses = [[epoch.train_loss for epoch in one[:-1]] for one in (whole, again)]
    same = losses[0] == losses[1] and np.array_equal(outcomes[0].probabilities, outcomes[1].probabilities)
    varying = outcomes[0].environment.get("nondeterministic", [])
    told = "the same bits" if same else "other bits"
    return same or bool(varying), told + (f"; varies: {', '.join(varying)}" if varying else "")


def rounded(precision: str, device: str) -> tuple[bool, str]:
    """Measure the rounding of a matrix product and a convolution during training, and that it is exact afterwards."""
    machine = next(machine for machine in machines(device) if machine.precision == precision)
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(512, 512, generator=generator).to(device) for _ in range(2))
    images, kernel = (torch.randn(*s, generator=generator).to(device) for s in ((8, 64, 32, 32), (64, 64, 3, 3)))

    def off() -> list[float]:
        found = (a @ b, a.double() @ b.double()), (F.conv2d(images, kernel), F.conv2d(images.double(), kernel.double()))
        return [float((one.double() - exact).abs().max() / exact.abs().max()) for one, exact in found]

    hardware.prepare_process(machine)
    with hardware.tf32_if_chosen(machine):
        with hardware.autocast(machine):
            products = a @ b, F.conv2d(images, kernel)
        exact = a.double() @ b.double(), F.conv2d(images.double(), kernel.double())
    during = [float((p.double() - e).abs().max() / e.abs().max()) for p, e in zip(products, exact, strict=True)]
    after, (least, most) = off(), ROUNDED[machine.precision]
    passed = all(least <= error <= most for error in during) and max(after) <= ROUNDED["fp32"][1]
    told = f"training: matrices {during[0]:.1e}, convolutions {during[1]:.1e}; afterwards {max(after):.1e}"
    return passed, told


def evaluated(precision: str, device: str) -> tuple[bool, str]:
    """Train in a precision, and evaluate the resulting weights on the CPU, too."""
    from safetensors.torch import load_file

    from bakeoff.spec.paths import weights_path

    machine = next(machine for machine in machines(device) if machine.precision == precision)
    shape = ImageShape(3, 32, 32)
    data = noise(shape, 257)
    run = run_of("resnet20", data, epochs=1)
    with tempfile.TemporaryDirectory() as folder:
        outcome = list(fit(run, data, machine, Path(folder)))[-1]
        weights = load_file(weights_path(Path(folder), run.id))
    assert isinstance(outcome, Outcome)
    net = build("resnet20", shape, CLASSES)
    net.load_state_dict(weights)
    parts = partition_data(run, data, "cpu")
    logits, _ = compute_logits(net, run, parts, parts.test)
    off = float(np.abs(outcome.probabilities.astype(np.float32) - logits.softmax(1).numpy()).max())
    return off <= 2e-3, f"probabilities off by {off:.1e} from those of the processor"


def timed(device: str, workloads: Sequence[tuple[str, str, int, int]], deadline: Deadline) -> list[list[str]]:
    """Return rows of the speed table: network, images and batch, then images/s by precision, and the memory in fp32."""
    rows = []
    for net, size, batch_size, count in workloads:
        shape = ImageShape.parse(size)
        cells: dict[str, str] = {}
        memory = "–"
        for machine in machines(device):
            if deadline.has_passed():
                cells[machine.precision] = "no time left"
                continue
            data = noise(shape, count)
            run = run_of(net, data, epochs=2, batch_size=batch_size, augment=Augment())
            epochs = fit(run, data, machine)
            next(epochs)
            second = next(epochs)
            epochs.close()
            cells[machine.precision] = f"{second.images_per_second:,.0f}"
            if machine.precision == "fp32":
                memory = f"{second.peak_memory_bytes / 2**20:,.0f} MiB"
        rows.append([net, size, str(batch_size), *(cells.get(p, "–") for p in ROUNDED), memory])
    return rows


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def report(
    device: str,
    checks: dict[str, list[Check]],
    speed: list[list[str]],
    seconds: float,
    more: Sequence[gpu_speed.Section] = (),
) -> str:
    """Return the page."""
    facts = hardware.environment(Machine(device))
    told = ", ".join(f"{name} {facts[name]}" for name in ("gpu", "cuda", "torch", "processor") if name in facts)
    parts = [
        "# On a GPU",
        f"Written by `make gpu` on {date.today()}, in {seconds:.0f} s: {told}.",
    ]
    for title, lines in checks.items():
        failed = [line for line in lines if not line.passed]
        parts += [f"## {title}", f"{len(lines) - len(failed)} of {len(lines)} passed."]
        parts.append(
            table(["", "", ""], ([line.name, "passed" if line.passed else "FAILED", line.told] for line in lines))
        )
    head = ["network", "images", "batch", *(f"{p}, images/s" for p in ROUNDED), "memory, fp32"]
    parts += ["## Speed", "Training, the second epoch of two on random images, nothing augmented.", table(head, speed)]
    for one in more:
        parts += [
            f"## {one.title}",
            one.about,
            table(one.head, ([*row, *[""] * (len(one.head) - len(row))] for row in one.rows)),
        ]
    return "\n\n".join(parts) + "\n"


def check(device: str, nets: Sequence[str], resume: Sequence[str], seconds: float) -> dict[str, list[Check]]:
    """Run the checks of a device, by title."""
    hardware.prepare_process(Machine(device, threads=torch.get_num_threads()))
    deadline = Deadline(seconds)
    precisions = [machine.precision for machine in machines(device)]
    return {
        "Precisions": each(precisions, lambda name: rounded(name, device), deadline),
        "Evaluation in single precision, whatever the training": each(
            precisions, lambda name: evaluated(name, device), deadline
        ),
        "Resuming": each(resume, lambda name: resumed(name, device), deadline),
        "All networks, forward and backward": each(nets, lambda name: network(name, device), deadline),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--nets", default=",".join(NETS))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--seconds", type=float, default=420.0, help="for the checks, about")
    parser.add_argument("--seconds-of-speed", type=float, default=600.0, help="no section is begun after so many more")
    asked = parser.parse_args()
    device = hardware.choose_device(asked.device)
    begun = time.monotonic()
    checks = check(device, asked.nets.split(","), RESUMED, 0.6 * asked.seconds)
    speed = timed(device, TIMED, Deadline(asked.seconds - (time.monotonic() - begun)))
    rest = Deadline(asked.seconds_of_speed)
    more = gpu_speed.sections(device, noise, lambda: not rest.has_passed(), small=device == "cpu")
    text = report(device, checks, speed, time.monotonic() - begun, more)
    if asked.output:
        asked.output.write_text(text)
    print(text)
    failed = [row for one in more for row in one.rows if row[0].startswith("FAILED")]
    sys.exit(bool(failed) or any(not line.passed for lines in checks.values() for line in lines))


if __name__ == "__main__":
    main()
