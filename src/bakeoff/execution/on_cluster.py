"""Where a plan runs on a cluster, from what the user asked for."""

import re

from bakeoff.errors import BakeoffError
from bakeoff.execution.cluster import EXECUTORS, Cluster
from bakeoff.execution.options import RunOptions
from bakeoff.execution.worker import MAX_WORKERS, Placement
from bakeoff.lookup import unknown

SETTINGS = {
    "local": (),
    "ray": ("address", "gpus-per-run", "memory-per-run", "checkpoints"),
    "slurm": ("gpus-per-run", "memory-per-run", "checkpoints", "pack", "slurm"),
}
"""The options that each executor has."""
QUEUED = 1000
"""Runs that wait in SLURM's queue at most, unless --workers says otherwise."""
UNITS = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def choose_cluster(options: RunOptions) -> Cluster | None:
    """Return the executor that the options ask for, with its settings; None for processes of this machine.

    Raises:
        BakeoffError: there is no such executor, or it does not have one of the settings.
    """
    name = options.executor
    if name not in EXECUTORS:
        raise BakeoffError(unknown("executor", name, EXECUTORS))
    given = {
        "address": options.address,
        "gpus-per-run": options.gpus_per_run,
        "memory-per-run": options.memory_per_run,
        "checkpoints": options.checkpoints,
        "pack": options.pack,
        "slurm": options.slurm or None,
    }
    for setting, value in given.items():
        if value is not None and setting not in SETTINGS[name]:
            engines = " or ".join(engine for engine in EXECUTORS if setting in SETTINGS[engine])
            raise BakeoffError(f"--{setting} goes with --executor {engines}, not {name}")
    if name == "local":
        return None
    gpus = options.gpus_per_run or 0.0
    if gpus < 0 or (gpus > 1 and gpus % 1):
        raise BakeoffError(
            f"--gpus-per-run takes a share of a GPU such as 0.25, or a whole number of GPUs; got {gpus:g}"
        )
    if name == "slurm" and gpus % 1:
        raise BakeoffError(f"SLURM gives a job whole GPUs: --gpus-per-run must be a whole number, got {gpus:g}")
    if (options.pack or 1) < 1:
        raise BakeoffError(f"--pack must be at least 1, got {options.pack}")
    return Cluster(
        "slurm" if name == "slurm" else "ray",
        address=options.address or "",
        gpus_per_run=gpus,
        memory_per_run=parse_bytes(options.memory_per_run) if options.memory_per_run else 0,
        checkpoints=options.checkpoints or "",
        most=options.workers or 0,
        pack=options.pack or 1,
        settings=tuple(_parse_setting(text) for text in options.slurm or ()),
    )


def place_on_cluster(cluster: Cluster, runs: int, options: RunOptions, limit: float | None) -> Placement:
    """Return the placement of these runs: on GPUs if each gets a share of one, with one thread each by default.

    The precision stays open if it is "auto": each node chooses it for its device.

    Raises:
        BakeoffError: the cluster cannot be reached, or a run gets fewer GPUs than it is to be divided among.
    """
    if cluster.gpus_per_run and options.devices_per_run > max(1, cluster.gpus_per_run):
        raise BakeoffError(
            f"--devices-per-run {options.devices_per_run} needs as many GPUs: --gpus-per-run {options.devices_per_run}"
        )
    device = options.device if options.device != "auto" else "cuda" if cluster.gpus_per_run else "cpu"
    threads = options.threads or 1
    workers = options.workers or (
        QUEUED if cluster.executor == "slurm" else _slots(cluster, threads * options.devices_per_run)
    )
    return Placement(
        workers=max(1, min(workers, runs, MAX_WORKERS)),
        threads=threads,
        device=device,
        precision=options.precision,
        compile=options.compile,
        run_timeout=limit,
        devices=options.devices_per_run,
        cluster=cluster,
    )


def _slots(cluster: Cluster, cpus: int) -> int:
    from bakeoff.execution.executors.ray_connection import count_slots

    return count_slots(cluster, cpus)


def _parse_setting(text: str) -> tuple[str, str]:
    name, sign, value = (part.strip() for part in text.partition("="))
    if not (name and sign and value):
        raise BakeoffError(f"--slurm takes NAME=VALUE, such as partition=gpu; got {text!r}")
    return name, value


def parse_bytes(text: str) -> int:
    """Read "2GB", "500 MB" or "1.5g" as bytes.

    Raises:
        BakeoffError: it is not a size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt])b?", text.strip().lower())
    if not found or not float(found[1]):
        raise BakeoffError(f"--memory-per-run takes a size such as 2GB or 500MB; got {text!r}")
    return int(float(found[1]) * UNITS[found[2]])
