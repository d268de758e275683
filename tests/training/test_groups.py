from collections import OrderedDict

import pytest
import torch
from torch import nn

import tiny
from bakeoff.errors import BakeoffError
from bakeoff.spec.data import ImageShape
from bakeoff.spec.recipe import SGD, Constant
from bakeoff.training.groups import check_groups, group_weights, heads_of

GREY = ImageShape(1, 28, 28)


def net(layers: int = 3) -> nn.Module:
    """Convolutions with batch normalisation, part0 to part2, and a classifier called head."""
    torch.manual_seed(0)
    parts = {f"part{i}": nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)) for i in range(layers)}
    return nn.Sequential(OrderedDict(parts | {"flat": nn.Flatten(), "head": nn.Linear(4, 3)}))


def factors(module: nn.Module, **changes) -> dict[str, float]:
    """The factor on the learning rate of each trained parameter."""
    names = {weight: name for name, weight in module.named_parameters()}
    found = group_weights(module, "net", tiny.run(**changes).recipe, ("head",))
    return {names[weight]: group["factor"] for group in found.groups for weight in group["params"]}


def test_a_recipe_without_them_has_one_group_of_all_weights():
    module = net()
    found = group_weights(module, "net", tiny.RECIPE, ())
    assert [list(group) for group in found.groups] == [["params"]]
    assert found.groups[0]["params"] == list(module.parameters())


def test_the_rate_falls_from_layer_to_layer():
    """Half per layer, counted from the classifier; norms and biases belong to the layer before them."""
    found = factors(net(), layer_decay=0.5)
    expected = {"part0": 0.125, "part1": 0.25, "part2": 0.5, "head": 1.0}
    assert found == {name: expected[name.partition(".")[0]] for name, _ in net().named_parameters()}


def test_deep_networks_are_divided_into_twelve_parts():
    found = factors(net(24), layer_decay=0.9)
    powers = [found[f"part{i}.0.weight"] for i in range(24)]
    assert powers == pytest.approx([0.9 ** (12 - i // 2) for i in range(24)])


def test_the_classifier_has_its_own_factor():
    found = factors(net(), head_rate=10.0)
    assert found == {name: 10.0 if name.startswith("head") else 1.0 for name, _ in net().named_parameters()}
    both = factors(net(), head_rate=3.0, layer_decay=0.5)
    assert (both["head.bias"], both["part2.1.bias"]) == (3.0, 0.5)


def test_groups_are_as_few_as_can_be_and_know_the_classifier():
    recipe = tiny.run(head_schedule=Constant()).recipe
    found = group_weights(net(), "net", recipe, ("head",))
    assert [(group["factor"], group["head"], len(group["params"])) for group in found.groups] == [
        (1.0, False, 12),
        (1.0, True, 2),
    ]


@pytest.mark.parametrize(
    ("freeze", "trained"),
    [
        ("part0", {"part1", "part2", "head"}),
        ("part0, part1.0", {"part1", "part2", "head"}),
        ("all-but-classifier", {"head"}),
        ("head", {"part0", "part1", "part2"}),
    ],
)
def test_frozen_parts_are_left_out(freeze, trained):
    module = net()
    found = group_weights(module, "net", tiny.run(freeze=freeze).recipe, ("head",))
    assert {name.partition(".")[0] for name in factors(net(), freeze=freeze)} == trained
    kept = [weight for group in found.groups for weight in group["params"]]
    assert set(kept) | set(found.frozen) == set(module.parameters())
    assert not set(kept) & set(found.frozen)


def test_norms_in_frozen_parts_keep_their_statistics():
    module = net()
    found = group_weights(module, "net", tiny.run(freeze="part1,part2.0").recipe, ())
    assert (found.norms, found.frozen_norms) == ((), (module.part1[1],))
    found = group_weights(module, "net", tiny.run(frozen_norm=True).recipe, ())
    assert found.norms == (module.part0[1], module.part1[1], module.part2[1])


def test_parts_frozen_for_some_epochs_are_known_to_the_optimizer():
    assert len(factors(net(), freeze="all-but-classifier", thaw_after=1)) == 14


def test_shared_weights_are_trained_once():
    module = net()
    module.part2[0].weight = module.part0[0].weight
    assert "part2.0.weight" not in factors(module, layer_decay=0.5)
    assert factors(module, layer_decay=0.5)["part0.0.weight"] == 0.25  # two layers are left


def test_a_part_that_is_not_there_is_an_error_that_suggests_one():
    with pytest.raises(BakeoffError, match=r"part_1.*did you mean part1"):
        group_weights(net(), "net", tiny.run(freeze="part_1").recipe, ())


@pytest.mark.parametrize("thaw_after", [None, 1])
def test_there_must_be_something_to_train(thaw_after):
    recipe = tiny.run(freeze="part0,part1,part2,head", thaw_after=thaw_after).recipe
    with pytest.raises(BakeoffError, match="nothing"):
        group_weights(net(), "net", recipe, ())


@pytest.mark.parametrize("name", ["lenet-afif", "resnet20", "googlenet"])
def test_heads_are_found_in_real_networks(name):
    recipe = tiny.run(head_rate=2.0, optimizer=SGD(lr=1.0)).recipe
    heads = heads_of(name, GREY, 10, recipe)
    assert len(heads) == (3 if name == "googlenet" else 1)
    assert heads_of(name, GREY, 10, tiny.RECIPE) == ()


def test_names_are_checked_before_training():
    check_groups("resnet20", GREY, 10, tiny.run(freeze="all-but-classifier").recipe)
    with pytest.raises(BakeoffError, match="resnet20"):
        check_groups("resnet20", GREY, 10, tiny.run(freeze="nowhere").recipe)
