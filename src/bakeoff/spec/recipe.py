"""Everything about training that changes a result, as frozen values. No torch, no clock, no paths.

A recipe is a tree of these values. Defaults do nothing: the default augmentation is the identity, the default schedule
a constant learning rate.
"""

from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta
from msgspec.structs import fields, replace

from bakeoff.spec.augmentation import Augment as Augment
from bakeoff.spec.data import ImageShape
from bakeoff.spec.optimizers import SGD as SGD
from bakeoff.spec.optimizers import Adadelta as Adadelta
from bakeoff.spec.optimizers import Adam as Adam
from bakeoff.spec.optimizers import AdamW as AdamW
from bakeoff.spec.optimizers import Optimizer as Optimizer
from bakeoff.spec.schedules import Constant as Constant
from bakeoff.spec.schedules import Cooldown as Cooldown
from bakeoff.spec.schedules import Cosine as Cosine
from bakeoff.spec.schedules import Monitor as Monitor
from bakeoff.spec.schedules import OneCycle as OneCycle
from bakeoff.spec.schedules import Plateau as Plateau
from bakeoff.spec.schedules import Schedule as Schedule
from bakeoff.spec.schedules import Steps as Steps
from bakeoff.spec.schedules import Stop as Stop
from bakeoff.spec.values import Count, Fraction, NotNegative, Positive, Share, Value, digest, to_dict

Interpolation: TypeAlias = Literal["bilinear", "bicubic"]


class Image(Value, frozen=True):
    """How images are resized, before anything else.

    First to `size`, antialiased, then enlarged by the factor `scale` by repeating pixels.
    """

    size: tuple[Count, Count] | None = None
    """Height and width in pixels; None keeps the images' own size."""
    fit: Literal["stretch", "crop", "pad"] = "stretch"
    """stretch ignores the aspect ratio, crop takes the center, pad adds black borders."""
    scale: Count = 1
    """Factor by which pixels are repeated in both directions."""
    interpolation: Interpolation = "bilinear"
    """Many pretrained networks were trained on images that were resized by bicubic interpolation, which is sharper."""

    @property
    def packed(self) -> "Image":
        """The settings that affect how image files are decoded; pixels are repeated later, on the device."""
        return replace(self, scale=1)

    def shape(self, own: ImageShape) -> ImageShape:
        """Return the shape of the network's input for images of shape `own`."""
        height, width = self.size or (own.height, own.width)
        return ImageShape(own.channels, height * self.scale, width * self.scale)


class L2(Value, frozen=True):
    """Keras' l2(strength): adds strength·Σw² to the loss, including the reported loss."""

    strength: Positive
    """Factor on the squares."""
    on: Literal["convolutions", "dense", "hidden-dense", "weights"]
    """Kernels of the convolutions, of the dense layers, of all dense layers but the last, or of both kinds of layer."""


class Probe(Value, frozen=True):
    """Freeze the network and fit only its classifier, on the features of all images, which are computed once.

    The fit is a multinomial logistic regression on standardised features, by L-BFGS: mean cross-entropy plus
    strength/2·Σw² over the weights, not the biases. Batch normalisation uses its running statistics. There are no
    epochs, and nothing is augmented.
    """

    strengths: Annotated[tuple[Positive, ...], Meta(min_length=1)] = (1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4)
    """Tried in this order, each fit starting from the previous; the one with the lowest validation loss is used."""


Validation: TypeAlias = Annotated[float, Meta(gt=0, lt=1)] | Count | Literal["own", "test", "none"]
Normalize: TypeAlias = Literal["raw", "unit", "channel", "pixel", "channel-mean", "pixel-mean", "weights"]
ALL_BUT_CLASSIFIER = "all-but-classifier"
Select: TypeAlias = Literal["last", "best-validation-accuracy", "best-validation-loss"]

USED_BY_PROBE = ("name", "batch_size", "validation", "normalize", "image", "images_per_class", "probe")
"""Fields that have an effect in a recipe with a `probe`. All others except the optimizer keep their defaults."""


class Recipe(Value, frozen=True, kw_only=True, dict=True):
    """All training settings that change the result.

    Example:
        >>> from bakeoff.spec.recipe import Adam
        >>> mine = bakeoff.Recipe(
        ...     name="mine",
        ...     epochs=1,
        ...     batch_size=64,
        ...     validation=0.1,
        ...     select="last",
        ...     normalize="channel",
        ...     optimizer=Adam(lr=0.001),
        ... )
        >>> results = bakeoff.run(nets="linear", data="digits", recipe=mine, seeds=1, store="mine.db")
    """

    name: str
    """For display; not part of a run's id."""
    epochs: Annotated[int, Meta(ge=1, le=10**6)]
    """Most epochs; `stop` may end training sooner."""
    batch_size: Count
    """Images per step."""
    validation: Validation
    """A fraction or number of training images to hold out (stratified, seeded); "own" for the data set's own validation
    split; "none"; or "test", for reproducing studies that selected on the test set (such results are marked)."""
    select: Select
    """How the reported epoch is chosen."""
    normalize: Normalize
    """raw: 0–255; unit: 0–1; the others work on 0–1: channel and pixel subtract the training mean and divide by the
    training standard deviation, per channel or per pixel position; the -mean forms only subtract; weights takes the
    mean and deviation per channel of the images that the network's pretrained weights were trained on."""
    optimizer: Optimizer
    """How weights follow the gradient, and the learning rate."""
    schedule: Schedule = Constant()
    """How the learning rate changes."""
    stop: Stop | None = None
    """When training ends early; none for never."""
    image: Image = Image()
    """How images are resized."""
    augment: Augment = Augment()
    """Random changes of the training images."""
    loss: Literal["cross-entropy", "keras-cross-entropy"] = "cross-entropy"
    """keras-cross-entropy clips the softmax to [1e-7, 1 - 1e-7] before the logarithm, as Keras 2 does."""
    label_smoothing: Fraction = 0.0
    """Share of each label that is spread over all classes."""
    auxiliary_weight: NotNegative = 0.3
    """Weight of the auxiliary classifiers' losses, for networks that have them (GoogLeNet)."""
    l2: L2 | None = None
    """Penalty on the weights in the loss; none for no penalty."""
    images_per_class: Count | None = None
    """Train on a class-balanced random sample of this many images per class, without replacement."""
    probe: Probe | None = None
    """Fit only the classifier; optimizer, epochs and other settings of training steps then have no effect."""
    clip_norm: Positive | None = None
    """Clip the Euclidean norm of the gradient of all weights to this value (Pascanu et al. 2013)."""
    average: Share = 0.0
    """Decay per step of a moving average of the weights, which is evaluated and saved in their place; 0.999 is usual.
    Running statistics of batch normalisation are averaged, too. The decay rises to it: (1 + step) / (10 + step)."""
    zero_head: bool = False
    """Weights and biases of the classifier start at zero instead of at random (Kolesnikov et al. 2020)."""
    head_rate: Positive = 1.0
    """Factor on the learning rate of the classifier, the layers that depend on the number of classes."""
    head_schedule: Schedule | None = None
    """Schedule of the classifier's learning rate; none for that of the other layers."""
    layer_decay: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Factor on the learning rate from layer to layer, from the classifier back to the first (Howard & Ruder 2018).
    Networks with more than 12 layers are divided into 12 parts (Liu et al. 2022)."""
    freeze: str = "none"
    """Weights that stay as they are: all-but-classifier, or modules of the network by name, separated by commas.
    Batch normalisation in them computes with its running statistics, which stay as they are, too."""
    thaw_after: Count | None = None
    """Train frozen parts, too, after this many epochs; none for never."""
    frozen_norm: bool = False
    """All batch normalisation uses its running statistics, which are those of the initial weights."""

    sync_batch_norm: bool = False
    """If several devices train a run, batch normalisation uses the whole batch, not each device's part of it."""

    def __post_init__(self) -> None:
        if self.probe:
            self._check_probe(self.probe)
        watched = {self.select.partition("best-")[2].replace("-", "_")}
        tables = (self.schedule, self.head_schedule, self.stop)
        watched |= {table.monitor for table in tables if isinstance(table, Plateau | Stop)}
        if self.validation == "none" and any(name.startswith("validation") for name in watched):
            raise ValueError("validation is none, but schedule, stop or select monitors it")

    def _check_probe(self, probe: Probe) -> None:
        unused = {field.name: field.default for field in fields(Recipe) if field.name not in USED_BY_PROBE}
        unused |= {"epochs": 1, "select": "last", "optimizer": self.optimizer}
        given = [name for name, value in unused.items() if getattr(self, name) != value]
        if given:
            raise ValueError(
                f"a probe is fitted in one step, without {given[0].replace('_', ' ')}: leave {given[0]} out"
            )
        if self.validation == "none" and len(probe.strengths) > 1:
            raise ValueError("validation is none, so nothing can decide between probe.strengths: give one")

    @cached_property
    def key(self) -> str:
        """Digest of all settings except the name: equal keys mean equal training.

        Example:
            >>> len({run.recipe.key for run in bakeoff.load().runs})  # one recipe for all
            1
        """
        return digest({name: value for name, value in to_dict(self).items() if name != "name"})


def describe_settings(recipe: Recipe) -> dict[str, Any]:
    """Return the settings of a recipe that have an effect, for display: a probe has no optimizer."""
    settings = to_dict(recipe, full=True)
    return {name: value for name, value in settings.items() if not recipe.probe or name in USED_BY_PROBE}
