"""`--calibrate` of the commands that use a model."""

from typing import TYPE_CHECKING

from bakeoff.console.terminal import Console

if TYPE_CHECKING:
    from bakeoff.inference.model import Model


def calibrated(model: "Model") -> "Model":
    """Return a model with a temperature fitted on its validation images, and say which it is.

    Raises:
        BakeoffError: the images are not here, have changed, or none were held out for validation.
    """
    from bakeoff.inference.calibration import calibrated as fitted
    from bakeoff.inference.calibration import is_at_limit

    found, console = fitted(model), Console(stderr=True)
    console.print(f"temperature {found.temperature:.3f}, fitted on validation images", style="dim")
    if is_at_limit(found.temperature):
        console.print(
            "[yellow]note[/]: this is the limit, as if all validation images were classified correctly, or at random: "
            "there are too few of them to say how sure the model should be",
            soft_wrap=True,
        )
    return found
