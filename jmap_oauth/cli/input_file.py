"""Files that commands read; `-` stands for standard input."""

from __future__ import annotations

import sys
from typing import IO

from jmap_oauth.cli.terminal import Failure

STANDARD_INPUT = "-"


def open_input(path: str) -> IO[bytes]:
    """Open a file to read.

    Raises:
        Failure: it cannot be opened.
    """
    is_standard = path == STANDARD_INPUT
    try:
        return open(sys.stdin.fileno() if is_standard else path, "rb", closefd=not is_standard)
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise Failure(f"{path} is no name of a file") from None


def read_input(path: str, most: int) -> bytes:
    """Return what a file holds, which may be so many bytes.

    Raises:
        Failure: it cannot be opened, or is longer.
    """
    with open_input(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise Failure(f"{path} is longer than {most:,} bytes")
    return content
