"""The range of values used by image files with more than 8 bits per channel. No Pillow."""

from bakeoff.spec.values import Value


class Depth(Value, frozen=True):
    """The values that become black and white in files with more than 8 bits per channel."""

    black: int = 0
    white: int = 2**16 - 1

    @classmethod
    def of(cls, lowest: int, highest: int) -> "Depth":
        """Return the depth for values in this range: from 0, or `lowest` if negative, to the next 2^n - 1.

        Rounding to whole bits keeps it stable when images are added: values up to 3,900 take 12 bits, and 4,095 is
        white.
        """
        return cls(min(0, lowest), 2 ** max(8, highest.bit_length()) - 1)


FULL = Depth()
