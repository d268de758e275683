"""This machine: device, precision, threads, memory, and the facts that go into a result's record."""

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
"""Of training: single precision; single precision whose products are rounded to TF32 (NVIDIA GPUs); bfloat16 by
autocast. Evaluation is in fp32 always."""


class Machine(Value, frozen=True):
    """Where and how a run executes. None of it is part of a run's identity; all of it is on record."""

    device: str = "cpu"
    precision: Precision = "fp32"
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


def choose_precision(device: str, wanted: str = "auto") -> Precision:
    """Return bf16 (autocast) on GPUs that have it, fp32 elsewhere, unless the user asked for one of them.

    Raises:
        BakeoffError: there is no such precision, or none on this device.
    """
    precisions: tuple[Precision, ...] = ("fp32", "tf32", "bf16")
    if wanted == "auto":
        return "bf16" if device.startswith("cuda") and has_bf16(device) else "fp32"
    if wanted not in precisions:
        raise BakeoffError(f"unknown precision {wanted!r}: choose auto, fp32, tf32 or bf16")
    if wanted == "tf32" and not has_tf32(device):
        raise BakeoffError(f"{device} has no TF32, which is of NVIDIA GPUs from Ampere on: choose fp32 or bf16")
    return next(precision for precision in precisions if precision == wanted)


def has_tf32(device: str) -> bool:
    """Tell whether a device can round the products of single precision to TF32."""
    return device.startswith("cuda") and torch.cuda.get_device_capability(device) >= (8, 0)


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
    """Set this process up for training: threads, allocator, exact products, and kernels that give the same bits twice.

    Of operations that have no such kernel on a GPU torch runs the one they have: `varying_operations` names them.
    """
    torch.set_num_threads(machine.threads)
    round_products(False)
    if machine.device == "cpu":
        keep_freed_memory()
    if machine.device.startswith("cuda"):
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS may vary between streams
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        warnings.filterwarnings("ignore", ".* does not have a deterministic implementation", UserWarning)


def round_products(to_tf32: bool) -> None:
    """Let matrix products and convolutions of single precision round their factors to TF32, or keep them whole.

    torch's own default keeps those of matrices whole and rounds those of convolutions.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of torch have other names for this as well
        torch.set_float32_matmul_precision("high" if to_tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = to_tf32


@contextmanager
def products(machine: Machine) -> Iterator[None]:
    """Round products as the machine's precision says while it trains; outside they are whole."""
    round_products(machine.precision == "tf32")
    try:
        yield
    finally:
        round_products(False)


def autocast(machine: Machine) -> torch.autocast | nullcontext:
    """Return the context of a forward pass of training in the machine's precision."""
    if machine.precision != "bf16":
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
    with suppress(ImportError):  # there is none on Windows
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return int(getattr(psutil.Process().memory_info(), "peak_wset", 0))


def synchronize(device: str) -> None:
    """Wait until the device has done what it was told, so that the clock tells the truth."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()


def environment(machine: Machine) -> dict:
    """Return what may explain a difference between two machines, as plain values; what is not told is absent."""
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
    for name in ("bakeoff", "numpy", "pillow"):
        with suppress(metadata.PackageNotFoundError):
            facts[name] = metadata.version(name)
    with suppress(Exception):
        facts["memory_gib"] = round(psutil.virtual_memory().total / 2**30, 1)
    if machine.device.startswith("cuda"):
        facts |= {"gpu": torch.cuda.get_device_name(machine.device), "cuda": torch.version.cuda}
    return facts | decoders()


@cache
def decoders() -> dict[str, str]:
    """Return the versions of the libraries that turn files into pixels: others may round a JPEG otherwise."""
    from PIL import features

    turbo = features.version_feature("libjpeg_turbo") if features.check("libjpeg_turbo") else None
    jpeg = f"libjpeg-turbo {turbo}" if turbo else features.version("jpg")
    found = {"libjpeg": jpeg, "zlib": features.version("zlib"), "libwebp": features.version("webp")}
    return {name: str(version) for name, version in found.items() if version}


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
