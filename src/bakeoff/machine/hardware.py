"""Device, precision, threads and memory of this machine, and the facts recorded with each result."""

import ctypes
import os
import platform
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, TypeAlias

import psutil
import torch

from bakeoff.errors import BakeoffError
from bakeoff.spec.values import Value

Precision: TypeAlias = Literal["fp32", "tf32", "bf16"]
"""Training precision: fp32; fp32 with matrix products in TF32 (NVIDIA GPUs only); or bfloat16 through autocast.
Evaluation always runs in fp32."""


class Machine(Value, frozen=True):
    """Where and how a run executes. Recorded with the result, but not part of the run's id."""

    device: str = "cpu"
    precision: Precision = "fp32"
    threads: int = 1
    compile: bool = False
    devices: int = 1
    """How many of these devices train a run together."""


def choose_device(wanted: str = "auto") -> str:
    """Return the device to use, such as "cpu" or "cuda:1"; "auto" picks the first available of cuda, mps and cpu.

    Raises:
        BakeoffError: the device is unknown or not available.
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


def choose_precision(device: str, wanted: str = "auto") -> Precision:
    """Return the precision to train in; "auto" picks bf16 on CUDA devices that support it, else fp32.

    Raises:
        BakeoffError: the precision is unknown, or the device does not support it.
    """
    precisions: tuple[Precision, ...] = ("fp32", "tf32", "bf16")
    if wanted == "auto":
        return "bf16" if device.startswith("cuda") and has_bf16(device) else "fp32"
    if wanted not in precisions:
        raise BakeoffError(f"unknown precision {wanted!r}: choose auto, fp32, tf32 or bf16")
    if wanted == "tf32" and not has_tf32(device):
        raise BakeoffError(
            f"{device} does not support tf32, which needs an NVIDIA GPU (Ampere or newer): choose fp32 or bf16"
        )
    return next(precision for precision in precisions if precision == wanted)


def has_tf32(device: str) -> bool:
    """Return whether the device supports TF32 matrix products."""
    return device.startswith("cuda") and torch.cuda.get_device_capability(device) >= (8, 0)


def has_bf16(device: str) -> bool:
    """Return whether the device supports bfloat16 natively; emulated, it is many times slower than fp32."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "cpu":
        ask = getattr(torch.cpu, "get_capabilities", None)  # missing in older versions of torch
        abilities: Mapping[str, Any] = ask() if ask else {}
        return any(abilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return True


def prepare_process(machine: Machine) -> None:
    """Set this process up for training: threads, allocator, full fp32 products and deterministic kernels.

    On a GPU, operations without a deterministic kernel run anyway; `varying_operations` names them.
    """
    torch.set_num_threads(machine.threads)
    allow_tf32(False)
    if machine.device == "cpu":
        keep_freed_memory()
    if machine.device.startswith("cuda"):
        os.environ.setdefault(
            "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
        )  # otherwise cuBLAS results may differ between streams
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        warnings.filterwarnings("ignore", ".* does not have a deterministic implementation", UserWarning)


def allow_tf32(allowed: bool) -> None:
    """Allow or forbid TF32 in fp32 matrix products and convolutions.

    torch's default forbids it in matrix products and allows it in convolutions.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of torch deprecate these names
        torch.set_float32_matmul_precision("high" if allowed else "highest")
        torch.backends.cudnn.allow_tf32 = allowed


@contextmanager
def tf32_if_chosen(machine: Machine) -> Iterator[None]:
    """Allow TF32 within this context if it is the machine's training precision."""
    allow_tf32(machine.precision == "tf32")
    try:
        yield
    finally:
        allow_tf32(False)


def autocast(machine: Machine) -> torch.autocast | nullcontext:
    """Return the context for a training forward pass in the machine's precision."""
    if machine.precision != "bf16":
        return nullcontext()
    return torch.autocast(machine.device.partition(":")[0], dtype=torch.bfloat16)


def keep_freed_memory() -> None:
    """Make glibc keep freed memory instead of returning it to the system at every step.

    Activations are freed and allocated again in each step; faulting their pages in again costs 12 to 22 % of the
    training time. Does nothing without glibc.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(ctypes.c_int(-4), ctypes.c_int(0))  # M_MMAP_MAX: never use mmap
        libc.mallopt(ctypes.c_int(-1), ctypes.c_int(-1))  # M_TRIM_THRESHOLD: never trim


def reset_peak_memory(device: str) -> None:
    """Reset the memory peak to what is in use now."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)  # return the memory of earlier runs


def peak_memory_bytes(device: str) -> int:
    """Return the peak memory in bytes: of the device for CUDA, else of this process.

    On Linux, pages of mapped files (the data set, torch's libraries) do not count: processes share them, and the
    system drops them when it needs memory. Because freed memory is kept (see `keep_freed_memory`), the current size is
    the peak.
    """
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(device))
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    with suppress(ImportError):  # not on Windows
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return int(getattr(psutil.Process().memory_info(), "peak_wset", 0))


def synchronize(device: str) -> None:
    """Wait for all work queued on the device, so that timings are correct."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()


def environment(machine: Machine) -> dict:
    """Return facts that may explain different results on two machines, as plain values; unknown facts are left out."""
    facts = {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "system": f"{platform.system()} {platform.release()}",
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "device": machine.device,
        "precision": machine.precision,
        "threads": machine.threads,
        "compiled": machine.compile,
    }
    collections = [name for name in ("timm", "torchvision", "transformers") if name in sys.modules]
    for name in ("bakeoff", "numpy", "pillow", *collections):
        with suppress(metadata.PackageNotFoundError):
            facts[name] = metadata.version(name)
    with suppress(Exception):
        facts["memory_gib"] = round(psutil.virtual_memory().total / 2**30, 1)
    if machine.devices > 1:
        facts["devices"] = machine.devices
    if machine.device.startswith("cuda"):
        facts |= {"gpu": torch.cuda.get_device_name(machine.device), "cuda": torch.version.cuda}
    return facts | decoder_versions()


@cache
def decoder_versions() -> dict[str, str]:
    """Return the versions of the image decoders: two versions may decode a JPEG to different pixels."""
    from PIL import features

    turbo = features.version_feature("libjpeg_turbo") if features.check("libjpeg_turbo") else None
    jpeg = f"libjpeg-turbo {turbo}" if turbo else features.version("jpg")
    found = {"libjpeg": jpeg, "zlib": features.version("zlib"), "libwebp": features.version("webp")}
    return {name: str(version) for name, version in found.items() if version}


def merge_environments(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the environment of a resumed run: `now`, plus under "before" the facts that differed in earlier sessions.

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
    """Return the CPU's name as the system reports it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
