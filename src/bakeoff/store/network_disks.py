"""Tells whether a store lies on a network file system, where SQLite's locks are not to be trusted. No torch."""

import re
import warnings
from pathlib import Path

from bakeoff.errors import BakeoffWarning

MOUNTS = Path("/proc/self/mounts")
"""Linux's table of mounted file systems."""
NETWORK = (
    "9p afs afpfs beegfs ceph cifs coda davfs davfs2 fuse.ceph fuse.davfs fuse.gcsfuse fuse.glusterfs fuse.goofys "
    "fuse.juicefs fuse.rclone fuse.s3fs fuse.smbnetfs fuse.sshfs gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 "
    "orangefs panfs pvfs2 smb3 smbfs"
)
"""Types of file systems that several machines can use at once, as Linux calls them."""
WARNED: set[Path] = set()
"""Folders of stores that this process has warned about."""


def network_file_system(path: Path) -> str | None:
    """Return the type of the network file system that a path lies on; None if it is local or unknown."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        place = path.resolve()
    except OSError:  # not Linux
        return None
    mounted = [line.split(" ")[1:3] for line in lines if line.count(" ") >= 2]
    around = [(Path(_unescape(where)), kind) for where, kind in mounted]
    found = [(len(where.parts), kind) for where, kind in around if where == place or where in place.parents]
    if not found:
        return None
    deepest = max(depth for depth, _ in found)
    kind = [kind for depth, kind in found if depth == deepest][-1]  # what was mounted last hides the others
    return kind if kind in NETWORK.split() else None


def warn_of_network(path: Path) -> None:
    """Warn, once for each folder, that a store to be written lies on a network file system."""
    folder = path.parent.absolute()
    if folder in WARNED or (kind := network_file_system(folder)) is None:
        return
    WARNED.add(folder)
    warnings.warn(
        f"{path} is on a network file system ({kind}), where SQLite cannot lock files reliably: use a store on a local "
        "disk for each machine, and put them together with `bakeoff merge`",
        BakeoffWarning,
        stacklevel=2,
    )


def _unescape(text: str) -> str:
    """Return a path of the table, in which blanks and other characters are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
