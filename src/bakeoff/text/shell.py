"""Arguments in commands that messages suggest."""

import os
import shlex
import subprocess


def quote(argument: object) -> str:
    """Return an argument quoted for the shell of this system."""
    text = str(argument)
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)
