"""What a user's mistake raises, and what a user should know although the work goes on."""


class BakeoffError(Exception):
    """Something the user can put right. The message says what was expected, what was found, what to do.

    The command line prints it as a sentence and exits with 2.
    """


class BakeoffWarning(UserWarning):
    """Something that does not stop the work. The command line prints it as a sentence."""
