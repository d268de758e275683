"""Reads the rows of a damaged store page by page, without SQLite, which stops at the first damaged page. No torch.

The format is that of https://www.sqlite.org/fileformat2.html. Every page with rows is read by itself, even if the pages
that point to it are damaged; what makes no sense is left out.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE_LEAF, INDEX_LEAF, INDEX_INTERIOR = 0x0D, 0x0A, 0x02
PAGE_SIZES = tuple(2**power for power in range(9, 17))
DEFAULT_PAGE_SIZE = 4096
INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Serial type of an integer → its bytes."""


@dataclass(frozen=True)
class PageRow:
    """A row as it is on a page."""

    rowid: int | None
    """None for rows of an index, or of a table without row ids."""
    values: tuple[Any, ...]


class Damaged(ValueError):
    """A page, cell or record that makes no sense."""


def read_rows(path: Path) -> Iterator[PageRow]:
    """Yield every row on every page of an SQLite file that is in use, in order of the pages.

    Raises:
        OSError: the file cannot be read.
    """
    pages = Pages(path.read_bytes())
    for number in range(1, pages.count + 1):
        if number not in pages.free:
            yield from pages.rows(number)


class Pages:
    """The pages of a file, numbered from 1."""

    def __init__(self, content: bytes) -> None:
        """Take the whole content of the file."""
        size = int.from_bytes(content[16:18], "big")
        size = 65_536 if size == 1 else size
        self.size = size if size in PAGE_SIZES else DEFAULT_PAGE_SIZE
        self.usable = self.size - (content[20] if len(content) > 20 and content[20] <= 32 else 0)
        self.content = content
        self.count = -(-len(content) // self.size)
        self.free = self._free()

    def page(self, number: int) -> bytes:
        """Return the usable part of a page; the last one may be cut short.

        Raises:
            Damaged: there is no such page.
        """
        if not 1 <= number <= self.count:
            raise Damaged(f"no page {number}")
        start = (number - 1) * self.size
        return self.content[start : start + self.usable]

    def _free(self) -> set[int]:
        """Return the pages that are not in use, as far as their list is intact: they still hold deleted rows."""
        found: set[int] = set()
        trunk = int.from_bytes(self.content[32:36], "big")
        while 0 < trunk <= self.count and trunk not in found:
            found.add(trunk)
            page = self.page(trunk)
            number = min(int.from_bytes(page[4:8], "big"), len(page) // 4 - 2)
            found |= {int.from_bytes(page[at : at + 4], "big") for at in range(8, 8 + 4 * number, 4)}
            trunk = int.from_bytes(page[:4], "big")
        return found

    def rows(self, number: int) -> Iterator[PageRow]:
        """Yield the rows of a page; nothing if it holds none."""
        page = self.page(number)
        start = 100 if number == 1 else 0
        kind = page[start] if len(page) > start else 0
        if kind not in (TABLE_LEAF, INDEX_LEAF, INDEX_INTERIOR):
            return
        cells = int.from_bytes(page[start + 3 : start + 5], "big")
        pointers = start + (12 if kind == INDEX_INTERIOR else 8)
        for at in range(pointers, min(pointers + 2 * cells, len(page) - 1), 2):
            try:
                yield self._row(page, int.from_bytes(page[at : at + 2], "big"), kind)
            except (Damaged, IndexError, struct.error, OverflowError):
                continue

    def _row(self, page: bytes, at: int, kind: int) -> PageRow:
        at += 4 if kind == INDEX_INTERIOR else 0
        size, at = varint(page, at)
        rowid, at = varint(page, at) if kind == TABLE_LEAF else (None, at)
        if size > len(self.content):
            raise Damaged("a record larger than the file")
        local = self._local(size, kind)
        payload = bytearray(page[at : at + local])
        following = int.from_bytes(page[at + local : at + local + 4], "big") if local < size else 0
        while len(payload) < size:
            overflow = self.page(following)
            if following in self.free or len(overflow) <= 4:
                raise Damaged("a record that continues on an unused page")
            following = int.from_bytes(overflow[:4], "big")
            payload += overflow[4:][: size - len(payload)]
        return PageRow(rowid, record(bytes(payload)))

    def _local(self, size: int, kind: int) -> int:
        """Return how many bytes of a record are on the page itself."""
        usable = self.usable
        most = usable - 35 if kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
        if size <= most:
            return size
        least = (usable - 12) * 32 // 255 - 23
        some = least + (size - least) % (usable - 4)
        return some if some <= most else least


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it."""
    value = 0
    for length in range(9):
        byte = data[at + length]
        if length == 8:
            value = value << 8 | byte
            break
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return (value - (1 << 64) if value >= 1 << 63 else value), at + length + 1


def record(payload: bytes) -> tuple[Any, ...]:
    """Return the values of a record.

    Raises:
        Damaged: it makes no sense.
    """
    header, at = varint(payload, 0)
    if not 0 < header <= len(payload):
        raise Damaged("a header larger than its record")
    position, values = header, []
    while at < header:
        kind, at = varint(payload, at)
        value, position = _value(payload, position, kind)
        values.append(value)
    return tuple(values)


def _value(payload: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in (0, 8, 9):
        return {0: None, 8: 0, 9: 1}[kind], at
    if kind == 7:
        return struct.unpack(">d", payload[at : at + 8])[0], at + 8
    size = INTEGERS.get(kind, (kind - 12) // 2 if kind >= 12 else -1)
    part = payload[at : at + size]
    if size < 0 or len(part) != size:
        raise Damaged("a value of no known kind, or cut short")
    if kind in INTEGERS:
        return int.from_bytes(part, "big", signed=True), at + size
    return (part.decode("utf-8", "replace") if kind % 2 else bytes(part)), at + size
