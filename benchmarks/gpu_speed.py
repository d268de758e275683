"""How fast studies are on a GPU; gpu.py makes a section of docs/gpu.md of it. `--device cpu` of gpu.py runs it dry.

The cells of afif2018 whose images are on this machine, one run at a time and several that share the device; CUDA graphs
beside plain launches; the network and recipe of the CIFAR-10 speed record; and the ratio to the tutorial loop and, if
it is installed beside this torch, to Lightning.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from msgspec.structs import replace
from peer_bakeoff import dataset, recipe
from peer_protocol import Workload
from peer_torch import NETS, loader, optimizer
from torch.nn import functional as F

from bakeoff.data import is_local, load_dataset
from bakeoff.data.dataset import Dataset
from bakeoff.execution import session
from bakeoff.execution.options import RunOptions, StudyOptions
from bakeoff.machine import hardware
from bakeoff.machine.hardware import Machine
from bakeoff.nets import build
from bakeoff.nets.fast import to_device
from bakeoff.spec.data import ImageShape
from bakeoff.spec.records import Epoch
from bakeoff.spec.run import Run
from bakeoff.studies.recipes import RECIPES
from bakeoff.training.loop import fit

WORKLOADS = {
    "lenet-afif": (28, 1, "adadelta", False),
    "vgg-afif": (28, 1, "adadelta", False),
    "resnet20v1-keras": (32, 3, "adam", True),
}
"""Network → side, channels, optimiser, augmented: those of peers.py."""
SHARING = 4
"""Runs that share the device."""
Row = list[str]


def workload(net: str, images: int, loader_processes: int = 0) -> Workload:
    side, channels, optimizer_name, augmented = WORKLOADS[net]
    return Workload(
        net, side, side, channels, images, 128, optimizer_name, augmented, torch.get_num_threads(),
        way=str(loader_processes),
    )  # fmt: skip


def study_cells(device: str, folder: Path, epochs: int = 2, nets: tuple[str, ...] = (), **changes: object) -> list[Row]:
    """Train the cells of afif2018 whose images are here, one at a time and sharing: images/s, seconds of all."""
    whole = session.choose_study("afif2018")
    data = [name for name in whole.data if is_local(name)]
    wanted = StudyOptions(nets=nets or None, data=data, seeds=1, changes={"epochs": epochs} | changes)
    speeds: dict[tuple[str, str], list[str]] = {}
    totals = []
    if not data:
        return [["none of its data sets is on this machine", "–", "–", "–"]]
    for workers in (1, SHARING):
        how = RunOptions(command="gpu", store=folder / f"{workers}.db", device=device, workers=workers, quiet=True)
        plan = session.make_plan(session.choose_study("afif2018", wanted))
        begun = time.perf_counter()
        last: dict[tuple[str, str], Epoch] = {}
        for event in session.start(plan, how, session.choose_placement(plan, how)):
            if isinstance(event.content, Epoch):
                last[event.run.net, event.run.data] = event.content
        totals.append(time.perf_counter() - begun)
        for cell, epoch in last.items():
            speeds.setdefault(cell, []).append(f"{epoch.images_per_second:,.0f}")
    rows = [[*cell, *own] for cell, own in speeds.items()]
    return [*rows, ["all, seconds", f"{len(rows)} cells × {epochs} epochs", *(f"{total:.0f}" for total in totals)]]


def graphs(device: str, nets: tuple[str, ...] = tuple(WORKLOADS), steps: int = 50) -> Iterator[Row]:
    """Yield images/s of forward and backward, launched one by one and as a CUDA graph, and their ratio."""
    for name in nets:
        side, channels, _, _ = WORKLOADS[name]
        net = to_device(build(name, ImageShape(channels, side, side), 10), device).train()
        images = torch.randn(128, channels, side, side, device=device).to(memory_format=torch.channels_last)
        labels = torch.randint(10, (128,), device=device)

        def step(forward: Callable, images: torch.Tensor = images, labels: torch.Tensor = labels) -> None:
            F.cross_entropy(forward(images), labels).backward()

        plain = rate(lambda net=net, step=step: step(net), device, steps)
        if not device.startswith("cuda"):
            yield [name, f"{plain:,.0f}", "–", "–"]
            continue
        graphed = torch.cuda.make_graphed_callables(net, (images,))
        fast = rate(lambda graphed=graphed, step=step: step(graphed), device, steps)
        yield [name, f"{plain:,.0f}", f"{fast:,.0f}", f"{fast / plain:.2f}×"]


def rate(step: Callable[[], object], device: str, steps: int) -> float:
    """Return images/s of steps of 128 images, after a few to warm up."""
    for _ in range(min(steps, 5)):
        step()
    hardware.synchronize(device)
    begun = time.perf_counter()
    for _ in range(steps):
        step()
    hardware.synchronize(device)
    return 128 * steps / (time.perf_counter() - begun)


def speed_record(device: str, made_up: Callable[[ImageShape, int], Dataset], **changes: object) -> Row:
    """Train airbench with its recipe, on CIFAR-10 if it is here, else on as many random images."""
    name = next((name for name in ("cifar10", "cifar10-jpeg") if is_known_and_local(name)), None)
    data = load_dataset(name) if name else made_up(ImageShape(3, 32, 32), int(changes.pop("images", 50_000)))
    changes.pop("images", None)
    settings = replace(RECIPES["airbench"]("airbench", data.info), **changes)
    precision = hardware.choose_precision(device)
    *epochs, outcome = fit(
        Run("airbench", data.info.name, data.info.content_hash, settings, 0), data, Machine(device, precision)
    )
    seconds = sum(epoch.train_seconds for epoch in epochs)
    accuracy = f"{outcome.measures['test_accuracy']:.4f}" if name else "random images"
    return [data.info.name, precision, str(len(epochs)), f"{seconds:.2f}", accuracy]


def is_known_and_local(name: str) -> bool:
    with suppress(Exception):
        return is_local(name)
    return False


def ratios(device: str, seconds: float = 5.0, images: int = 50_000, loader_processes: int = 8) -> Iterator[Row]:
    """Yield images/s of bakeoff, the tutorial loop and Lightning, in single precision, and bakeoff's ratios to them."""
    for name in WORKLOADS:
        own = workload(name, images, loader_processes)
        run = Run(name, "noise", "noise", replace(recipe(own), epochs=3), 0)
        epochs = [one for one in fit(run, dataset(own), Machine(device)) if isinstance(one, Epoch)]
        ours = epochs[-1].images_per_second
        tutorial = tutorial_rate(own, device, seconds)
        theirs = lightning_rate(own, device, seconds)
        texts = [f"{other:,.0f} ({ours / other:.1f}×)" if other else "not installed" for other in (tutorial, theirs)]
        yield [name, f"{ours:,.0f}", *texts]


def tutorial_rate(own: Workload, device: str, seconds: float) -> float:
    """Return images/s of the loop of PyTorch's tutorials."""
    net = NETS[own.net]().to(device)
    optim, batches = optimizer(own, net), loader(own)
    done, begun = 0, None
    net.train()
    while begun is None or time.perf_counter() - begun < seconds:
        for images, labels in batches:
            optim.zero_grad()
            loss = F.cross_entropy(net(images.to(device)), labels.to(device))
            loss.backward()
            optim.step()
            loss.item()
            if begun is None:  # the first step warms up
                begun = time.perf_counter()
                continue
            done += len(labels)
            if time.perf_counter() - begun >= seconds:
                break
    return done / (time.perf_counter() - begun)


def lightning_rate(own: Workload, device: str, seconds: float) -> float | None:
    """Return images/s of Lightning's Trainer; None if it is not installed beside this torch."""
    try:
        import lightning
        from peer_lightning import Classifier
    except ImportError:
        return None

    class Clock(lightning.Callback):
        done, begun = 0, 0.0

        def on_train_batch_end(self, trainer, module, outputs, batch, index) -> None:
            if not self.begun:
                self.begun = time.perf_counter()
                return
            self.done += len(batch[1])
            trainer.should_stop = time.perf_counter() - self.begun >= seconds

    clock = Clock()
    with TemporaryDirectory() as folder:
        trainer = lightning.Trainer(
            accelerator="gpu" if device.startswith("cuda") else "cpu", devices=1, max_epochs=-1, logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            default_root_dir=folder, callbacks=[clock],
        )  # fmt: skip
        trainer.fit(Classifier(own), loader(own))
    return clock.done / (time.perf_counter() - clock.begun)


@dataclass(frozen=True)
class Section:
    """A section of the report."""

    title: str
    about: str
    head: Row
    rows: list[Row]


def sections(
    device: str, made_up: Callable[[ImageShape, int], Dataset], has_time: Callable[[], bool], small: bool = False
) -> list[Section]:
    """Return the sections for which time is left; what fails is its only row. `small` is for a dry run."""
    few = {"images_per_class": 20} if small else {}
    images, steps, seconds, processes = (300, 2, 0.1, 0) if small else (50_000, 50, 5.0, 8)
    names = ("lenet-afif",) if small else ()
    with TemporaryDirectory() as folder:
        parts: list[tuple[str, str, Row, Callable[[], list[Row]]]] = [
            (
                "The cells of afif2018",
                f"Images/s in the last of two epochs of runs one at a time, and of each of {SHARING} at once.",
                ["network", "images", "alone", f"{SHARING} at once"],
                lambda: study_cells(device, Path(folder), 1 if small else 2, names, **few),
            ),
            (
                "CUDA graphs",
                "Forward and backward of batches of 128 in single precision, images/s.",
                ["network", "launched one by one", "as a graph", "graph / launches"],
                lambda: list(graphs(device, names or tuple(WORKLOADS), steps)),
            ),
            (
                "The speed-record network",
                "airbench with its recipe; seconds of training, without evaluation.",
                ["images", "precision", "epochs", "seconds", "test accuracy"],
                lambda: [speed_record(device, made_up, images=images, **({"epochs": 1} if small else {}))],
            ),
            (
                "Beside other loops",
                f"Training in single precision, images/s, with {processes} loader processes for the others; behind, "
                "how many times as fast bakeoff is.",
                ["network", "bakeoff", "tutorial loop", "Lightning"],
                lambda: list(ratios(device, seconds, images, processes)),
            ),
        ]
        return [Section(title, about, head, _rows(make, has_time)) for title, about, head, make in parts]


def _rows(make: Callable[[], list[Row]], has_time: Callable[[], bool]) -> list[Row]:
    if not has_time():
        return [["no time was left"]]
    try:
        return make()
    except Exception as error:  # the other sections are worth having
        return [[f"FAILED: {type(error).__name__}: {error}".splitlines()[0]]]
