"""What recipes and tables may know of a data set: names, shapes and counts, no pixels. No torch."""

import msgspec

from bakeoff.errors import BakeoffError
from bakeoff.spec.values import Count, Value

MOST_VALUES = 10**9
"""Of an image whose shape a user gives."""


class ImageShape(Value, frozen=True):
    """Channels, height and width of one image, in pixels; written "3x32x32"."""

    channels: Count
    height: Count
    width: Count

    @classmethod
    def parse(cls, text: str) -> "ImageShape":
        """Read "3x32x32" or "1x28x28".

        Raises:
            BakeoffError: the text is not three positive whole numbers joined by "x".
        """
        try:
            channels, height, width = (int(part) for part in text.lower().replace("×", "x").split("x"))
            shape = msgspec.convert({"channels": channels, "height": height, "width": width}, cls)
        except (ValueError, msgspec.ValidationError) as error:
            raise BakeoffError(f"{text!r} is not an image shape: write CHANNELSxHEIGHTxWIDTH, e.g. 3x32x32") from error
        if channels * height * width > MOST_VALUES:
            raise BakeoffError(f"an image of {text} has too many values: there can be {MOST_VALUES:,}")
        return shape

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"


class DataInfo(Value, frozen=True):
    """What recipes and tables may know of a data set: facts, no pixels."""

    name: str
    shape: ImageShape | None
    """None while the images of a folder have several sizes."""
    classes: tuple[str, ...]
    content_hash: str
    train_images: int
    validation_images: int
    """Size of the data set's own validation split, 0 if it has none."""
    test_images: int
    photographs: bool
    """Scenes and things that keep their meaning in the mirror; digits and letters do not."""


def data_label(name: str) -> str:
    """Return the name of a data set for tables: of a folder only the last part of its path."""
    kind, colon, path = name.partition(":")
    return f"{kind}:{path.rstrip('/').rpartition('/')[2]}" if colon else name
