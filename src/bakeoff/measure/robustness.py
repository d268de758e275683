"""How much of its accuracy a network keeps on corrupted test images. They are made on the fly and never stored."""

import torch
from torch import Tensor, nn

from bakeoff.data.batches import Source, batches
from bakeoff.data.normalize import Normalizer
from bakeoff.data.resize import resize
from bakeoff.machine.hardware import Machine
from bakeoff.measure.corruptions import CORRUPTIONS, SEVERITIES
from bakeoff.spec.recipe import Image
from bakeoff.spec.run import derive_seed

BATCH = 256
"""Images corrupted at once. It decides which random numbers an image gets, so it is no setting."""


def robustness(
    net: nn.Module, test: Source, image: Image, normalizer: Normalizer, machine: Machine
) -> dict[str, float]:
    """Evaluate the network on all test images under every corruption at every severity.

    The corruptions work on the images as the data set has them, before resizing. Their random numbers depend on
    the place of an image in the test split alone: all networks and seeds meet the same corrupted images.

    Returns:
        accuracy_under_<corruption>, mean over severities, for each corruption; accuracy_under_corruption, the mean
        of these; and robustness, that mean over the accuracy on the clean images, where this is not 0.
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
    """Return (n, C, H, W) uint8 images corrupted; `start` is the place of the first in the test split."""
    pieces = []
    for i, piece in enumerate(pixels.split(BATCH)):  # a last image that joined a batch has its own draws all the same
        generator = torch.Generator().manual_seed(derive_seed(0, "corruption", name, start + i * BATCH))
        pieces.append(CORRUPTIONS[name](piece.float(), severity, generator))
    return torch.cat(pieces).round_().clamp_(0, 255).to(torch.uint8)
