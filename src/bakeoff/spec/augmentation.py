"""How training images are changed at random: a part of a recipe."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from bakeoff.spec.values import Fraction, NotNegative, Positive, Value

Area: TypeAlias = Annotated[float, Meta(gt=0, le=1)]
Concentration: TypeAlias = Annotated[float, Meta(ge=0, le=100)]


class Augment(Value, frozen=True):
    """Random augmentation of training images, drawn per image and epoch. All off by default."""

    shift: Fraction = 0.0
    """Largest shift in either direction, as a fraction of the side; sub-pixel (Keras' width/height_shift_range)."""
    crop: Annotated[int, Meta(ge=0)] = 0
    """Pad every side by this many zero pixels, then crop a random window of the old size (He et al. 2015)."""
    flip: bool = False
    """Mirror left-right with probability one half."""
    rotation: NotNegative = 0.0
    """Largest angle in either direction, in degrees."""
    shear: Annotated[float, Meta(ge=0, lt=90)] = 0.0
    """Largest shear angle in either direction, in degrees."""
    zoom: tuple[Positive, Positive] = (1.0, 1.0)
    """Smallest and largest magnification."""
    brightness: Fraction = 0.0
    """The factor is drawn from 1 ± this value, as for contrast and saturation."""
    contrast: Fraction = 0.0
    """The factor on the distance from the mean grey is drawn from 1 ± this value."""
    saturation: Fraction = 0.0
    """The factor on the distance from grey is drawn from 1 ± this value."""
    cutout: Annotated[int, Meta(ge=0)] = 0
    """Side in pixels of one square set to zero after normalisation (DeVries & Taylor 2017)."""
    fill: Literal["nearest", "zero"] = "nearest"
    """What fills the border when images are shifted, rotated, sheared or shrunk."""
    resized_crop: tuple[Area, Area] = (1.0, 1.0)
    """Enlarge a random window to the whole image: smallest and largest share of the area (Szegedy et al. 2015)."""
    resized_crop_ratio: tuple[Positive, Positive] = (3 / 4, 4 / 3)
    """Smallest and largest ratio of that window's width to its height."""
    policy: Literal["none", "trivial", "rand"] = "none"
    """trivial: TrivialAugmentWide, one of 14 operations per image, of random strength (Müller & Hutter 2021); rand:
    RandAugment, several of them, all of one strength (Cubuk et al. 2020)."""
    rand_operations: Annotated[int, Meta(ge=1, le=14)] = 2
    """How many operations RandAugment applies."""
    rand_magnitude: Annotated[int, Meta(ge=0, le=30)] = 9
    """The strength of its operations, from 0 to 30."""
    mixup: Concentration = 0.0
    """Mix each image and label with another one; its share is drawn from Beta(a, a) (Zhang et al. 2018)."""
    cutmix: Concentration = 0.0
    """Paste a rectangle of another image and mix the labels by area, also drawn from Beta(a, a) (Yun et al. 2019).

    With mixup as well, each image is changed by one of the two.
    """

    def __post_init__(self) -> None:
        if self.zoom[0] > self.zoom[1]:
            raise ValueError("zoom takes the smaller magnification first")
        if self.resized_crop[0] > self.resized_crop[1]:
            raise ValueError("resized_crop takes the smaller share first")
        if self.resized_crop_ratio[0] > self.resized_crop_ratio[1]:
            raise ValueError("resized_crop_ratio takes the smaller ratio first")
