"""Everything about training that changes a result, as frozen values. No torch, no clock, no paths.

A recipe is a tree of these values. Defaults do nothing: the default augmentation is the identity, the default schedule
a constant learning rate.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from bakeoff.spec.data import ImageShape
from bakeoff.spec.values import Count, Fraction, NotNegative, Positive, Share, Value, digest, to_dict

Monitor: TypeAlias = Literal["train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]


class Image(Value, frozen=True):
    """How images are resized, before anything else.

    First to `size` (antialiased bilinear), then enlarged by the factor `scale` by repeating pixels.
    """

    size: tuple[Count, Count] | None = None
    """Height and width in pixels; None keeps the images' own size."""
    fit: Literal["stretch", "crop", "pad"] = "stretch"
    """stretch ignores the aspect ratio, crop takes the center, pad adds black borders."""
    scale: Count = 1

    def shape(self, own: ImageShape) -> ImageShape:
        """Return the shape of the network's input for images of shape `own`."""
        height, width = self.size or (own.height, own.width)
        return ImageShape(own.channels, height * self.scale, width * self.scale)


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
    saturation: Fraction = 0.0
    cutout: Annotated[int, Meta(ge=0)] = 0
    """Side in pixels of one square set to zero after normalisation (DeVries & Taylor 2017)."""
    fill: Literal["nearest", "zero"] = "nearest"
    """What fills the border when images are shifted, rotated, sheared or shrunk."""

    def __post_init__(self) -> None:
        if self.zoom[0] > self.zoom[1]:
            raise ValueError("zoom takes the smaller magnification first")


class SGD(Value, frozen=True, tag="sgd", tag_field="name"):
    """Stochastic gradient descent as in torch: v = momentum·v + g, w -= lr·v."""

    lr: Positive
    momentum: Fraction = 0.0
    nesterov: bool = False
    weight_decay: NotNegative = 0.0
    """Coupled: adds weight_decay·w to the gradient."""


class Adam(Value, frozen=True, tag="adam", tag_field="name"):
    """Adam (Kingma & Ba 2015). torch's eps is 1e-8, Keras' 1e-7."""

    lr: Positive
    beta1: Share = 0.9
    beta2: Share = 0.999
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    """Coupled: adds weight_decay·w to the gradient."""
    eps_before_correction: bool = False
    """Add eps before the bias correction, as Keras does; torch adds it after."""


class AdamW(Value, frozen=True, tag="adamw", tag_field="name"):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): w -= lr·weight_decay·w besides the Adam step."""

    lr: Positive
    beta1: Share = 0.9
    beta2: Share = 0.999
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.01


class Adadelta(Value, frozen=True, tag="adadelta", tag_field="name"):
    """Adadelta (Zeiler 2012). Keras 2.1: lr 1.0, rho 0.95, eps 1e-7; torch: 1.0, 0.9, 1e-6."""

    lr: Positive
    rho: Fraction = 0.9
    eps: Positive = 1e-6
    weight_decay: NotNegative = 0.0
    """Coupled: adds weight_decay·w to the gradient."""


Optimizer: TypeAlias = SGD | Adam | AdamW | Adadelta


class Constant(Value, frozen=True, tag="constant", tag_field="name"):
    """The learning rate never changes."""


class Steps(Value, frozen=True, tag="steps", tag_field="name"):
    """Multiply the learning rate by `factor` after each of `epochs` (counted from 1)."""

    epochs: tuple[Count, ...]
    factor: Positive


class Plateau(Value, frozen=True, tag="plateau", tag_field="name"):
    """Multiply the learning rate by `factor` when `monitor` has not improved by `threshold` for `patience` epochs."""

    monitor: Monitor
    factor: Positive
    patience: Count
    threshold: NotNegative = 0.0
    floor: NotNegative = 0.0


class Cosine(Value, frozen=True, tag="cosine", tag_field="name"):
    """Half a cosine from the learning rate to `final` times it, step by step, after a linear warm-up."""

    warmup_epochs: NotNegative = 0.0
    final: Fraction = 0.0


class OneCycle(Value, frozen=True, tag="one-cycle", tag_field="name"):
    """Rise from lr/`start_divisor` to lr in the first `peak_at` of all steps, fall to lr/`end_divisor`.

    Smith & Topin 2018.
    """

    peak_at: Fraction = 0.3
    start_divisor: Positive = 25.0
    end_divisor: Positive = 1e4
    shape: Literal["cosine", "linear"] = "cosine"
    """Shape of rise and fall: half a cosine, or straight lines (a triangle)."""


Schedule: TypeAlias = Constant | Steps | Plateau | Cosine | OneCycle


class Stop(Value, frozen=True):
    """Stop early when `monitor` has not improved by `threshold` for `patience` epochs.

    Keras' restore_best_weights is the recipe's `select`.
    """

    monitor: Monitor
    patience: Count
    threshold: NotNegative = 0.0


class L2(Value, frozen=True):
    """Keras' l2(strength): adds strength·Σw² to the loss, including the reported loss."""

    strength: Positive
    on: Literal["convolutions", "dense", "hidden-dense", "weights"]
    """Kernels of the convolutions, of the dense layers, of all dense layers but the last, or of both kinds of layer."""


Validation: TypeAlias = Annotated[float, Meta(gt=0, lt=1)] | Count | Literal["own", "test", "none"]
Normalize: TypeAlias = Literal["raw", "unit", "channel", "pixel", "channel-mean", "pixel-mean"]
Select: TypeAlias = Literal["last", "best-validation-accuracy", "best-validation-loss"]


class Recipe(Value, frozen=True, kw_only=True):
    """All training settings that change the result."""

    name: str
    """For people; not part of a run's id."""
    epochs: Annotated[int, Meta(ge=1, le=10**6)]
    batch_size: Count
    validation: Validation
    """A fraction or number of training images to hold out (stratified, seeded); "own" for the data set's own validation
    split; "none"; or "test", for reproducing studies that selected on the test set (such results are marked)."""
    select: Select
    """How the reported epoch is chosen."""
    normalize: Normalize
    """raw: 0–255; unit: 0–1; the others work on 0–1: channel and pixel subtract the training mean and divide by the
    training standard deviation, per channel or per pixel position; the -mean forms only subtract."""
    optimizer: Optimizer
    schedule: Schedule = Constant()
    stop: Stop | None = None
    image: Image = Image()
    augment: Augment = Augment()
    loss: Literal["cross-entropy", "keras-cross-entropy"] = "cross-entropy"
    """keras-cross-entropy clips the softmax to [1e-7, 1 - 1e-7] before the logarithm, as Keras 2 does."""
    label_smoothing: Fraction = 0.0
    auxiliary_weight: NotNegative = 0.3
    """Weight of the auxiliary classifiers' losses, for networks that have them (GoogLeNet)."""
    l2: L2 | None = None
    images_per_class: Count | None = None
    """Train on a class-balanced random sample of this many images per class, without replacement."""

    def __post_init__(self) -> None:
        watched = {self.select.partition("best-")[2].replace("-", "_")}
        watched |= {table.monitor for table in (self.schedule, self.stop) if isinstance(table, Plateau | Stop)}
        if self.validation == "none" and any(name.startswith("validation") for name in watched):
            raise ValueError("validation is none, but schedule, stop or select monitors it")

    @property
    def key(self) -> str:
        """Digest of all settings except the name: equal keys mean equal training."""
        return digest({name: value for name, value in to_dict(self).items() if name != "name"})
