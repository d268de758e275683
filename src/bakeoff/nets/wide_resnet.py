"""Wide residual networks: Zagoruyko & Komodakis 2016, table 1."""

from bakeoff.nets.net import Net, check_depth
from bakeoff.nets.resnet_cifar import preactivation_block, preresnet

# Without dropout inside the blocks, as in the paper's main results.
PRINTED = {(16, 4): "2.7M", (28, 10): "36479194", (40, 4): "8.9M"}


def member(depth: int, widen: int) -> Net:
    """Return the entry of `wrn-{depth}-{widen}`: blocks of 16, 32 and 64 channels, `widen` times wider."""
    check_depth(f"wrn-{depth}-{widen}", depth, step=6, rest=4)
    return Net(
        preresnet(preactivation_block, (16 * widen, 32 * widen, 64 * widen), (depth - 4) // 6),
        "wide-resnet",
        2016,
        "Zagoruyko & Komodakis 2016, table 1, B(3,3) blocks without dropout",
        smallest=1,
        parameters={("3x32x32", 10): PRINTED[depth, widen]} if (depth, widen) in PRINTED else {},
    )


PATTERNS = {r"wrn-([1-9]\d*)-([1-9]\d*)": member}
NETS = {f"wrn-{depth}-{widen}": member(depth, widen) for depth, widen in PRINTED}
