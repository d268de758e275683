"""What a user's mistake raises, and what a user should know although the work goes on."""

import shlex
import sys


class BakeoffError(Exception):
    """Something the user can put right. The message says what was expected, what was found, what to do.

    The command line prints it as a sentence and exits with 2. Options are named as the command line has them; the
    Python interface puts its own arguments in their place.
    """

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows of it: the sentence alone."""
        return [f"BakeoffError: {self}"]


class Misplaced(BakeoffError):
    """Something was named where it does not belong, and there is no doubt which option was meant."""

    def __init__(self, message: str, option: str, value: str) -> None:
        """Make it of what is wrong, and of the option and the value that say it rightly."""
        super().__init__(message)
        self.option, self.value = option, value

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.option} {self.value}"


class BakeoffWarning(UserWarning):
    """Something that does not stop the work. The command line prints it as a sentence."""


def install(package: str) -> str:
    """Return the command that installs a package for the Python that runs this."""
    return f"{shlex.quote(sys.executable)} -m pip install {package}"
