"""Quantises exported networks to 8 bits, and measures what that costs and gains.

Static quantisation by ONNX Runtime: ranges of activations come from training images, weights have a scale per channel.
Resizing, normalisation and probabilities stay as they are, and so does the first convolution, which sees the pixels: it
has few weights, takes little of the time, and costs more accuracy in 8 bits than all others together. Weights use 7 of
their 8 bits, so that results do not depend on the processor.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from bakeoff.data.dataset import Dataset
from bakeoff.errors import BakeoffError
from bakeoff.inference.graph import Layout
from bakeoff.inference.onnx_file import INPUT, NETWORK, Runner, first_cause, open_onnx
from bakeoff.inference.trained_on import load_training_data
from bakeoff.stats.proportions import paired_difference
from bakeoff.text.formats import bracket, percent, signed_points

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

    from bakeoff.inference.model import Model

CALIBRATED = 256
"""Training images for finding ranges, at most."""
COMPARED = 2000
"""Test images for comparing accuracies, at most."""
BATCH = 32
TIMED = (1, 64)
"""Batch sizes whose latency is measured."""
ROUNDS, SECONDS = 30, 4.0
"""Timing of one batch size ends after this many rounds, or this time, but not before 3 rounds."""
QUANTISED = (
    "Conv",
    "Gemm",
    "MatMul",
    "Add",
    "Mul",
    "Relu",
    "Clip",
    "MaxPool",
    "AveragePool",
    "Concat",
    "GlobalAveragePool",
)
"""Operators of ONNX that are computed in 8 bits; the others of a network stay in float32."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds for one call with `batch` images, medians, of graphs that take turns on one thread."""

    batch: int
    float32: float
    int8: float


@dataclass(frozen=True)
class Int8:
    """What quantisation costs and gains. The field names are the keys of the JSON: they stay."""

    calibrated_on: int
    """Training images."""
    images: int
    """Number of test images."""
    accuracy_float32: float
    accuracy: float
    change: float
    """`accuracy` minus `accuracy_float32`."""
    change_interval: tuple[float, float]
    """95 % interval, paired by image."""
    bytes_float32: int
    latency: tuple[Latency, ...]

    def sentences(self) -> list[str]:
        """Say what was measured."""
        first = (
            f"int8, calibrated on {self.calibrated_on:,} training images: accuracy {percent(self.accuracy)} on "
            f"{self.images:,} test images, {percent(self.accuracy_float32)} before: "
            f"{signed_points(self.change)}{bracket(*self.change_interval)} points"
        )
        times = ", ".join(
            f"{one.int8:.3g} ms instead of {one.float32:.3g} ms at batch {one.batch}" for one in self.latency
        )
        return [first, f"One thread, medians of calls that took turns: {times}"]


def images_for(model: "Model") -> Dataset:
    """Return the data set to calibrate and compare on.

    Raises:
        BakeoffError: the images of the training are not here.
    """
    try:
        return load_training_data(model.paths[0], model.bundle)
    except (BakeoffError, OSError) as error:
        raise BakeoffError(f"int8 needs the training images: {error}; restore them, or export in float32") from error


def quantise(model: "Model", float32: bytes, dataset: Dataset, layout: Layout) -> tuple[bytes, Int8]:
    """Return a translated model with 8 bits in its network, and what that costs and gains.

    Args:
        model: the original.
        float32: what `to_onnx` made of it.
        dataset: of its training.
        layout: of the images that the graph takes.

    Raises:
        BakeoffError: ONNX Runtime cannot quantise the network.
    """
    rows = _spread(training_rows(model, dataset), CALIBRATED)
    content = _quantised(model, float32, [_batch(dataset.train.images, part, layout) for part in _parts(rows)])
    runners = open_onnx(float32, threads=1), open_onnx(content, threads=1)
    tested = _spread(np.arange(len(dataset.test.labels)), COMPARED)
    right = [_right(run, dataset, tested, layout) for run in runners]
    n, lost, won = len(tested), int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    latency = tuple(_time(runners, batch, dataset, layout) for batch in TIMED)
    shares = [float(one.mean()) for one in right]
    return content, Int8(
        calibrated_on=len(rows),
        images=n,
        accuracy_float32=shares[0],
        accuracy=shares[1],
        change=(won - lost) / n,
        change_interval=paired_difference(won, lost, n),
        bytes_float32=len(float32),
        latency=latency,
    )


def training_rows(model: "Model", dataset: Dataset) -> np.ndarray:
    """Return which images of the training split a model was trained on, without those held out for validation."""
    from bakeoff.training.partition import partition_data

    rows: np.ndarray = partition_data(model.bundle.run, dataset, "cpu").train_indices.numpy()
    return rows


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """Return up to `most` of the rows, evenly spread."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int))]


def _parts(rows: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _batch(images: np.ndarray, rows: np.ndarray, layout: Layout) -> np.ndarray:
    own = images[np.sort(rows)]
    return np.ascontiguousarray(own.transpose(0, 2, 3, 1) if layout == "nhwc" else own)


def _quantised(model: "Model", float32: bytes, batches: Sequence[np.ndarray]) -> bytes:
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(batches)

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self.rest, None)
            return None if batch is None else {INPUT: batch}

    proto = onnx.load_from_string(float32)
    with TemporaryDirectory() as folder, _quiet():
        target = Path(folder) / "int8.onnx"
        try:
            quantize_static(
                proto,
                target,
                Reader(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(QUANTISED),
                nodes_to_quantize=quantised_nodes(proto),
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                reduce_range=True,  # 7 bits: processors without VNNI add products in 16 bits, and 8 would overflow
            )
        except Exception as error:
            raise BakeoffError(f"{model.bundle.run.net} cannot be quantised: {first_cause(error)}") from error
        return target.read_bytes()


def quantised_nodes(proto: "ModelProto") -> list[str]:
    """Return the names of the nodes of all networks, each without its first convolution if it has several layers."""
    members: dict[str, list[NodeProto]] = {}
    for node in proto.graph.node:
        if node.name.startswith(NETWORK):
            members.setdefault(node.name.split("/")[1], []).append(node)
    found = []
    for nodes in members.values():
        layers = [node for node in nodes if node.op_type in ("Conv", "Gemm", "MatMul")]
        first = layers[0].name if len(layers) > 1 and layers[0].op_type == "Conv" else ""
        found += [node.name for node in nodes if node.name != first]
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the advice of ONNX Runtime to prepare models by steps that the translation has done."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _right(run: Runner, dataset: Dataset, rows: np.ndarray, layout: Layout) -> np.ndarray:
    """Return which of the test images are classified correctly."""
    found = [run(_batch(dataset.test.images, part, layout)).argmax(1) for part in _parts(rows)]
    right: np.ndarray = np.concatenate(found) == dataset.test.labels[rows]
    return right


def _time(runners: tuple[Runner, Runner], batch: int, dataset: Dataset, layout: Layout) -> Latency:
    """Return the medians of calls that take turns, after one call of each."""
    images = _batch(dataset.test.images, np.arange(batch) % len(dataset.test.labels), layout)
    for run in runners:
        run(images)
    seconds: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + SECONDS
    while len(seconds[0]) < 3 or (len(seconds[0]) < ROUNDS and time.perf_counter() < end):
        for run, own in zip(runners, seconds, strict=True):
            start = time.perf_counter()
            run(images)
            own.append(time.perf_counter() - start)
    medians = [1000 * float(np.median(own)) for own in seconds]
    return Latency(batch, medians[0], medians[1])
