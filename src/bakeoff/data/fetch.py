"""Finds original files in a data folder, or downloads them from the first mirror that works; always verified."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from bakeoff.data.dataset import Progress
from bakeoff.data.local_folders import data_folders
from bakeoff.errors import BakeoffError

TIMEOUT = 30
"""Seconds without an answer after which the next mirror is tried."""


@dataclass(frozen=True)
class Remote:
    """One file of a data set as its authors published it."""

    name: str
    md5: str
    mirrors: tuple[str, ...]
    """URLs of its folders; the file's name is appended."""


def fetch(dataset: str, remote: Remote, progress: Progress | None = None) -> Path:
    """Return the verified file at `<data folder>/<dataset>/<name>`, downloading it if it is missing.

    Raises:
        BakeoffError: the file has a wrong checksum, or no mirror has the right file.
    """
    for folder in data_folders():
        path = folder / dataset / remote.name
        if path.is_file():
            _verify(path, remote)
            return path
    return _download(writable_folder(dataset), dataset, remote, progress)


def _verify(path: Path, remote: Remote) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != remote.md5:
        raise BakeoffError(
            f"{path} is damaged or a different file: expected md5 {remote.md5}, found {found} "
            f"({path.stat().st_size:,} bytes); delete it to download it again"
        )


def writable_folder(dataset: str) -> Path:
    """Return the folder of a data set in the first writable data folder; `$BAKEOFF_DATA` may be read-only.

    Raises:
        BakeoffError: no data folder is writable.
    """
    for root in data_folders():
        if _is_writable(root):
            return root / dataset
    places = ", ".join(str(folder) for folder in data_folders())
    raise BakeoffError(f"cannot download {dataset}, no folder is writable ({places}): set $BAKEOFF_DATA")


def _is_writable(folder: Path) -> bool:
    """Return whether files can be written to `folder`, which need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    # Root can write anywhere, but a folder marked read-only should stay unchanged.
    return folder.is_dir() and bool(folder.stat().st_mode & 0o222) and os.access(folder, os.W_OK)


def _download(folder: Path, dataset: str, remote: Remote, progress: Progress | None) -> Path:
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    failures = []
    for mirror in remote.mirrors:
        bar = _Bar(f"{dataset}/{remote.name}", progress) if progress else False
        try:
            path = pooch.retrieve(
                mirror + remote.name,
                known_hash=f"md5:{remote.md5}",
                fname=remote.name,
                path=folder,
                downloader=pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT),
            )
        except (requests.RequestException, ValueError) as error:  # ValueError: wrong checksum
            failures.append(f"{mirror}: {'wrong checksum' if isinstance(error, ValueError) else type(error).__name__}")
        except OSError as error:
            raise BakeoffError(f"cannot write {folder / remote.name}: {error.strerror}") from error
        else:
            return Path(path)
    raise BakeoffError(
        f"could not download {remote.name} ({'; '.join(failures)}): "
        f"put the file with md5 {remote.md5} into {folder} and run the same command again"
    )


class _Bar:
    """A progress bar for pooch that reports to a `Progress`."""

    def __init__(self, what: str, progress: Progress) -> None:
        self.what, self.progress = what, progress
        self.total, self.done = 0, 0

    def update(self, size: int) -> None:
        self.done += size
        self.progress(self.what, min(self.done, self.total), self.total)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        pass
