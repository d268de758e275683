"""The training loop of the PyTorch tutorials as a contender."""

import torch
from peer_protocol import Baton, Workload
from peer_torch import NETS, loader, optimizer
from torch import nn


def main() -> None:
    """Train until the input ends."""
    workload = Workload.read()
    torch.set_num_threads(workload.threads)
    net = NETS[workload.net]()
    criterion = nn.CrossEntropyLoss()
    optim = optimizer(workload, net)
    batches = loader(workload)
    parameters = sum(p.numel() for p in net.parameters())
    baton = Baton(parameters=parameters, version=f"torch {torch.__version__}")
    net.train()
    while True:
        running_loss, correct = 0.0, 0
        for images, labels in batches:
            optim.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=workload.precision == "bf16"):
                outputs = net(images)
                loss = criterion(outputs, labels)
            loss.backward()
            optim.step()
            running_loss += loss.item()
            correct += (outputs.argmax(1) == labels).sum().item()
            baton.step(len(labels))


if __name__ == "__main__":
    main()
