"""Networks that users write, with parts that cannot run on torch's meta device, or that give more than one tensor."""

import torch
from torch import nn


class Odd(nn.Module):
    """A convolution and a dense layer, which a subclass puts something between."""

    def __init__(self, shape, classes):
        super().__init__()
        self.features = nn.Conv2d(shape.channels, 4, 3, padding=1)
        self.classify = nn.Linear(4 * shape.height * shape.width, classes)

    def between(self, x):
        return x

    def forward(self, x):
        return self.classify(self.between(self.features(x)).flatten(1))


class Item(Odd):
    def between(self, x):
        return x / max(x.abs().max().item(), 1e-6)


class Numpy(Odd):
    def between(self, x):
        return x * torch.from_numpy(x.detach().abs().cpu().numpy().mean((2, 3), keepdims=True))


class ByImages(Odd):
    """Fails on a single image, as the layer table and the latency measurement use."""

    def between(self, x):
        if len(x) < 5:
            raise ValueError("five images at least")
        return x


class Recurrent(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.read = nn.LSTM(shape.channels * shape.width, 6, batch_first=True)
        self.classify = nn.Linear(6, classes)

    def forward(self, x):
        rows, (_, _) = self.read(x.permute(0, 2, 1, 3).flatten(2))
        return self.classify(rows[:, -1])


class NumpyRecurrent(Recurrent):
    def forward(self, x):
        float(x.max())
        return super().forward(x)


class Attentive(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.block = nn.TransformerEncoderLayer(shape.width, 2, 16, dropout=0.0, batch_first=True)
        self.attend = nn.MultiheadAttention(shape.width, 2, batch_first=True)
        self.classify = nn.Linear(shape.width, classes)

    def forward(self, x):
        x = self.block(x.mean(1))
        x, _ = self.attend(query=x, key=x, value=x)
        return self.classify(x.mean(1))


class ItemAttentive(Attentive):
    def forward(self, x):
        float(x.max())
        return super().forward(x)


class Tied(nn.Module):
    """Two names for one weight, and a buffer that is a view of another."""

    def __init__(self, shape, classes):
        super().__init__()
        pixels = shape.channels * shape.height * shape.width
        self.first, self.second = nn.Linear(pixels, pixels), nn.Linear(pixels, pixels)
        self.second.weight = self.first.weight
        self.register_buffer("codes", torch.arange(10.0))
        self.register_buffer("some", self.codes[2:5])
        self.classify = nn.Linear(pixels, classes)

    def forward(self, x):
        return self.classify(self.second(self.first(x.flatten(1)).relu()).relu() + self.codes[0] + self.some[0])


class Pair(Odd):
    def forward(self, x):
        return super().forward(x), x


class Twin(Odd):
    """Gives a tuple that looks like auxiliary logits, in evaluation too."""

    def forward(self, x):
        return super().forward(x), super().forward(x)
