"""The networks, images and transforms of the PyTorch tutorials, for the tutorial loop and for Lightning.

The transforms do what torchvision's ToTensor, RandomAffine(0, translate=(0.1, 0.1)) and RandomHorizontalFlip do,
in the same calls of PIL; torchvision itself does not load beside every CPU build of torch.
"""

import random
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from peer_protocol import Workload
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


def lenet() -> nn.Module:
    """Return lenet-afif for 28×28×1."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 3), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 2), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(576, 256), nn.Tanh(), nn.Linear(256, 10)),
    )


def vgg() -> nn.Module:
    """Return vgg-afif for 28×28×1."""
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5)),
        *(nn.Conv2d(64, 128, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(128, 256, 3), nn.ReLU(), nn.MaxPool2d(3), nn.Dropout(0.5)),
        *(nn.Flatten(), nn.Linear(4096, 256), nn.LeakyReLU(0.3), nn.Dropout(0.5)),
        *(nn.Linear(256, 256), nn.LeakyReLU(0.3), nn.Linear(256, 10)),
    )


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut, projected where the size changes."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        stride = outputs // inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity() if stride == 1 else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet20() -> nn.Module:
    """Return resnet20v1-keras for 32×32×3."""
    stem = (nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
    widths = (16, 16, 16, 16, 32, 32, 32, 64, 64, 64)
    blocks = [Block(inputs, outputs) for inputs, outputs in pairwise(widths)]
    return nn.Sequential(*stem, *blocks, nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10))


NETS = {"lenet-afif": lenet, "vgg-afif": vgg, "resnet20v1-keras": resnet20}


def optimizer(workload: Workload, net: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser as a tutorial makes it."""
    if workload.optimizer == "adadelta":
        return torch.optim.Adadelta(net.parameters(), lr=1.0, rho=0.95, eps=1e-7)
    return torch.optim.Adam(net.parameters(), lr=1e-3, eps=1e-7)


class Images(Dataset):
    """Images in memory, transformed one by one."""

    def __init__(self, workload: Workload) -> None:
        self.pixels, self.labels = workload.data()
        self.augmented = workload.augmented

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels = self.pixels[index]
        image = Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[:, :, 0])
        if self.augmented:
            image = random_flip(random_shift(image))
        return to_tensor(image), int(self.labels[index])


def random_shift(image: Image.Image) -> Image.Image:
    """Move the image by up to a tenth of its size, by whole pixels."""
    right = round(random.uniform(-0.1, 0.1) * image.width)
    down = round(random.uniform(-0.1, 0.1) * image.height)
    matrix = (1.0, 0.0, -right, 0.0, 1.0, -down)
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST)


def random_flip(image: Image.Image) -> Image.Image:
    """Mirror every second image."""
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if random.random() < 0.5 else image


def to_tensor(image: Image.Image) -> Tensor:
    """Return (C, H, W) float32 between 0 and 1."""
    pixels = torch.from_numpy(np.array(image)).view(image.height, image.width, len(image.getbands()))
    return pixels.permute(2, 0, 1).contiguous().to(torch.get_default_dtype()).div(255)


def loader(workload: Workload) -> DataLoader:
    """Return batches in random order; `workload.way` is the number of processes that prepare them."""
    workers = int(workload.way)
    return DataLoader(
        Images(workload),
        workload.batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
