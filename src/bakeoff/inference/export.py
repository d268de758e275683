"""Writes a model in a form that other programs run, after comparing its outputs with those of the original."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from msgspec.structs import replace

from bakeoff.errors import BakeoffError
from bakeoff.inference.graph import Layout, trace
from bakeoff.inference.onnx_file import OPSET, Runner, first_cause, model_facts, open_onnx, to_onnx
from bakeoff.inference.pictures import Pictures, find_pictures
from bakeoff.lookup import hint
from bakeoff.spec.paths import check_output, write_output

if TYPE_CHECKING:
    from bakeoff.inference.int8 import Int8
    from bakeoff.inference.model import Model
    from bakeoff.training.bundles import Bundle

Format: TypeAlias = Literal["onnx", "torch-export", "safetensors"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[str, Format] = {".onnx": "onnx", ".pt2": "torch-export", ".safetensors": "safetensors"}
TOLERANCE = 1e-4
"""Largest allowed difference of a probability from the original's."""
CHECKED = 64
"""Pictures that the outputs are compared on, at most."""
BATCH = 16


@dataclass(frozen=True)
class ExportCheck:
    """How the outputs of an exported model compare with the original's."""

    runtime: str
    """What ran the exported model."""
    pictures: int
    are_real: bool
    """Whether they are test images of the data set; else they are random."""
    difference: float
    """The largest difference of a probability."""


@dataclass(frozen=True)
class Exported:
    """A file that was written. The field names are the keys of the JSON: they stay."""

    path: Path
    format: Format
    bytes: int
    layout: Layout | None
    """Layout of the images: None for weights alone."""
    opset: int | None
    """Opset of ONNX; None for other formats."""
    check: ExportCheck
    """Comparison with the original, before quantisation."""
    int8: "Int8 | None" = None
    """What 8 bits cost and gain; None where the network is in float32."""


def choose_format(path: Path, given: str | None = None) -> Format:
    """Return the format to write: the given one, or that of the file's extension.

    Raises:
        BakeoffError: there is no such format, or none with this extension.
    """
    if given is not None:
        for known in FORMATS:
            if given == known:
                return known
        raise BakeoffError(f"no format {given!r}: {hint(given, FORMATS)}")
    if path.suffix not in SUFFIXES:
        raise BakeoffError(f"unknown format of {path.name}: use the extension {', '.join(SUFFIXES)}, or give --format")
    return SUFFIXES[path.suffix]


def export(
    model: "Model", path: Path, form: str | None = None, *, layout: Layout = "nhwc", int8: bool = False
) -> Exported:
    """Write a model for other programs, completely or not at all.

    Args:
        model: what to write.
        path: of the file.
        form: "onnx" and "torch-export" are graphs that take uint8 images of any number and size, resize and normalise
            them as in training, and return probabilities; "safetensors" is the weights with everything needed to build
            the network in the metadata. By default what the path ends in says.
        layout: of the images: "nhwc", as image libraries decode them, or "nchw".
        int8: quantise the network of an ONNX file to 8 bits, calibrated on images of its training.

    Raises:
        BakeoffError: the format is unknown or its packages are missing, the network cannot be translated, its outputs
            differ from the original's by more than `TOLERANCE`, or the file cannot be written.
    """
    chosen = choose_format(path, form)
    if layout not in get_args(Layout):
        raise BakeoffError(f"no layout {layout!r}: {hint(layout, get_args(Layout))}")
    check_output(path)
    if int8 and chosen != "onnx":
        raise BakeoffError(f"int8 is for ONNX: choose the format onnx instead of {chosen}")
    if int8:
        from bakeoff.inference.int8 import images_for, quantise

        images = images_for(model)
    content, run, runtime = _translated(model, chosen, layout)
    check = check_outputs(model, run, runtime, find_pictures(model, "test", CHECKED), layout)
    quantised = None
    if int8:
        content, quantised = quantise(model, content, images, layout)
    write_output(path, content)
    is_graph = chosen != "safetensors"
    opset = OPSET if chosen == "onnx" else None
    return Exported(path, chosen, len(content), layout if is_graph else None, opset, check, quantised)


def _translated(model: "Model", form: Format, layout: Layout) -> tuple[bytes, Runner, str]:
    """Return the file's content, a function that runs it, and the name of what runs it."""
    if form == "onnx":
        import onnxruntime

        content = to_onnx(model, layout)
        return content, open_onnx(content), f"ONNX Runtime {onnxruntime.__version__}"
    import torch

    if form == "torch-export":
        content = _to_program(model, layout)
        return content, _open_program(content), f"torch {torch.__version__}"
    if len(model.paths) > 1:
        raise BakeoffError("an ensemble is several files of weights: export one model, or the ensemble as onnx")
    if model.temperature != 1.0:
        raise BakeoffError("weights alone cannot keep the temperature of a calibrated model: export it as onnx")
    content = _weights_with_findings(model.paths[0], model.bundle)
    return content, _open_weights(content, layout), f"torch {torch.__version__}"


def _weights_with_findings(path: Path, bundle: "Bundle") -> bytes:
    """Return a model's file for other places: with what the audit found, and without the folders of this machine."""
    from bakeoff.inference.findings import findings_about
    from bakeoff.training.bundle_values import Noted
    from bakeoff.training.bundles import portable, with_bundle

    found, seeds = findings_about(path, bundle)
    noted = tuple(Noted(one.kind, one.severity, one.message, one.advice) for one in found) if seeds else bundle.findings
    return with_bundle(path, replace(bundle, run=portable(bundle.run), findings=noted))


def _to_program(model: "Model", layout: Layout) -> bytes:
    """Return a model as `torch.export` writes it.

    Raises:
        BakeoffError: the network cannot be traced.
    """
    import torch

    target = io.BytesIO()
    try:
        program = trace(model, layout)
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # where each was called, with paths of this machine
        torch.export.save(program, target, extra_files=model_facts(model, layout))
    except Exception as error:
        raise BakeoffError(f"{model.bundle.run.net} cannot be exported: {first_cause(error)}") from error
    return target.getvalue()


def _open_program(content: bytes) -> Runner:
    import torch

    module = torch.export.load(io.BytesIO(content)).module()

    def run(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            found: np.ndarray = module(torch.from_numpy(images)).numpy()
        return found

    return run


def _open_weights(content: bytes, layout: Layout) -> Runner:
    """Return a function that runs the network rebuilt from a file's content."""
    import tempfile

    from bakeoff.inference.model import load_models

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.safetensors"
        copy.write_bytes(content)
        model = load_models([copy])

    def run(images: np.ndarray) -> np.ndarray:
        return original_probabilities(model, images if layout == "nhwc" else images.transpose(0, 2, 3, 1))

    return run


def original_probabilities(model: "Model", pictures: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Return the model's own probabilities (N, K) of pictures (H, W, C) uint8."""
    return model.probabilities(np.stack([model.decode(picture) for picture in pictures]))


def check_outputs(model: "Model", run: Runner, runtime: str, pictures: Pictures, layout: Layout) -> ExportCheck:
    """Compare a translated model with the original: picture by picture, and in a batch of one size.

    Raises:
        BakeoffError: a probability differs by more than `TOLERANCE`, or the translated model fails.
    """
    expected = original_probabilities(model, pictures.arrays)
    batches = [picture[None] for picture in pictures.arrays]
    first = pictures.arrays[0].shape
    alike = [number for number, picture in enumerate(pictures.arrays) if picture.shape == first][:BATCH]
    batches.append(np.stack([pictures.arrays[number] for number in alike]))
    try:
        found = np.concatenate([run(as_layout(batch, layout)) for batch in batches])
    except Exception as error:
        raise BakeoffError(
            f"the exported {model.bundle.run.net} fails under {runtime}: {first_cause(error)}"
        ) from error
    difference = float(np.abs(found - np.concatenate([expected, expected[alike]])).max())
    if not difference <= TOLERANCE:
        raise BakeoffError(
            f"the probabilities of the exported {model.bundle.run.net} differ by up to {difference:.1e} "
            f"under {runtime}: nothing was written"
        )
    return ExportCheck(runtime, len(pictures.arrays), pictures.are_real, difference)


def as_layout(images: np.ndarray, layout: Layout) -> np.ndarray:
    """Return (N, H, W, C) images in a layout."""
    return np.array(images if layout == "nhwc" else images.transpose(0, 3, 1, 2), order="C")
