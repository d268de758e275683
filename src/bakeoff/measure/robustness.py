"""Accuracy of a network on corrupted test images, which are generated on the fly."""

import torch
from torch import Tensor, nn

from bakeoff.data.batches import ImageSource, batches
from bakeoff.data.normalize import Normalizer
from bakeoff.data.resize import resize
from bakeoff.machine.hardware import Machine
from bakeoff.measure.corruptions import CORRUPTIONS, SEVERITIES
from bakeoff.spec.recipe import Image
from bakeoff.spec.run import derive_seed

BATCH = 256
"""Images corrupted at once. It determines the random numbers of an image, so it must not change."""


def robustness(
    net: nn.Module, test: ImageSource, image: Image, normalizer: Normalizer, machine: Machine
) -> dict[str, float]:
    """Evaluate the network on all test images under every corruption at every severity.

    Images are corrupted before resizing. The random numbers depend only on the position of an image in the test split,
    so all networks and seeds see the same corrupted images.

    Returns:
        accuracy_under_<corruption>, the mean over severities, for each corruption; accuracy_under_corruption, their
        mean; and robustness, that mean divided by the accuracy on clean images, unless this is 0.
    """
    net.eval()
    hits = {name: torch.zeros((), dtype=torch.int64, device=machine.device) for name in ("clean", *CORRUPTIONS)}

    def right(pixels: Tensor, labels: Tensor) -> Tensor:
        return (net(normalizer(resize(pixels, image))).argmax(1) == labels).sum()

    with torch.inference_mode():
        for part in batches(len(test), BATCH):
            pixels, labels = test.gather(part), test.labels[part]
            hits["clean"] += right(pixels, labels)
            for name in CORRUPTIONS:
                for severity in SEVERITIES:
                    hits[name] += right(corrupted(pixels, name, severity, part.start), labels)
    images, counts = len(test), {name: int(count) for name, count in hits.items()}
    clean = counts.pop("clean")
    under = sum(counts.values()) / (images * len(SEVERITIES) * len(counts))
    measures = {f"accuracy_under_{name}": count / (images * len(SEVERITIES)) for name, count in counts.items()}
    measures["accuracy_under_corruption"] = under
    return measures | ({"robustness": under * images / clean} if clean else {})


def corrupted(pixels: Tensor, name: str, severity: int, start: int) -> Tensor:
    """Return (n, C, H, W) uint8 images corrupted; `start` is the position of the first in the test split."""
    pieces = []
    for i, piece in enumerate(pixels.split(BATCH)):  # the last batch may have one image more
        generator = torch.Generator().manual_seed(derive_seed(0, "corruption", name, start + i * BATCH))
        pieces.append(CORRUPTIONS[name](piece.float(), severity, generator))
    return torch.cat(pieces).round_().clamp_(0, 255).to(torch.uint8)
