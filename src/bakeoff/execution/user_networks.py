"""Users' own networks, from files or given in Python as classes and functions, and their names."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.data.local_folders import cache_folder
from bakeoff.execution.isolate import run_isolated
from bakeoff.execution.tryout import warn
from bakeoff.spec.paths import write_output
from bakeoff.spec.values import digest

if TYPE_CHECKING:
    from bakeoff.nets.sources import Sources
    from bakeoff.nets.user_file import Contents

READ: dict[str, "Contents"] = {}
"""Contents of files, by the digest of their sources."""


def add_network(given: str) -> str:
    """Read a network from a file and return its name.

    Args:
        given: "my_net.py" or "my_net.py:TinyNet"; see `nets.user_file.register_net`.

    Raises:
        BakeoffError: there is no such file, it fails, or it has no such network, or several.
    """
    from bakeoff.nets import sources, user_file

    path, wanted = user_file.split(given)
    return _enter(sources.gather_file(path), wanted)


def add_object(given: Any) -> str:
    """Write the source of a network given as a class or function to a file, and return the network's name.

    Raises:
        BakeoffError: its source is not known, or as `add_network`.
    """
    from bakeoff.nets import from_object, sources

    found = from_object.gather_object(given)
    path = cache_folder() / "networks" / f"{found.name}-{digest(found.text)[:8]}.py"
    write_output(path, found.text)
    return _enter(sources.gather_file(path, found.folder), found.name)


def _enter(texts: "Sources", wanted: str | None) -> str:
    """Read a network in a separate process, warn about anything unexpected, and return its name."""
    from bakeoff.nets import sources, user_file

    path, key = Path(texts[""].file), sources.digest_sources(texts)
    if key not in READ:
        READ[key] = run_isolated(user_file.read_contents, texts, doing=f"reading {path}")
        if changed := READ[key].changed:
            warn(
                f"{path.name} changes {', '.join(changed)} when it is read: this is undone, since it would affect "
                "other networks; move what the network needs of it into the network's own code"
            )
        if outside := READ[key].outside:
            warn(
                f"{path.name} imports {', '.join(outside)} from outside its folder: a change there will not be noticed"
            )
    return user_file.register_net(texts, READ[key].names, wanted)
