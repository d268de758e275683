"""Networks, images and transforms of the tutorial loop and of Lightning in answer.py, as in PyTorch's tutorials."""

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from answer_task import Task, arrays, held_out
from peer_torch import random_flip, random_shift, to_tensor
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


def lenet(task: Task) -> nn.Module:
    """Return lenet-afif."""
    side = ((task.side - 2) // 2 - 1) // 2
    return nn.Sequential(
        *(nn.Conv2d(task.channels, 6, 3), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 2), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * side**2, 256), nn.Tanh(), nn.Linear(256, task.classes)),
    )


def conv(task: Task, dropout: float = 0.0) -> nn.Module:
    """Return conv, or with dropout drop."""
    side = ((task.side - 2) // 2 - 2) // 2 - 2
    return nn.Sequential(
        *(nn.Conv2d(task.channels, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64 * side**2, 64), nn.ReLU()),
        *(nn.Dropout(dropout), nn.Linear(64, task.classes)),
    )


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut without weights (He et al. 2016, option A)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride, self.new = outputs // inputs, outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.new:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.new // 2, self.new // 2))
        return F.relu(y + x)


def resnet20(task: Task) -> nn.Module:
    """Return ResNet-20 for small images."""
    stem = nn.Conv2d(task.channels, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
    widths = (16, 16, 16, 16, 32, 32, 32, 64, 64, 64)
    blocks = [Block(inputs, outputs) for inputs, outputs in pairwise(widths)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, task.classes))


NETS = {"lenet-afif": lenet, "conv": conv, "drop": lambda task: conv(task, 0.5), "resnet20": resnet20}


class Images(Dataset):
    """Images from arrays, or decoded from files whenever they are asked for, as torchvision's ImageFolder does."""

    def __init__(
        self, task: Task, place: Path, split: str, chosen: np.ndarray | None = None, train: bool = False
    ) -> None:
        self.task, self.train = task, train
        if task.is_folder:
            names = sorted(folder.name for folder in (place / split).iterdir())
            files = sorted((place / split).glob("*/*"))
            self.images: list | np.ndarray = files
            self.labels = np.array([names.index(file.parent.name) for file in files])
        else:
            data = arrays(place)
            self.images, self.labels = data[f"{split}_x"], data[f"{split}_y"]
        self.chosen = np.arange(len(self.labels)) if chosen is None else chosen

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        at = self.chosen[index]
        if self.task.is_folder:
            image = Image.open(self.images[at]).convert("RGB").resize((self.task.side,) * 2, Image.Resampling.BILINEAR)
        else:
            pixels = self.images[at]
            image = Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[:, :, 0])
        if self.train:
            image = random_shift(image)
            image = random_flip(image) if self.task.is_folder else image
        return to_tensor(image), int(self.labels[at])


def loaders(task: Task, place: Path, seed: int) -> tuple[DataLoader, DataLoader, DataLoader]:
    """Return the batches for training, validation and test; two processes decode files."""
    torch.manual_seed(seed)
    random.seed(seed)
    kept, validation = held_out(len(Images(task, place, "train")), seed)
    workers = {"num_workers": 2, "persistent_workers": True} if task.is_folder else {}
    return (
        DataLoader(Images(task, place, "train", kept, train=True), task.batch_size, shuffle=True, **workers),
        DataLoader(Images(task, place, "train", validation), 256, **workers),
        DataLoader(Images(task, place, "test"), 256, **workers),
    )


def optimize(net: nn.Module, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Return optimiser and schedule of bakeoff's recipe `quick`."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.05)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
