"""Exports every built-in network in every format and as int8, with small images, and writes a table of docs/export.md.

Each file is compared with the original as `bakeoff export` does it. Weights are random, so no accuracy means anything.
Takes about half an hour on an idle core. Usage: python benchmarks/exports.py [--nets a,b] [--write docs/export.md]
"""

import argparse
import gc
import sys
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import torch

from bakeoff import Dataset
from bakeoff.errors import BakeoffError
from bakeoff.inference import export as exports
from bakeoff.inference import int8, onnx_file
from bakeoff.inference.export import FORMATS, export
from bakeoff.inference.graph import trace
from bakeoff.inference.model import Model
from bakeoff.inference.onnx_file import to_onnx
from bakeoff.nets import BUILTIN, build
from bakeoff.spec.paths import weights_path
from bakeoff.spec.recipe import SGD, Recipe
from bakeoff.spec.run import Run
from bakeoff.training.bundles import Loaded, make_bundle, to_metadata
from bakeoff.training.checkpoints import save_weights
from bakeoff.training.partition import partition_data

CLASSES = 3
BEGIN, END = "<!-- what benchmarks/exports.py found -->\n", "<!-- end -->\n"
COLUMNS = (*FORMATS, "onnx --int8")


def made_up(side: int) -> Dataset:
    """Return random images of one size."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (48, side, side, 3), dtype=np.uint8)
    labels = np.arange(48) % CLASSES
    return Dataset.from_arrays((images[:32], labels[:32]), (images[32:], labels[32:]))


def random_model(name: str, folder: Path) -> tuple[Model, Dataset]:
    """Return a network with random weights as a model, and images for it."""
    data = made_up(max(BUILTIN[name].smallest, 12))
    recipe = Recipe(
        name="none", epochs=1, batch_size=8, validation=0.25, select="last", normalize="channel", optimizer=SGD(lr=0.1)
    )
    run = Run(name, data.info.name, data.info.content_hash, recipe, 0)
    torch.manual_seed(0)
    net = build(name, data.info.shape, CLASSES).eval()
    bundle = make_bundle(run, data, partition_data(run, data, "cpu").normalizer)
    save_weights(folder, run.id, net, metadata=to_metadata(bundle))
    return Model((Loaded(bundle, net),), (weights_path(folder, run.id),)), data


def attempts(name: str) -> dict[str, str]:
    """Return the outcome of each column: "" if it worked, else the reason why not."""
    found = {}
    trace_once, translate_once = cache(trace), cache(to_onnx)  # the same translations serve several columns
    with (
        TemporaryDirectory() as folder,
        patch.object(exports, "trace", trace_once),
        patch.object(onnx_file, "trace", trace_once),
        patch.object(exports, "to_onnx", translate_once),
        patch.object(int8, "TIMED", ()),
    ):
        model, data = random_model(name, Path(folder))
        for form in FORMATS:
            try:
                export(model, Path(folder) / "exported", form)
                found[form] = ""
            except BakeoffError as error:
                found[form] = str(error)
        try:
            int8.quantise(model, translate_once(model, "nhwc"), data, "nhwc")
            found[COLUMNS[-1]] = ""
        except BakeoffError as error:
            found[COLUMNS[-1]] = str(error)
    return found


def table(rows: dict[str, dict[str, str]]) -> str:
    """Return Markdown; reasons are numbered below the table."""
    reasons: dict[str, int] = {}
    lines = [f"| network | {' | '.join(COLUMNS)} |", f"|---|{':-:|' * len(COLUMNS)}"]
    for name, found in rows.items():
        marks = ["✓" if not why else f"[{reasons.setdefault(why, len(reasons) + 1)}]" for why in found.values()]
        lines.append(f"| `{name}` | {' | '.join(marks)} |")
    return "\n".join([*lines, "", *(f"[{number}] {why}\n" for why, number in reasons.items())])


def main() -> None:
    """Export, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", default=",".join(BUILTIN))
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    rows = {}
    for name in given.nets.split(","):
        start = time.perf_counter()
        rows[name] = attempts(name)
        torch._dynamo.reset()
        gc.collect()
        print(name, rows[name], f"{time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    if not given.write:
        return print(table(rows))
    text = given.write.read_text(encoding="utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    given.write.write_text(f"{before}{BEGIN}\n{table(rows)}\n{END}{after}", encoding="utf-8")
    return None


if __name__ == "__main__":
    main()
