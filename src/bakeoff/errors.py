"""The one exception a user's mistake raises: the command line prints it as a sentence and exits with 2."""


class BakeoffError(Exception):
    """Something the user can put right. The message says what was expected, what was found, what to do."""
