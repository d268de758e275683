"""This machine: device, precision, threads, memory, and the facts that go into a result's record."""

import ctypes
import os
import platform
import sys
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import torch

from bakeoff.errors import BakeoffError
from bakeoff.values import Value


class Machine(Value, frozen=True):
    """Where and how a run executes. None of it is part of a run's identity; all of it is on record."""

    device: str = "cpu"
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = 1
    compile: bool = False


def choose_device(wanted: str = "auto") -> str:
    """Return "cuda", "mps" or "cpu" (or a device such as "cuda:1") for what the user asked for.

    Raises:
        BakeoffError: the device is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(kind for kind, is_there in there.items() if is_there)
    kind = wanted.partition(":")[0]
    if kind not in there:
        raise BakeoffError(f"unknown device {wanted!r}: choose auto, cpu, cuda or mps")
    if not there[kind]:
        usable = ", ".join(k for k, is_there in there.items() if is_there)
        raise BakeoffError(f"device {wanted!r} is not available on this machine: choose from auto, {usable}")
    return wanted


def choose_precision(device: str, wanted: str = "auto") -> Literal["fp32", "bf16"]:
    """Return bf16 (autocast) on GPUs that have it, fp32 elsewhere, unless the user asked for one of them.

    Raises:
        BakeoffError: there is no such precision.
    """
    if wanted not in ("auto", "fp32", "bf16"):
        raise BakeoffError(f"unknown precision {wanted!r}: choose auto, fp32 or bf16")
    if wanted == "auto":
        return "bf16" if device.startswith("cuda") and has_bf16(device) else "fp32"
    return "bf16" if wanted == "bf16" else "fp32"


def has_bf16(device: str) -> bool:
    """Tell whether a device multiplies numbers in bfloat16 itself: others imitate it, many times slower than fp32."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "cpu":
        ask = getattr(torch.cpu, "get_capabilities", None)  # older versions of torch do not tell
        abilities: Mapping[str, Any] = ask() if ask else {}
        return any(abilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return True


def prepare(machine: Machine) -> None:
    """Set this process up for training: threads, allocator, and the fastest kernels that are deterministic."""
    torch.set_num_threads(machine.threads)
    if machine.device == "cpu":
        keep_freed_memory()
    if machine.device.startswith("cuda"):
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True


def autocast(machine: Machine) -> torch.autocast | nullcontext:
    """Return the context that computes in the machine's precision."""
    if machine.precision == "fp32":
        return nullcontext()
    return torch.autocast(machine.device.partition(":")[0], dtype=torch.bfloat16)


def keep_freed_memory() -> None:
    """Tell glibc to keep freed memory instead of giving it back to the system at every step.

    Activations are freed and allocated again each step; faulting their pages in anew costs 12 to 22 % of the
    training time. Elsewhere than on glibc nothing happens.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(ctypes.c_int(-4), ctypes.c_int(0))  # M_MMAP_MAX: nothing through mmap
        libc.mallopt(ctypes.c_int(-1), ctypes.c_int(-1))  # M_TRIM_THRESHOLD: never trim


def reset_peak_memory(device: str) -> None:
    """Start counting the highest memory anew."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)  # give back what earlier runs of this process had


def peak_memory_bytes(device: str) -> int:
    """Return the highest memory so far: of the device for CUDA, else of this process.

    On Linux that is the memory of its own, without the pages of mapped files (the data set, torch's libraries),
    which the system shares between processes and drops when it needs room. As freed memory is kept (see
    `keep_freed_memory`), what the process has is the most it had.
    """
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(device))
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def synchronize(device: str) -> None:
    """Wait until the device has done what it was told, so that the clock tells the truth."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()


def environment(machine: Machine) -> dict:
    """Return what may explain a difference between two machines, as plain values."""
    import psutil

    facts = {
        "bakeoff": metadata.version("bakeoff"),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": metadata.version("numpy"),
        "system": f"{platform.system()} {platform.release()}",
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "device": machine.device,
        "precision": machine.precision,
        "threads": machine.threads,
        "compiled": machine.compile,
    }
    if machine.device.startswith("cuda"):
        facts |= {"gpu": torch.cuda.get_device_name(machine.device), "cuda": torch.version.cuda}
    return facts


def across(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the environment of a run that goes on: `now`, and as `before` the facts that were different earlier.

    {"precision": "bf16", …} and {"precision": "fp32", …} give {"precision": "fp32", …, "before": {"precision":
    ["bf16"]}}.
    """
    before = {name: list(values) for name, values in earlier.get("before", {}).items()}
    for name, value in earlier.items():
        if name != "before" and value != now.get(name):
            before.setdefault(name, []).append(value)
    return {**now, "before": before} if before else dict(now)


@cache
def processor_name() -> str:
    """Return the processor's name as the system gives it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
