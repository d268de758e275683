"""Recipes for any images: quick and modern for networks from scratch, probe and finetune for pretrained ones."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bakeoff.data.source_name import IMAGE_FILES
from bakeoff.spec.data import DataInfo
from bakeoff.spec.recipe import SGD, AdamW, Augment, Cosine, Image, OneCycle, Probe, Recipe, Validation

if TYPE_CHECKING:
    from bakeoff.nets.weights import Weights

FOLDER_SIDE = 64
"""Side in pixels to which `quick` resizes a folder's images, unless they all have the same size and it is no larger."""


def quick(net: str, data: DataInfo) -> Recipe:
    """A good answer quickly: AdamW with the one-cycle schedule, normalised inputs, small shifts, mirroring if sensible.

    Trains on about 300,000 images in 5 to 20 epochs: fewer epochs for large data sets, more for small ones. Images of a
    folder are centre-cropped to 64×64, unless they all have the same size and it is no larger. A tenth of the training
    images, or the folder's own `val/`, is used for validation. The last epoch is reported, so there is no selection
    bias.
    """
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
        image=_image_of_folder(data) if data.name.startswith(IMAGE_FILES) else Image(),
        augment=Augment(shift=0.1, flip=data.photographs),
    )


def modern(net: str, data: DataInfo) -> Recipe:
    """Modern training from scratch, for small and medium-sized images; takes longer than `quick`.

    AdamW with warm-up and cosine decay, label smoothing, gradient clipping and a moving average of the weights, which
    is what is evaluated; mixup and CutMix, each for half of the images. Photographs are mirrored and get
    TrivialAugment; other images, such as digits, get two weak operations of RandAugment, which rotate them by at most
    9 degrees. Images larger than 64×64 are cropped to random windows of 35 to 100 % of their area; smaller ones are
    shifted by up to an eighth of the side, with a black border (He et al. 2015).

    Trains on about 1,500,000 images in 30 to 100 epochs. On scikit-learn's digits it is no better than `quick`. Size,
    validation images and normalisation are those of `quick`. The settings follow Wightman, Touvron & Jégou 2021,
    "ResNet strikes back", A3, and Liu et al. 2022 (ConvNeXt), milder for short trainings; departures:
    cross-entropy, no stochastic depth, no repeated augmentation.
    """
    plain, shape = quick(net, data), data.shape
    is_large = shape is None or max(shape.height, shape.width) > FOLDER_SIDE
    return replace(
        plain,
        name="modern",
        epochs=min(100, max(30, round(1_500_000 / max(1, data.train_images)))),
        optimizer=AdamW(lr=2e-3, weight_decay=0.05),
        schedule=Cosine(warmup_epochs=3.0, final=0.01),
        augment=Augment(
            resized_crop=(0.35, 1.0) if is_large else (1.0, 1.0),
            crop=0 if shape is None or is_large else max(1, min(shape.height, shape.width) // 8),
            flip=data.photographs,
            policy="trivial" if data.photographs else "rand",
            mixup=0.2,
            cutmix=1.0,
        ),
        label_smoothing=0.1,
        clip_norm=1.0,
        average=0.999,
    )


def probe(net: str, data: DataInfo) -> Recipe:
    """Fits only the classifier of a pretrained network, on its frozen features: takes minutes on a CPU.

    The features of all images are computed once, for all seeds and later commands; a multinomial logistic regression on
    them becomes the classifier, with its L2 penalty chosen by the loss on a tenth of the training images or the
    folder's own `val/`. Images have the size, interpolation and normalisation that the weights were trained with. A
    network without pretrained weights has random features, which serve as a baseline; for it, images of a folder are
    64×64 as in `quick`, with pixels from 0 to 1. The method is that of Kornblith, Shlens & Le 2019, "Do better ImageNet
    models transfer better?", section 3; departures: features are standardised, 9 penalties are tried instead of 45, and
    images are stretched to the size of the weights instead of cropped.
    """
    from bakeoff.nets.pretrained import find_weights  # loads torch

    weights = find_weights(net)
    plain = _image_of_folder(data) if data.name.startswith(IMAGE_FILES) else Image()
    return Recipe(
        name="probe",
        epochs=1,
        batch_size=16,  # EfficientNet-Lite0 computes features in 9 ms and 0.6 GB on a CPU; with 64, in 11 ms and 2.3 GB
        validation="own" if data.validation_images else 0.1,
        select="last",
        normalize="weights" if weights and weights.mean else "unit",
        optimizer=SGD(lr=1e-3),  # not used
        image=_image_of_weights(weights) if weights and weights.size else plain,
        probe=Probe(),
    )


def finetune(net: str, data: DataInfo) -> Recipe:
    """Trains all layers of a pretrained network further: slower than `probe`, usually better, best on a GPU.

    AdamW with warm-up and cosine decay, label smoothing and gradient clipping. The network is divided into up to 12
    parts, each with 0.75 times the learning rate of the next; the classifier starts at zero and has twice the rate.
    Batch normalisation keeps the statistics of the weights. Images are cropped to random windows of 35 to 100 % of
    their area, and photographs are mirrored. Size, interpolation and normalisation are those of the weights. Trains on
    about 20,000 images in 3 to 15 epochs. A network without weights is an error: use `modern`. On 300 images of
    TrashNet, this was better than batch statistics, a randomly initialised classifier and lower rates (LOG.md,
    2026-11-26).

    Layer-wise rates are from Howard & Ruder 2018, their values for convolutional networks from Liu et al. 2022
    (ConvNeXt). Departure: images are stretched to the size of the weights.
    """
    from bakeoff.nets.pretrained import find_weights  # loads torch

    weights = find_weights(net)
    plain = _image_of_folder(data) if data.name.startswith(IMAGE_FILES) else Image()
    return Recipe(
        name="finetune",
        epochs=min(15, max(3, round(20_000 / max(1, data.train_images)))),
        batch_size=32,
        validation="own" if data.validation_images else 0.1,
        select="last",
        normalize="channel" if weights and not weights.mean else "weights",
        optimizer=AdamW(lr=1e-3, weight_decay=0.05),
        schedule=Cosine(warmup_epochs=1.0, final=0.01),
        image=_image_of_weights(weights) if weights and weights.size else plain,
        augment=Augment(resized_crop=(0.35, 1.0), flip=data.photographs),
        label_smoothing=0.1,
        clip_norm=1.0,
        zero_head=True,
        head_rate=2.0,
        layer_decay=0.75,
        frozen_norm=True,
    )


def _image_of_weights(weights: "Weights") -> Image:
    return Image(size=weights.size, interpolation="bicubic" if weights.interpolation == "bicubic" else "bilinear")


def _image_of_folder(data: DataInfo) -> Image:
    is_small = data.shape is not None and max(data.shape.height, data.shape.width) <= FOLDER_SIDE
    return Image(size=None if is_small else (FOLDER_SIDE, FOLDER_SIDE), fit="crop")
