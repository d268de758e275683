"""How many of the bits of an image file hold something. No Pillow."""

from bakeoff.spec.values import Value


class Depth(Value, frozen=True):
    """Which values of files with more than 8 bits a channel become black and white."""

    black: int = 0
    white: int = 2**16 - 1

    @classmethod
    def of(cls, lowest: int, highest: int) -> "Depth":
        """Return the depth of data with these values: from 0, or from the lowest if that is negative, to all bits set.

        So more images of the same kind do not change it: values up to 3,900 take 12 bits, and 4,095 is white.
        """
        return cls(min(0, lowest), 2 ** max(8, highest.bit_length()) - 1)


FULL = Depth()
