"""The training loop of the PyTorch tutorials in answer.py, in loops over networks and seeds."""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from answer_task import Task, carry_out
from answer_torch import NETS, loaders, optimize
from torch import nn
from torch.utils.data import DataLoader


def evaluate(net: nn.Module, batches: DataLoader) -> float:
    """Return the accuracy."""
    net.eval()
    right = total = 0
    with torch.no_grad():
        for images, labels in batches:
            right += (net(images).argmax(1) == labels).sum().item()
            total += len(labels)
    return right / total


def train(name: str, task: Task, place: Path, seed: int) -> float:
    """Train one network, with validation after every epoch and a checkpoint of the best; return its test accuracy."""
    batches, validation, test = loaders(task, place, seed)
    net, criterion = NETS[name](task), nn.CrossEntropyLoss()
    optimizer, schedule = optimize(net, task.epochs * len(batches))
    best = 0.0
    with TemporaryDirectory() as folder:
        for _ in range(task.epochs):
            net.train()
            running_loss = 0.0
            for images, labels in batches:
                optimizer.zero_grad()
                loss = criterion(net(images), labels)
                loss.backward()
                optimizer.step()
                schedule.step()
                running_loss += loss.item()
            if (accuracy := evaluate(net, validation)) >= best:
                best = accuracy
                torch.save(net.state_dict(), f"{folder}/best.pt")
    return evaluate(net, test)


if __name__ == "__main__":
    carry_out(train)
