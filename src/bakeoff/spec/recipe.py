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
from bakeoff.spec.values import Count, Fraction, NotNegative, Positive, Share, Value, digest, to_dict

Monitor: TypeAlias = Literal["train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]
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


class Cooldown(Value, frozen=True, tag="cooldown", tag_field="name"):
    """Constant after a linear warm-up, then a linear fall to `final` times the rate in the last `share` of the epochs.

    Until the fall begins nothing depends on the number of epochs, so a run of more epochs resumes from there (Zhai et
    al. 2022, "Scaling vision transformers"; Hägele et al. 2024).
    """

    share: Annotated[float, Meta(gt=0, le=1)] = 0.2
    warmup_epochs: NotNegative = 0.0
    final: Fraction = 0.0

    def begin(self, epochs: int) -> int:
        """Return after how many epochs the fall begins; it takes at least one epoch."""
        return epochs - max(1, round(self.share * epochs))


Schedule: TypeAlias = Constant | Steps | Plateau | Cosine | OneCycle | Cooldown


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
    batch_size: Count
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
        """Digest of all settings except the name: equal keys mean equal training."""
        return digest({name: value for name, value in to_dict(self).items() if name != "name"})


def describe_settings(recipe: Recipe) -> dict[str, Any]:
    """Return the settings of a recipe that have an effect, for display: a probe has no optimizer."""
    settings = to_dict(recipe, full=True)
    return {name: value for name, value in settings.items() if not recipe.probe or name in USED_BY_PROBE}
