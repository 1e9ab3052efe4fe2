"""The portable form of a database: a text of one JSON array a line, which either backend can be filled from.

The first line is what `portable.Contents` says, the last one the SHA-256 of all lines before it. That finds what is cut
off or damaged; who can change the file can also change that, so it is to be kept where nobody else can write.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from jmap_oauth.store.interface import Unusable
from jmap_oauth.store.portable import Contents, Progress, Row

_MARK: Final = "jmap-oauth dump"
_MOST: Final = 200_000_000
"""Bytes of a line: an upload of the most that settings allow, in base64."""

_encode = msgspec.json.Encoder().encode
_Line = tuple[str, Any]


async def write_dump(file: IO[bytes], contents: Contents, rows: AsyncIterator[Row], progress: Progress) -> None:
    """Write a dump to a file that is open."""
    digest, total, count = hashlib.sha256(), sum(contents.counts.values()), 0

    def write(name: str, value: Any) -> None:
        line = _encode((name, value)) + b"\n"
        digest.update(line)
        file.write(line)

    write(_MARK, contents)
    async for row in rows:
        write(row.table, row.values)
        progress(count := count + 1, total)
    write("sha256", digest.hexdigest())


class Dump:
    """A dump that is read.

    Raises:
        Unusable: it is none, or its first line is damaged.
    """

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._path = path
        self._lines = _read(file)
        try:
            mark, contents = next(self._lines)
            self.contents = msgspec.convert(contents, Contents)
        except (StopIteration, ValueError, msgspec.MsgspecError):
            mark = ""
        if mark != _MARK:
            raise self._damaged("it is no dump of this program")

    async def rows(self) -> AsyncIterator[Row]:
        """Yield the rows. Only when that ended well is it certain that all were as they had been written.

        Raises:
            Unusable: it is cut off or damaged.
        """
        try:
            for table, values in self._lines:
                if table == "blob":
                    values = [*values[:-1], msgspec.convert(values[-1], bytes)]  # noqa: PLW2901
                yield Row(table, values)
        except (ValueError, TypeError, IndexError, msgspec.MsgspecError):
            raise self._damaged("it is damaged or cut off") from None

    def _damaged(self, what: str) -> Unusable:
        return Unusable(f"{self._path}: {what}")


def _read(file: IO[bytes]) -> Iterator[_Line]:
    """Yield the lines before the last one.

    Raises:
        ValueError: the last one does not fit those before it, or something comes after it.
    """
    decode = msgspec.json.Decoder(_Line).decode
    digest = hashlib.sha256()
    while line := file.readline(_MOST):
        name, value = decode(line)
        if name == "sha256":
            if value != digest.hexdigest() or file.read(1):
                break
            return
        digest.update(line)
        yield name, value
    raise ValueError("the end is missing or wrong")
