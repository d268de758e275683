"""Files in a place that several machines see: a folder, a shared file system or an object store, by fsspec."""

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bakeoff.data.shipping import CHUNK
from bakeoff.errors import BakeoffError, first_line


@dataclass(frozen=True)
class RemoteFolder:
    """A folder by its URL: a path, `file:///…`, `s3://bucket/folder`, or whatever else fsspec knows."""

    url: str

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system, and the path of the folder on it."""
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise BakeoffError("--checkpoints needs fsspec: pip install 'bakeoff[ray]' or 'bakeoff[slurm]'") from error
        try:
            system, path = url_to_fs(self.url)
        except ImportError as error:  # fsspec says which package is missing
            raise BakeoffError(f"--checkpoints {self.url}: {error}") from error
        except ValueError as error:
            raise BakeoffError(f"--checkpoints {self.url} is neither a folder nor a URL: {error}") from error
        return system, path.rstrip("/")

    def check(self) -> None:
        """Check that files can be written there.

        Raises:
            BakeoffError: they cannot.
        """
        name = f".{secrets.token_hex(8)}.check"
        try:
            self._write(name, b"bakeoff")
            self.delete(name)
        except BakeoffError:
            raise
        except Exception as error:  # each file system has its own
            raise BakeoffError(f"cannot write to --checkpoints {self.url}: {first_line(error)}") from error

    def has(self, name: str) -> bool:
        """Return whether there is such a file."""
        system, folder = self._opened
        system.invalidate_cache()  # another machine may have written it
        return bool(system.exists(f"{folder}/{name}"))

    def size(self, name: str) -> int | None:
        """Return the size of a file in bytes; None if there is none."""
        system, folder = self._opened
        system.invalidate_cache()
        try:
            return int(system.size(f"{folder}/{name}"))
        except FileNotFoundError:
            return None

    def send(self, source: Path, name: str) -> None:
        """Copy a file there. Whoever reads it sees the old content or the new one, whole.

        Raises:
            Exception: it cannot be written; each file system has its own errors.
        """
        system, folder = self._opened
        target = f"{folder}/{name}"
        if not self._is_local:  # an object store replaces objects whole
            system.put_file(str(source), target)
            return
        part = f"{folder}/.{secrets.token_hex(8)}.tmp"
        system.makedirs(target.rpartition("/")[0], exist_ok=True)
        system.put_file(str(source), part)
        Path(part).replace(target)

    def _write(self, name: str, content: bytes) -> None:
        system, folder = self._opened
        if self._is_local:
            system.makedirs(folder, exist_ok=True)
        system.pipe_file(f"{folder}/{name}", content)

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file from there.

        Raises:
            Exception: it cannot be read; each file system has its own errors.
        """
        system, folder = self._opened
        system.get_file(f"{folder}/{name}", str(target))

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content of a file in pieces."""
        system, folder = self._opened
        with system.open(f"{folder}/{name}", "rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def delete(self, name: str) -> None:
        """Delete a file, if it is there and can be deleted: what is left over costs only space."""
        system, folder = self._opened
        with suppress(Exception):
            system.rm_file(f"{folder}/{name}")

    @property
    def _is_local(self) -> bool:
        system, _ = self._opened
        return "file" in ((system.protocol,) if isinstance(system.protocol, str) else system.protocol)


@dataclass(frozen=True)
class SharedFile:
    """The content of a file in such a place."""

    place: RemoteFolder
    name: str

    def chunks(self) -> Iterator[bytes]:
        """Yield it in pieces."""
        return self.place.chunks(self.name)


def share_file(place: RemoteFolder, path: Path) -> SharedFile:
    """Put a file of a pack in the place, unless it is there, and return its content there.

    Raises:
        BakeoffError: it cannot be written.
    """
    name = f"packs/{path.parent.name}/{path.name}"
    try:
        if place.size(name) != path.stat().st_size:
            place.send(path, name)
    except BakeoffError:
        raise
    except Exception as error:  # each file system has its own
        raise BakeoffError(f"cannot write to --checkpoints {place.url}: {first_line(error)}") from error
    return SharedFile(place, name)
