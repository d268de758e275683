"""Facts about a data set that recipes and tables use: names, shapes and counts, no pixels. No torch."""

import msgspec

from bakeoff.errors import BakeoffError
from bakeoff.spec.values import Count, Value

MOST_VALUES = 10**9
"""Upper limit on channels × height × width of a shape given by the user."""


class ImageShape(Value, frozen=True):
    """Channels, height and width of one image, in pixels; written "3x32x32"."""

    channels: Count
    height: Count
    width: Count

    @classmethod
    def parse(cls, text: str) -> "ImageShape":
        """Read "3x32x32" or "1x28x28".

        Raises:
            BakeoffError: the text is not three positive integers joined by "x", or the image would be too large.
        """
        try:
            channels, height, width = (int(part) for part in text.lower().replace("×", "x").split("x"))
            shape = msgspec.convert({"channels": channels, "height": height, "width": width}, cls)
        except (ValueError, msgspec.ValidationError) as error:
            raise BakeoffError(f"{text!r} is not an image shape: write CHANNELSxHEIGHTxWIDTH, e.g. 3x32x32") from error
        if channels * height * width > MOST_VALUES:
            raise BakeoffError(f"an image of {text} has too many values: the limit is {MOST_VALUES:,}")
        return shape

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"


class DataInfo(Value, frozen=True):
    """Facts about a data set: name, classes, shape and sizes."""

    name: str
    shape: ImageShape | None
    """None if a folder's images differ in size and no size has been chosen yet."""
    classes: tuple[str, ...]
    content_hash: str
    train_images: int
    validation_images: int
    """Size of the data set's own validation split; 0 if it has none."""
    test_images: int
    photographs: bool
    """Whether images keep their meaning when mirrored: scenes and objects do, digits and letters do not."""


def data_label(name: str) -> str:
    """Return a data set's name for tables: for a folder or file, only the last part of its path."""
    kind, colon, path = name.partition(":")
    path, mark, options = path.partition("?") if kind in ("csv", "npz", "hf") else (path, "", "")
    return f"{kind}:{path.rstrip('/').rpartition('/')[2]}{mark}{options}" if colon else name
