"""Records by their keys, however many: on the disk, in parts by the hash of the key, of which memory holds one."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

PARTS = 64
_IN_MEMORY = 16_384
"""Bytes of a part that are not yet written to a file, which the system removes by itself."""


class Parts:
    """Records that have been added. Those of one key are in one part, in their order, in every Parts the same one."""

    def __init__(self) -> None:
        self._files = [tempfile.SpooledTemporaryFile(_IN_MEMORY) for _ in range(PARTS)]  # noqa: SIM115 - closed by close

    def add(self, key: str, value: Any) -> None:
        number = blake2b(key.encode(), digest_size=2).digest()
        self._files[int.from_bytes(number) % PARTS].write(json.dumps([key, value]).encode() + b"\n")

    def __iter__(self) -> Iterator[Iterator[tuple[str, Any]]]:
        """Yield each part, once all has been added."""
        for file in self._files:
            file.seek(0)
            yield ((key, value) for key, value in map(json.loads, file))

    def close(self) -> None:
        for file in self._files:
            file.close()
