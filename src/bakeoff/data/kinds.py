"""Classifies files and folders without opening images: image, other file, or clutter of the system."""

import os
from pathlib import Path

EXTENSIONS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif", ".hif", ".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm"),
)
"""Files with these extensions count as images whatever their content."""
RAW = (".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw")
"""Camera raw files. Some contain a thumbnail that a TIFF reader would take for the image."""
UNREAD = (
    *(".tga", ".ico", ".icns", ".cur", ".pcx", ".dds", ".sgi", ".xpm", ".xbm", ".psd", ".xcf", ".eps", ".svg", ".svgz"),
    *(".exr", ".hdr", ".pfm", ".fits", ".fit", ".dcm", ".nii", ".jxr", ".wdp", ".emf", ".wmf"),
)
"""Image formats that are not supported: rarely photographs, and some have no reliable signature."""
TEXTS = (".txt", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".toml", ".md", ".html", ".htm", ".svg", ".py")
"""Files whose content is not checked for a signature: there may be as many of them as images."""
SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xffO\xffQ": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
}
BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"hei": "HEIC", b"hev": "HEIC", b"mif1": "HEIC"}
"""Prefixes of the brands that ISO 14496-12 files list from byte 8 on; the first match counts."""

CLUTTER = frozenset(
    (
        *("__macosx", "_ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "@recycle", "#recycle"),
        *("#snapshot", "lost+found", "$recycle.bin", "recycler", "found.000", "system volume information"),
        *("__pycache__", "node_modules", "site-packages"),
    )
)
"""Lower-case names of files and folders that operating systems, file shares and programs create."""
MARKERS = ("CACHEDIR.TAG", "pyvenv.cfg", "conda-meta", ".bakeoff-figures")
"""Marks caches (https://bford.info/cachedir/), Python environments and folders of exported figures."""
SQLITE = b"SQLite format 3\0"
NOT_AN_IMAGE = ("not an image (", "no image (")
"""How `describe_other_file` begins for ordinary files; earlier versions of bakeoff wrote the second."""


def is_clutter(entry: os.DirEntry[str] | Path) -> bool:
    """Return whether an entry is hidden, a cache, part of a store, or created by the system."""
    name = entry.name
    if name.startswith(".") or name.lower() in CLUTTER:
        return True
    if not is_folder(entry):
        return False
    path = Path(entry)
    return _is_of_store(path) or any(os.path.lexists(path / marker) for marker in MARKERS)


def _is_of_store(folder: Path) -> bool:
    """Return whether a folder belongs to a store, such as `bakeoff.db.files` to `bakeoff.db`."""
    if folder.suffix != ".files":
        return False
    store = folder.with_suffix("")
    return store.suffix == ".db" or is_database(store)


def is_database(path: Path) -> bool:
    """Return whether a file is an SQLite database, as stores are."""
    return first_bytes(path).startswith(SQLITE)


def is_folder(entry: os.DirEntry[str] | Path) -> bool:
    """Return whether `entry` is a folder or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def first_bytes(path: Path) -> bytes:
    """Return the first 32 bytes of a regular file, else nothing: reading a pipe could block."""
    try:
        if not path.is_file() or not path.stat().st_size:  # files in /proc have size 0 and could block, too
            return b""
        with path.open("rb") as file:
            return file.read(32)
    except OSError:
        return b""


def is_image(path: str) -> bool:
    """Return whether a regular file is an image, by its extension or else by its signature."""
    if path.lower().endswith(EXTENSIONS):
        return True
    return not path.lower().endswith((*TEXTS, *RAW)) and image_format(first_bytes(Path(path))) is not None


def image_format(content: bytes) -> str | None:
    """Return the image format by the first bytes of a file, None if it is unknown."""
    for signature, name in SIGNATURES.items():
        if content.startswith(signature):
            return name
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[:2] == b"BM" and content[6:10] == bytes(4):
        return "BMP"
    if content[4:8] != b"ftyp":
        return None
    return next((name for brand, name in BRANDS.items() if brand in content[8:]), None)


def describe_other_file(path: str) -> str:
    """Return what a file that is not read as an image is, by its extension."""
    extension = os.path.splitext(path)[1].lower()  # noqa: PTH122 names may hold anything
    if extension in UNREAD:
        return f"unsupported image format ({extension}): convert it"
    if extension in RAW:
        return f"camera raw file ({extension}): convert it"
    return f"not an image ({extension})" if extension else "not an image (no extension)"
