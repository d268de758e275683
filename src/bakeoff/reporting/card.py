"""The model card of a trained network: Markdown with front matter as the Hugging Face hub reads it. No torch.

https://huggingface.co/docs/hub/model-cards describes the front matter.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.analysis.audit import Finding
from bakeoff.errors import BakeoffError
from bakeoff.inference.evaluation import intervals_of_counts
from bakeoff.measure.quality import balanced_and_f1, confused_pairs
from bakeoff.reporting.text_table import TextTable
from bakeoff.spec.recipe import describe_settings
from bakeoff.spec.run import starts_from, without_versions
from bakeoff.stats.proportions import wilson
from bakeoff.text.formats import bracket, count, counted, listing, percent
from bakeoff.text.safe import json_text, markdown, visible
from bakeoff.text.yaml import to_yaml

if TYPE_CHECKING:
    from bakeoff.training.bundles import Bundle

TASK = {"type": "image-classification", "name": "Image classification"}
FEW = 30
"""Test images below which the accuracy within a class says little."""


@dataclass(frozen=True)
class CardContext:
    """The content of a card that is not in the file of the model."""

    file: str = "model.safetensors"
    """Name of the file that the card is for."""
    findings: Sequence[Finding] = ()
    from_store: bool = False
    """Whether the findings are those of a store, with all runs that it has; else of this run alone."""
    seeds: int = 1
    """Seeds with which the network was trained under the same settings, as far as is known."""
    licence: str = "unknown"
    """An identifier such as "mit"."""
    notes: Sequence[str] = ()
    """Sentences about the file, such as what a quantisation costs."""


def model_card(bundle: "Bundle", context: CardContext | None = None) -> str:
    """Return the card of a model.

    Raises:
        BakeoffError: the file has no measures, as an older version wrote it.
    """
    if not bundle.measures:
        raise BakeoffError(
            "the file of the model was written by an older version and has no measures: run `bakeoff models --complete`"
        )
    about = context or CardContext()
    sections = [
        f"---\n{to_yaml(front_matter(bundle, about))}---\n",
        f"# {markdown(without_versions(bundle.run.net))} for {markdown(bundle.data_name)}\n",
        _summary(bundle),
        _use(about),
        f"## Data\n\n{_data(bundle)}",
        f"## Test results\n\n{_measures(bundle).markdown()}",
        f"## By class\n\n{_by_class(bundle).markdown()}",
        f"## Audit\n\n{_findings(about)}",
        f"## Limits\n\n{_bullets(_limits(bundle, about))}",
        f"## Training\n\n{_settings(bundle)}",
    ]
    return "\n".join(sections)


def front_matter(bundle: "Bundle", about: CardContext) -> dict[str, Any]:
    """Return what the hub reads of a card."""
    net, data = without_versions(bundle.run.net), bundle.data_name
    found = intervals_and_values(bundle)
    metrics = [
        {"type": "accuracy", "name": "accuracy", "value": found["accuracy"][0]},
        {"type": "accuracy", "name": "balanced accuracy", "value": found["balanced_accuracy"][0]},
        {"type": "f1", "name": "macro F1", "value": found["macro_f1"][0]},
    ]
    dataset = {"name": data, "type": _slug(data), "split": "test", "revision": bundle.run.data_hash[:16]}
    tags = ["image-classification", "bakeoff", _slug(net)]
    return {
        "license": about.licence,
        "library_name": "bakeoff",
        "pipeline_tag": "image-classification",
        "tags": list(dict.fromkeys(tags)),
        "datasets": [_slug(data)],
        "metrics": ["accuracy", "f1"],
        "model-index": [{"name": net, "results": [{"task": TASK, "dataset": dataset, "metrics": metrics}]}],
    }


def intervals_and_values(bundle: "Bundle") -> dict[str, tuple[float, tuple[float, float]]]:
    """Return measure → (value, 95 % interval over test images) of those that follow from the confusion counts."""
    matrix = bundle.confusion_matrix()
    balanced, f1 = balanced_and_f1(matrix)
    values = {"accuracy": float(np.trace(matrix) / matrix.sum()), "balanced_accuracy": balanced, "macro_f1": f1}
    intervals = intervals_of_counts(matrix)
    return {name: (value, intervals[name]) for name, value in values.items()}


def _summary(bundle: "Bundle") -> str:
    value, interval = intervals_and_values(bundle)["accuracy"]
    images = int(bundle.measures["test_images"])
    version = bundle.versions.get("bakeoff", "")
    classes = listing([markdown(name) for name in bundle.classes])
    return (
        f"Classifies images as {classes}. It is right on {percent(value)}{bracket(*interval)} of "
        f"{counted(images, 'test image')} (95 % interval over images). Trained by bakeoff {version}.\n"
    )


def _use(about: CardContext) -> str:
    lines = ["## Use", ""]
    if about.file.endswith(".safetensors"):
        lines += ["```python", "import bakeoff", "", f"model = bakeoff.load_model({json_text(about.file)})", "```", ""]
        lines.insert(-2, 'print(model.predict("photo.jpg")[0].label)')
        lines += [
            "The file has classes, image settings and normalisation; images are decoded and resized as in training."
        ]
    else:
        lines += ["The graph takes uint8 images of any number and size, resizes and normalises them, and returns"]
        lines += ["probabilities; the classes are in its metadata."]
    lines += ["", _bullets([markdown(note) for note in about.notes])]
    return "\n".join(lines)


def _data(bundle: "Bundle") -> str:
    run, measures, image = bundle.run, bundle.measures, bundle.run.recipe.image
    shape = bundle.input_shape
    how = {"stretch": "stretched", "crop": "cropped in the middle", "pad": "padded with black"}[image.fit]
    sentences = [
        f"{markdown(bundle.data_name)}, SHA-256 of the content {run.data_hash[:16]}…: "
        f"{counted(int(measures['train_images']), 'image')} for training, "
        f"{counted(int(measures['test_images']), 'image')} for testing.",
        f"Images become {shape.channels}×{shape.height}×{shape.width}: {how}, by {image.interpolation} interpolation.",
    ]
    return _bullets(sentences)


def _measures(bundle: "Bundle") -> TextTable:
    measures, images = bundle.measures, int(bundle.measures["test_images"])
    rows = [
        (name.replace("_", " ").replace("f1", "F1"), percent(value), _interval(*interval))
        for name, (value, interval) in intervals_and_values(bundle).items()
    ]
    if (top5 := measures.get("test_top5_accuracy")) is not None:
        rows.append(("top-5 accuracy", percent(top5), _interval(*wilson(top5 * images, images))))
    others = (
        ("Brier score (0 to 2)", "test_brier", "{:.3f}"),
        ("calibration error", "test_calibration_error", "{:.3f}"),
        ("cross-entropy", "test_loss", "{:.3f}"),
        ("milliseconds per image, on the machine of the training", "latency_ms_median", "{:.2g}"),
    )
    rows += [(name, form.format(measures[key]), "") for name, key, form in others if key in measures]
    counts = (("parameters", "parameters"), ("FLOPs per image, multiply-add = 2", "flops"))
    rows += [(name, count(measures[key]), "") for name, key in counts if key in measures]
    return TextTable("", (("measure", False), ("value", True), ("95 % interval", True)), tuple(rows))


def _interval(low: float, high: float) -> str:
    """Return an interval; nothing where a bootstrap found no mistake to draw from."""
    return bracket(low, high).strip() if low < high else ""


def _by_class(bundle: "Bundle") -> TextTable:
    matrix, rows = bundle.confusion_matrix(), []
    for k, name in enumerate(bundle.classes):
        images, said, right = int(matrix[k].sum()), int(matrix[:, k].sum()), int(matrix[k, k])
        only = np.zeros_like(matrix)
        only[k] = matrix[k]
        wrong = confused_pairs(only, bundle.classes, 1)
        found = f"{percent(right / images)}{bracket(*wilson(right, images))}" if images else "–"
        precise = percent(right / said) if said else "–"
        rows.append((name, f"{images:,}", found, precise, f"{wrong[0][1]} ({wrong[0][2]})" if wrong else "–"))
    headings = ("class", "test images", "recognised [95 %]", "right when named", "most often predicted as")
    numeric = {"test images", "recognised [95 %]", "right when named"}
    return TextTable("", tuple((heading, heading in numeric) for heading in headings), tuple(rows))


def _findings(about: CardContext) -> str:
    scope = "all runs that were compared" if about.from_store else "the results of this run alone"
    if not about.findings:
        return f"bakeoff audit found nothing in {scope}.\n"
    lines = [
        f"**{one.severity}** ({one.kind}): {markdown(one.message)} {markdown(one.advice)}" for one in about.findings
    ]
    return f"What bakeoff audit found in {scope}:\n\n{_bullets(lines)}"


def _limits(bundle: "Bundle", about: CardContext) -> list[str]:
    run, matrix = bundle.run, bundle.confusion_matrix()
    limits = [
        f"The numbers hold for images like those of {markdown(bundle.data_name)}: `bakeoff evaluate` measures the "
        "model on others.",
        f"Every image is given one of the {len(bundle.classes)} classes, even if it shows none of them.",
    ]
    images = matrix.sum(1)
    if few := [markdown(name) for name, n in zip(bundle.classes, images, strict=True) if n < FEW]:
        limits.append(
            f"Fewer than {FEW} test images show {listing(few)}: the accuracy within such a class is uncertain."
        )
    if run.recipe.validation == "test":
        limits.append("The test images were also used to monitor the training: the accuracy may be too high.")
    if about.seeds > 1:
        limits.append(f"This is one of {about.seeds} trainings with different seeds, whose accuracies differ.")
    else:
        limits.append("This is a single training: with another seed the accuracy would be different.")
    if start := starts_from(run):
        limits.append(f"It started from the weights {markdown(start)}, whose licence and biases it inherits.")
    return limits


def _settings(bundle: "Bundle") -> str:
    run = bundle.run
    lines = [f"network = {run.net}", f"seed = {run.seed}", f"protocol = {run.protocol}", f"run = {run.id}"]
    for name, value in describe_settings(run.recipe).items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        lines += [f"{name}{'.' * bool(field)}{field} = {one}" for field, one in inner]
    lines += [f"version of {name} = {one}" for name, one in bundle.versions.items()]
    return "".join(f"    {visible(line)}\n" for line in lines)


def _bullets(sentences: Sequence[str]) -> str:
    return "".join(f"- {sentence}\n" for sentence in sentences)


def _slug(name: str) -> str:
    """Return a name in the characters that the hub allows in tags and identifiers."""
    return re.sub(r"[^\w./-]+", "-", name, flags=re.ASCII).strip("-./") or "unnamed"
