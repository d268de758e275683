"""Models as ONNX: translated by torch's exporter, run by ONNX Runtime."""

import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bakeoff.errors import BakeoffError
from bakeoff.inference.graph import Layout, trace, without_adaptive_maximum
from bakeoff.text.safe import json_text

if TYPE_CHECKING:
    from bakeoff.inference.model import Model

OPSET = 18
"""Version of ONNX's operators: any ONNX Runtime since 1.14 runs them."""
INPUT, OUTPUT = "images", "probabilities"
NETWORK = "network/"
SCOPE = re.compile(r"'members\.(\d+)\.net")
"""Scope of the nodes that come from a network of `graph.Graph`, with its number."""
ANSI = re.compile(r"\x1b\[[0-9;]*m")
Runner: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""From a batch of uint8 images to probabilities (N, K)."""


def require_onnx() -> None:
    """Check that the packages for ONNX are installed.

    Raises:
        BakeoffError: one is not installed.
    """
    if missing := [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]:
        raise BakeoffError(f"{missing[0]} is not installed: pip install 'bakeoff[onnx]'")


def to_onnx(model: "Model", layout: Layout) -> bytes:
    """Return a model as ONNX: uint8 images of any number and size in, probabilities out.

    Names of nodes of a network begin with `NETWORK` and its number; the others are preprocessing and probabilities.

    Raises:
        BakeoffError: ONNX is not installed, or the network cannot be translated.
    """
    require_onnx()
    import torch

    height, width = (1, 2) if layout == "nhwc" else (2, 3)
    try:
        with _quiet():
            program = torch.onnx.export(
                without_adaptive_maximum(trace(model, layout)),
                dynamo=True,
                opset_version=OPSET,
                verbose=False,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes={INPUT: {0: "batch", height: "height", width: "width"}},
            )
    except Exception as error:
        raise BakeoffError(f"{model.bundle.run.net} cannot be exported to ONNX: {first_cause(error)}") from error
    assert program is not None
    proto: Any = program.model_proto
    for node in proto.graph.node:
        scopes = (SCOPE.search(fact.value) for fact in node.metadata_props)
        if member := next(filter(None, scopes), None):
            node.name = f"{NETWORK}{member[1]}/{node.name}"
        del node.metadata_props[:]  # where each was called, which includes paths of this machine
    for key, value in model_facts(model, layout).items():
        proto.metadata_props.add(key=key, value=value)
    content: bytes = proto.SerializeToString()
    return content


def model_facts(model: "Model", layout: Layout) -> dict[str, str]:
    """Return what a user of the file needs besides the graph, as metadata."""
    return {
        "bakeoff": version("bakeoff"),
        "classes": json_text(list(model.classes), indent=None),
        "layout": layout,
        "network": model.bundle.run.net,
        "data": model.bundle.data_name,
        "runs": json_text([member.bundle.run.id for member in model.members], indent=None),
        "temperature": str(model.temperature),
    }


def open_onnx(content: bytes, threads: int = 0) -> Runner:
    """Return a function that runs an ONNX model under ONNX Runtime on the CPU; 0 threads are all cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(images: np.ndarray) -> np.ndarray:
        (found,) = session.run([OUTPUT], {INPUT: images})
        return np.asarray(found)

    return run


def first_cause(error: Exception) -> str:
    """Return what the first cause of an error says, in one line."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    lines = [line.strip() for line in ANSI.sub("", str(cause)).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(cause).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter, which reports on packages that are not needed."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
