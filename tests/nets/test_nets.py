import pytest
import torch

from bakeoff.errors import BakeoffError
from bakeoff.nets import NETS, build, find_net
from bakeoff.nets.summary import non_trainable, summarize, trainable
from bakeoff.spec.data import ImageShape

COUNTS = [
    pytest.param(name, images, classes, printed, id=f"{name}-{images}")
    for name, net in NETS.items()
    for (images, classes), printed in net.parameters.items()
]


def on_meta(name: str, shape: ImageShape, classes: int = 10) -> torch.nn.Module:
    with torch.device("meta"):
        return build(name, shape, classes)


@pytest.mark.parametrize(("name", "images", "classes", "printed"), COUNTS)
def test_published_parameter_counts(name, images, classes, printed):
    net = on_meta(name, ImageShape.parse(images), classes)
    free, fixed = trainable(net), non_trainable(net)
    if printed.endswith("M"):
        digits = len(printed.partition(".")[2].removesuffix("M"))
        assert f"{free / 1e6:.{digits}f}M" == printed
    else:
        assert printed in (str(free), f"{free + fixed}/{free}/{fixed}")


def test_the_networks_of_the_studies_exist():
    names = (
        "lenet-afif vgg-afif resnet20v1-keras resnet20v2-keras squeezenet-afif alexnet vgg16 resnet34-leaky conv drop "
        "vgg-a nin resnet32v1-keras resnet56v1-keras vgg16-tv resnet18 googlenet vgg16-improved resnet18-improved "
        "googlenet-improved"
    )
    assert set(names.split()) <= set(NETS)


def shapes(net) -> set[str]:
    """The smallest images, and the first of the usual ones that it accepts."""
    accepted = [s for s in ("1x28x28", "3x32x32") if int(s.split("x")[1]) >= net.smallest]
    return {f"3x{net.smallest}x{net.smallest}", *accepted[:1]}


@pytest.mark.parametrize(
    ("name", "images"), [(name, images) for name, net in NETS.items() for images in sorted(shapes(net))]
)
def test_forward_and_backward(name, images):
    """Small networks really compute; for large ones, torch only infers the shapes."""
    shape = ImageShape.parse(images)
    cost = summarize(name, shape, 10)
    small = cost.total < 12e6 and cost.flops < 1e9
    torch.manual_seed(0)
    with torch.device("cpu" if small else "meta"):
        net = build(name, shape, 10)
        batch = torch.randn(2, shape.channels, shape.height, shape.width).contiguous(memory_format=torch.channels_last)
    outputs = net(batch)
    logits = outputs if isinstance(outputs, tuple) else (outputs,)
    assert [tuple(values.shape) for values in logits] == [(2, 10)] * len(logits)
    sum(values.square().sum() for values in logits).backward()
    gradients = {name: parameter.grad for name, parameter in net.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None] == []
    assert net.eval()(batch).shape == (2, 10)
    if small:
        assert all(values.isfinite().all() for values in logits)
        assert all(gradient.isfinite().all() for gradient in gradients.values())


@pytest.mark.parametrize("name", NETS)
def test_smallest_is_the_smallest(name):
    """One pixel less and some map is empty; the network says so before torch does."""
    net = NETS[name]
    side = net.smallest - 1
    if side == 0:
        return
    with pytest.raises(BakeoffError, match=f"{name} needs at least {net.smallest}×{net.smallest} pixels"):
        build(name, ImageShape(3, side, 2 * side), 10)
    with pytest.raises((RuntimeError, ValueError)), torch.device("meta"):
        net.build(ImageShape(3, side, side), 10)(torch.empty(2, 3, side, side))


def test_a_refusal_says_how_to_continue():
    with pytest.raises(BakeoffError, match=r"these images are 28×28: add --scale 3 to enlarge them"):
        build("alexnet", ImageShape(1, 28, 28), 10)


@pytest.mark.parametrize("name", ["resnet20", "vgg-afif", "resnet20v2-keras", "googlenet"])
def test_images_need_not_be_square(name):
    assert on_meta(name, ImageShape(3, 40, 33))(torch.empty(2, 3, 40, 33, device="meta"))[0].shape[-1] == 10


def test_the_seed_decides_the_weights():
    def weights(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        return list(build("squeezenet-afif", ImageShape(1, 28, 28), 10).parameters())

    assert all(torch.equal(a, b) for a, b in zip(weights(1), weights(1), strict=True))
    assert not torch.equal(weights(1)[0], weights(2)[0])


@pytest.mark.parametrize(
    ("name", "depth"),
    [("resnet26", 26), ("resnet38v1-keras", 38), ("resnet47v2-keras", 47), ("resnet32-b", 32), ("wrn-22-2", 20)],
)
def test_families_have_any_valid_depth(name, depth):
    """A layer with weights counts, shortcuts do not. (The name of a wide network counts its three of them instead
    of the dense layer.)"""
    shape = ImageShape(3, 32, 32)
    net = on_meta(name, shape)
    layers = [path for path, layer in net.named_modules() if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)]
    assert len([path for path in layers if "shortcut" not in path]) == depth


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("resnet21", r"its depth must be 6n\+2; the nearest is 20"),
        ("resnet2v1-keras", r"its depth must be 6n\+2; the nearest is 8"),
        ("resnet30v2-keras", r"its depth must be 9n\+2; the nearest is 29"),
        ("wrn-27-10", r"its depth must be 6n\+4; the nearest is 28"),
        ("lenet-afiff", "did you mean lenet-afif"),
        ("resnet18+stemm", "unknown change of resnet18 'stemm': did you mean stem"),
        ("resnet18+dropout+stem", r"write resnet18\+stem\+dropout"),
        ("conv+bn", "conv has no named changes"),
    ],
)
def test_unknown_networks(name, sentence):
    with pytest.raises(BakeoffError, match=sentence):
        find_net(name)


@pytest.mark.parametrize("name", [name for name, net in NETS.items() if net.improves])
def test_all_changes_together_are_the_improved_network(name):
    base = NETS[name].improves
    shape = ImageShape(3, 64, 64)
    together = on_meta("+".join([base, *NETS[base].changes]), shape)
    assert str(together) == str(on_meta(name, shape))
    for change in NETS[base].changes:
        with torch.device("meta"):
            assert build(f"{base}+{change}", shape, 10)(torch.empty(2, 3, 64, 64))[-1].shape[-1] == 10


@pytest.mark.parametrize("name", ["resnet20v1-keras", "resnet20v2-keras", "resnet34-leaky", "resnet34-keras"])
def test_keras_batch_norm(name):
    norms = [m for m in on_meta(name, ImageShape(3, 32, 32)).modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


@pytest.mark.parametrize("name", ["lenet-afif", "vgg-afif", "squeezenet-afif", "conv", "drop", "nin", "resnet34-leaky"])
def test_keras_initialisation(name):
    """Glorot-uniform: no weight beyond sqrt(6 / (fan-in + fan-out)), the largest near it; biases zero."""
    net = build(name, ImageShape(1, 28, 28), 10)
    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            area = layer.weight[0, 0].numel()
            limit = (6 / (area * (layer.weight.shape[0] + layer.weight.shape[1]))) ** 0.5
            assert 0.8 * limit < layer.weight.abs().max() <= limit
            assert not layer.bias.any()
