"""How the learning rate changes and when training ends: parts of a recipe."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from bakeoff.spec.values import Count, Fraction, NotNegative, Positive, Value

Monitor: TypeAlias = Literal["train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]


class Constant(Value, frozen=True, tag="constant", tag_field="name"):
    """The learning rate never changes."""


class Steps(Value, frozen=True, tag="steps", tag_field="name"):
    """Multiply the learning rate by `factor` after each of `epochs` (counted from 1)."""

    epochs: tuple[Count, ...]
    """After which."""
    factor: Positive
    """On the rate."""


class Plateau(Value, frozen=True, tag="plateau", tag_field="name"):
    """Multiply the learning rate by `factor` when `monitor` has not improved by `threshold` for `patience` epochs."""

    monitor: Monitor
    """What must improve."""
    factor: Positive
    """On the rate."""
    patience: Count
    """Epochs to wait."""
    threshold: NotNegative = 0.0
    """Smaller improvements do not count."""
    floor: NotNegative = 0.0
    """The rate does not fall below it."""


class Cosine(Value, frozen=True, tag="cosine", tag_field="name"):
    """Half a cosine from the learning rate to `final` times it, step by step, after a linear warm-up."""

    warmup_epochs: NotNegative = 0.0
    """Epochs, or parts of one, in which the rate rises from zero."""
    final: Fraction = 0.0
    """Share of the rate at the end."""


class OneCycle(Value, frozen=True, tag="one-cycle", tag_field="name"):
    """Rise from lr/`start_divisor` to lr in the first `peak_at` of all steps, fall to lr/`end_divisor`.

    Smith & Topin 2018.
    """

    peak_at: Fraction = 0.3
    """Share of all steps at which the rate is highest."""
    start_divisor: Positive = 25.0
    """The rate begins at the highest divided by this."""
    end_divisor: Positive = 1e4
    """It ends at the highest divided by this."""
    shape: Literal["cosine", "linear"] = "cosine"
    """Shape of rise and fall: half a cosine, or straight lines (a triangle)."""


class Cooldown(Value, frozen=True, tag="cooldown", tag_field="name"):
    """Constant after a linear warm-up, then a linear fall to `final` times the rate in the last `share` of the epochs.

    Until the fall begins nothing depends on the number of epochs, so a run of more epochs resumes from there (Zhai et
    al. 2022, "Scaling vision transformers"; Hägele et al. 2024).
    """

    share: Annotated[float, Meta(gt=0, le=1)] = 0.2
    """Of the epochs, in which the rate falls."""
    warmup_epochs: NotNegative = 0.0
    """Epochs, or parts of one, in which the rate rises from zero."""
    final: Fraction = 0.0
    """Share of the rate at the end."""

    def begin(self, epochs: int) -> int:
        """Return after how many epochs the fall begins; it takes at least one epoch."""
        return epochs - max(1, round(self.share * epochs))


Schedule: TypeAlias = Constant | Steps | Plateau | Cosine | OneCycle | Cooldown


class Stop(Value, frozen=True):
    """Stop early when `monitor` has not improved by `threshold` for `patience` epochs.

    Keras' restore_best_weights is the recipe's `select`.
    """

    monitor: Monitor
    """What must improve."""
    patience: Count
    """Epochs to wait."""
    threshold: NotNegative = 0.0
    """Smaller improvements do not count."""
