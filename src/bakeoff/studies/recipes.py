"""One function per recipe: (network, facts of the data set) → everything about training that changes the result.

The docstring of each is its protocol: where it comes from, what to expect, how it departs. A recipe may treat
networks differently where its study did, and data sets where their images differ; it never looks at pixels.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeAlias

from msgspec.structs import replace

from bakeoff.errors import BakeoffError
from bakeoff.lookup import find
from bakeoff.spec.data import DataInfo
from bakeoff.spec.overrides import change, difference, named
from bakeoff.spec.plugins import Plugin, Registry
from bakeoff.spec.recipe import (
    L2,
    SGD,
    Adadelta,
    Adam,
    Augment,
    Image,
    OneCycle,
    Plateau,
    Recipe,
    Steps,
    Stop,
    Validation,
)
from bakeoff.spec.values import Value, digest, to_dict
from bakeoff.studies.general_recipes import finetune, modern, probe, quick
from bakeoff.studies.tables import GridCell

Choose: TypeAlias = Callable[[str, DataInfo], Recipe]

KERAS_ADAM = Adam(lr=1e-3, eps=1e-7, eps_before_correction=True)
KERAS_ADADELTA = Adadelta(lr=1.0, rho=0.95, eps=1e-7)


def afif2018(net: str, data: DataInfo) -> Recipe:
    """The comparison of LeNet-5, VGG-like, ResNet20 v1/v2 and SqueezeNet of 2018.

    Ten epochs in batches of 128 on raw 0–255 pixels (SVHN: standardised per pixel position, 6,000 training images
    per class), with the test set as validation set; the last epoch is reported. Adadelta as in Keras 2.1; the residual
    networks use Adam, l2(1e-4) on their convolutions, shifts of up to 10 % and mirroring, even on digits. Expect 0.983
    for lenet-afif on MNIST. Departures: none known, except for Keras' random numbers.
    """
    is_residual = net.startswith("resnet")
    is_svhn = data.name.startswith("svhn")
    return Recipe(
        name="afif2018",
        epochs=10,
        batch_size=128,
        validation="test",
        select="last",
        normalize="pixel" if is_svhn else "raw",
        images_per_class=6000 if is_svhn else None,
        loss="keras-cross-entropy",
        optimizer=KERAS_ADAM if is_residual else KERAS_ADADELTA,
        l2=L2(1e-4, "convolutions") if is_residual else None,
        augment=Augment(shift=0.1, flip=True) if is_residual else Augment(),
    )


def clark2020(net: str, data: DataInfo) -> Recipe:
    """The coursework comparison of CONV, DROP, VGG-A, NiN and residual networks of 2020.

    Pixels 0–1, 15 % for validation, Adam as in Keras (VGG-A did not train with it: SGD 0.01, momentum 0.1). The rate is
    halved when the training loss has not fallen by 1e-4 for 3 epochs; training stops after 7 such epochs, or after 50
    epochs in total, and the last epoch is reported. VGG-A has l2(5e-4) on its two dense layers of 4096. The batch size
    is not given: 32 is Keras' default. Departure: the study resumed runs whose loss was still falling; here, use
    `--set epochs=100`.
    """
    is_residual = net.startswith("resnet")
    return Recipe(
        name="clark2020",
        epochs=50,
        batch_size=32,
        validation=0.15,
        select="last",
        normalize="unit",
        optimizer=SGD(lr=0.01, momentum=0.1) if net.startswith("vgg") else KERAS_ADAM,
        schedule=Plateau("train_loss", factor=0.5, patience=3, threshold=1e-4),
        stop=Stop("train_loss", patience=7, threshold=1e-4),
        l2=L2(5e-4, "hidden-dense") if net == "vgg-a" else L2(1e-4, "convolutions") if is_residual else None,
    )


def srivastava2020(net: str, data: DataInfo) -> Recipe:
    """The comparison of AlexNet, VGG-16 and ResNet-34 with LeakyReLU of 2020.

    64×64 pixels, the mean subtracted, shifts and mirroring on all data sets, even digits. Adam, batches of 128, a
    tenth for validation, at most 100 epochs with early stopping on the validation loss, after which the best weights
    are restored; the rate is cut by √0.1, down to 5e-7, when the validation loss reaches a plateau. tf.keras 2 computes
    its loss from the logits before the softmax, so nothing is clipped. Expect 0.996 for resnet34-leaky on MNIST.

    Not stated, but read from its training logs: rates are cut after 3 epochs, training stops after 10, AlexNet has no
    weight penalty (its loss falls to 0.015 at 99.5 %). Not stated and assumed: a rate of 1e-3, and of 1e-4 for
    VGG-16, which does not train at 1e-3; l2(1e-4) on the convolutions of VGG-16 and ResNet-34 (the loss of a
    near-perfect model stays at 0.035); shifts up to 10 %; pixels 0–1 and the mean of each pixel position, as in the
    Keras example these settings come from.
    """
    return Recipe(
        name="srivastava2020",
        epochs=100,
        batch_size=128,
        validation=0.1,
        select="best-validation-loss",
        normalize="pixel-mean",
        optimizer=Adam(lr=1e-4 if net.startswith("vgg") else 1e-3, eps=1e-7, eps_before_correction=True),
        schedule=Plateau("validation_loss", factor=0.1**0.5, patience=3, threshold=1e-4, floor=5e-7),
        stop=Stop("validation_loss", patience=10),
        image=Image(size=(64, 64)),
        augment=Augment(shift=0.1, flip=True),
        l2=None if net.startswith("alexnet") else L2(1e-4, "convolutions"),
    )


def skoularikis2021(net: str, data: DataInfo) -> Recipe:
    """The comparison of VGG-16, ResNet-18 and GoogLeNet with improved versions of them of 2021.

    Plain networks, as in torchvision: the images' own size, no augmentation, SGD at a fixed 0.001. Improved ones (named
    "…-improved"): 64×64 pixels, SGD from 0.01, cut to a tenth after epochs 5, 27, 40 and 47, weight decay 4e-5, label
    smoothing, rotation, shift and scaling; photographs are also mirrored, sheared and changed in colour. Both: momentum
    0.9, batches of 128, 50 epochs, normalised per channel, best validation accuracy reported, 10,000 (MNIST) and 5,000
    (CIFAR-10) images for validation. Expect 0.83 for googlenet and 0.86 for googlenet-improved on
    CIFAR-10.

    Not stated and assumed: label smoothing of 0.1; black where images moved away. Departure: torchvision's VGG-16
    refuses images under 32×32, so MNIST is enlarged to that size for it. For other data sets, a tenth of the images is
    used for validation, and photographs are augmented like CIFAR-10, other images like MNIST.
    """
    set_aside: Mapping[str, Validation] = {"mnist": 10_000, "cifar10": 5_000}
    shared = Recipe(
        name="skoularikis2021",
        epochs=50,
        batch_size=128,
        validation=set_aside.get(data.name, 0.1),
        select="best-validation-accuracy",
        normalize="channel",
        optimizer=SGD(lr=1e-3, momentum=0.9),
    )
    if not net.endswith("-improved"):
        is_too_small = data.shape is not None and min(data.shape.height, data.shape.width) < 32
        return replace(shared, image=Image(size=(32, 32))) if net.startswith("vgg16") and is_too_small else shared
    moves = Augment(rotation=15.0, shift=0.1, zoom=(0.8, 1.2), fill="zero")
    if data.photographs:
        colours = {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2}
        moves = replace(moves, rotation=10.0, shear=10.0, flip=True, **colours)
    return replace(
        shared,
        optimizer=SGD(lr=1e-2, momentum=0.9, weight_decay=4e-5),
        schedule=Steps(epochs=(5, 27, 40, 47), factor=0.1),
        image=Image(size=(64, 64)),
        augment=moves,
        label_smoothing=0.1,
    )


def airbench(net: str, data: DataInfo) -> Recipe:
    """The recipe of the network that holds the CIFAR-10 speed record (Jordan 2024, airbench94), for `airbench`.

    Ten epochs in batches of 1,024: Nesterov SGD whose rate rises linearly for 23 % of the steps and then falls
    linearly, label smoothing 0.2, mirroring and random crops after padding by 2 pixels. The paper reaches 94 % on
    CIFAR-10; not verified here. Departures: images are mirrored at random, not alternately; no average of the weights,
    no mirrored test images; the whitening filters are fixed (see the network). With a smaller batch_size, lower
    optimizer.lr in proportion.
    """
    return Recipe(
        name="airbench",
        epochs=10,
        batch_size=1024,
        validation="own" if data.validation_images else 0.1,
        select="last",
        normalize="channel",
        optimizer=SGD(lr=1.5, momentum=0.85, nesterov=True, weight_decay=1.33e-3),
        schedule=OneCycle(peak_at=0.23, start_divisor=5.0, end_divisor=14.0, shape="linear"),
        label_smoothing=0.2,
        augment=Augment(flip=data.photographs, crop=2),
    )


def from_package(plugin: Plugin, loaded: Any) -> Choose:
    """Return the recipe that a package adds: its function, whose result is checked and named in full.

    Raises:
        BakeoffError: it is not callable.
    """
    if not callable(loaded):
        raise BakeoffError(f"{plugin} is a {type(loaded).__name__}: expected a function of (network, data set)")

    @wraps(loaded)
    def choose(net: str, data: DataInfo) -> Recipe:
        with plugin.described(f"fails for {net} on {data.name}"):
            recipe = loaded(net, data)
        if not isinstance(recipe, Recipe):
            raise BakeoffError(f"{plugin} must return a bakeoff.Recipe, but returns {type(recipe).__name__}")
        return replace(recipe, name=plugin.full_name)

    return choose


RECIPES: Registry[Choose] = Registry(
    {
        "quick": quick,
        "modern": modern,
        "afif2018": afif2018,
        "clark2020": clark2020,
        "srivastava2020": srivastava2020,
        "skoularikis2021": skoularikis2021,
        "airbench": airbench,
        "probe": probe,
        "finetune": finetune,
    },
    "bakeoff.recipes",
    from_package,
)
"""The recipes of bakeoff, and those that installed packages add."""


def recipe_for(cell: GridCell, data: DataInfo) -> Recipe:
    """Return the recipe of one cell of a study, including its changes.

    Raises:
        BakeoffError: there is no such recipe, or the changes are invalid.
    """
    plain = find(RECIPES, cell.recipe, "recipe")(cell.net, data)
    changed = change(plain, cell.all_changes)
    if cell.label:
        changed = replace(changed, name=f"{change(plain, cell.changes).name} ({cell.label})")
    return changed


def recipe_as_changes(recipe: Recipe) -> tuple[str, dict[str, Any]]:
    """Return a user's own recipe as the name of one of `RECIPES` and changes to all of its fields.

    The name is the one that the recipe's own name begins with, else `quick`; tables list what differs from it.
    """
    base = recipe.name.partition(" (")[0]
    changes: dict[str, Any] = {}
    for field, value in to_dict(recipe, full=True).items():
        if field != "name":
            own = getattr(recipe, field)
            changes[field] = "none" if value is None else to_dict(own) if isinstance(own, Value) else value
    return base if base in RECIPES else "quick", changes


def named_alike(planned: Sequence[tuple[GridCell, DataInfo, Recipe]]) -> list[Recipe]:
    """Return the recipes of cells, with one name per treatment, so that its cells share a table.

    The name lists what is changed for at least one cell; for others the recipe may have it anyway.
    """
    changes: dict[str, dict[str, Any]] = {}
    for cell, data, _ in planned:
        plain, shown = RECIPES[cell.recipe](cell.net, data), cell._replace(variant={}) if cell.label else cell
        changes.setdefault(_treatment(cell), {}).update(difference(plain, recipe_for(shown._replace(label=""), data)))
    alike = [named(recipe, cell.recipe, changes[_treatment(cell)]) for cell, _, recipe in planned]
    return [
        replace(recipe, name=f"{recipe.name} ({cell.label})") if cell.label else recipe
        for (cell, _, _), recipe in zip(planned, alike, strict=True)
    ]


def _treatment(cell: GridCell) -> str:
    return digest([cell.recipe, cell.changes, cell.variant, cell.label])
