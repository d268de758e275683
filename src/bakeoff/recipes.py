"""One function per recipe: (network, facts of the data set) → everything about training that changes the result.

The docstring of each is its protocol: where it comes from, what to expect, how it departs. A recipe may treat
networks differently where its study did, and data sets where their images differ; it never looks at pixels.
"""

from collections.abc import Callable, Mapping

from bakeoff.spec import (
    L2,
    SGD,
    Adadelta,
    Adam,
    AdamW,
    Augment,
    DataInfo,
    Image,
    OneCycle,
    Plateau,
    Recipe,
    Stop,
    Validation,
)


def quick(net: str, data: DataInfo) -> Recipe:
    """A good answer soon: AdamW on one cycle, normalised inputs, small shifts, mirroring where it makes sense.

    Passes over the data are few for large sets and more for small ones, about 300,000 images in all and between
    5 and 20 epochs. Images of a folder come in 64×64. A tenth of the training images is set aside to watch, or
    the folder's own `val/` is used. The last epoch is reported: nothing is chosen, nothing can be over-chosen.
    """
    is_folder = data.name.startswith("folder:")
    validation: Validation = "own" if data.validation_images else 0.1
    return Recipe(
        name="quick",
        epochs=min(20, max(5, round(300_000 / max(1, data.train_images)))),
        batch_size=64 if data.train_images < 10_000 else 128,
        validation=validation,
        select="last",
        normalize="channel",
        optimizer=AdamW(lr=3e-3, weight_decay=0.05),
        schedule=OneCycle(),
        image=Image(size=(64, 64)) if is_folder else Image(),
        augment=Augment(shift=0.1, flip=data.photographs),
    )


KERAS_ADAM = Adam(lr=1e-3, eps=1e-7, eps_before_correction=True)
KERAS_ADADELTA = Adadelta(lr=1.0, rho=0.95, eps=1e-7)


def afif2018(net: str, data: DataInfo) -> Recipe:
    """The comparison of LeNet-5, VGG-like, ResNet20 v1/v2 and SqueezeNet of 2018.

    Ten epochs in batches of 128 on raw 0–255 pixels (SVHN: standardised per pixel position, 6,000 training images
    per class), the test set watched as validation set, the last epoch reported. Adadelta as Keras 2.1 had it; the
    residual networks use Adam, l2(1e-4) on their convolutions, shifts up to 10 % and mirroring, on digits too.
    Expect 0.983 for lenet-afif on MNIST. Departure: none known in what is trained; Keras drew other random numbers.
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

    Pixels 0–1, 15 % validation, Adam as Keras has it (VGG-A never trained with it: SGD 0.01, momentum 0.1), the
    rate halved when the training loss has not fallen by 1e-4 for 3 epochs, stopped after 7 such epochs, 50 epochs
    at most. Last epoch reported. The batch size is not given: 32 is Keras' own. Departure: the study resumed runs
    whose loss still fell; here that is a choice (`--set epochs=100`).
    """
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
        l2=L2(5e-4, "dense") if net == "vgg-a" else L2(1e-4, "convolutions") if net.startswith("resnet") else None,
    )


RECIPES: Mapping[str, Callable[[str, DataInfo], Recipe]] = {
    "quick": quick,
    "afif2018": afif2018,
    "clark2020": clark2020,
}
