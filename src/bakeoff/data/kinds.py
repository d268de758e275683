"""What a file or folder is, before an image is opened: an image, something else, or what others left there."""

import os
from pathlib import Path

EXTENSIONS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif", ".hif", ".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm"),
)
"""Names of files that are taken for images without a look into them."""
RAW = (".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw")
"""Cameras' raw files: some hold a small picture that a reader of TIFF would take for the whole."""
UNREAD = (
    *(".tga", ".ico", ".icns", ".cur", ".pcx", ".dds", ".sgi", ".xpm", ".xbm", ".psd", ".xcf", ".eps", ".svg", ".svgz"),
    *(".exr", ".hdr", ".pfm", ".fits", ".fit", ".dcm", ".nii", ".jxr", ".wdp", ".emf", ".wmf"),
)
"""Images of kinds that are not read: few photographs are in them, and some of them can be taken for anything."""
TEXTS = (".txt", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".toml", ".md", ".html", ".htm", ".svg", ".py")
"""Files that need no look into them: they may be as many as the images."""
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
"""How the brands begin that files in the container of ISO 14496-12 name from byte 8 on; the first found here counts."""

CLUTTER = frozenset(
    (
        *("__macosx", "_ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "@recycle", "#recycle"),
        *("#snapshot", "lost+found", "$recycle.bin", "recycler", "found.000", "system volume information"),
        *("__pycache__", "node_modules", "site-packages"),
    )
)
"""Names, in lower case, of what systems, shares and programs leave beside a user's files."""
MARKERS = ("CACHEDIR.TAG", "pyvenv.cfg", "conda-meta", ".bakeoff-figures")
"""What lies in caches (https://bford.info/cachedir/), in environments of Python and in folders of drawn figures."""
SQLITE = b"SQLite format 3\0"


def is_clutter(entry: os.DirEntry[str]) -> bool:
    """Say whether a file or folder is hidden, a cache, a store's own, or left there by a system."""
    name = entry.name
    if name.startswith(".") or name.lower() in CLUTTER:
        return True
    if not is_folder(entry):
        return False
    path = Path(entry.path)
    return _is_of_store(path) or any(os.path.lexists(path / marker) for marker in MARKERS)


def _is_of_store(folder: Path) -> bool:
    """Say whether a folder is what a store keeps beside itself, `bakeoff.db.files` beside `bakeoff.db`."""
    if folder.suffix != ".files":
        return False
    store = folder.with_suffix("")
    return store.suffix == ".db" or is_database(store)


def is_database(path: Path) -> bool:
    """Say whether a file is one of SQLite, as stores are."""
    return beginning(path).startswith(SQLITE)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Say whether `entry` is a folder or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def beginning(path: Path) -> bytes:
    """Return the first bytes of a file; none of what is no regular file, which might be waited for."""
    try:
        if (
            not path.is_file() or not path.stat().st_size
        ):  # what a system makes up on reading, in /proc, may be waited for
            return b""
        with path.open("rb") as file:
            return file.read(32)
    except OSError:
        return b""


def is_image(path: str) -> bool:
    """Say whether a regular file is to be opened as an image: by its name, or else by how it begins."""
    if path.lower().endswith(EXTENSIONS):
        return True
    return not path.lower().endswith((*TEXTS, *RAW)) and format_of(beginning(Path(path))) is not None


def format_of(content: bytes) -> str | None:
    """Return the format of an image by its first bytes, None for what is no image that is known here."""
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


def told_kind(path: str) -> str:
    """Return what a file that is no image is, for people: ".xml file"."""
    extension = os.path.splitext(path)[1].lower()  # noqa: PTH122 names may hold anything
    if extension in UNREAD:
        return f"an image of a kind that is not read ({extension}): convert it"
    if extension in RAW:
        return f"a camera's raw file ({extension}): convert it"
    return f"no image ({extension})" if extension else "no image (no extension)"
