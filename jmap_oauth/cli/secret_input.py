"""How secrets get in and out: from files, standard input and variables, into files for one user; never as arguments."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import IO

from jmap_oauth.cli.input_file import STANDARD_INPUT, open_input
from jmap_oauth.cli.terminal import Failure

MAX_SECRET = 65_536
"""Bytes; the server takes far fewer, and says how many."""


def read_secret(path: str, what: str, private: bool = False) -> str:
    """Return what a file holds, without the newline at its end; `-` is standard input, which a terminal does not show.

    A `private` one must not be open to all users; pipes are not.

    Raises:
        Failure: it cannot be read, is no text or empty, or is open to all.
    """
    if path == STANDARD_INPUT and sys.stdin.isatty():
        import getpass

        return _checked(getpass.getpass(f"{what}: ", stream=sys.stderr), what)
    with open_input(path) as file:
        if private:
            _check_private(file, path)
        content = file.read(MAX_SECRET + 1)
    if len(content) > MAX_SECRET:
        raise Failure(f"the {what} in {path} is longer than {MAX_SECRET:,} bytes")
    try:
        return _checked(content.decode().removesuffix("\n").removesuffix("\r"), what)
    except UnicodeDecodeError:
        raise Failure(f"the {what} in {path} is not UTF-8 text") from None


def read_secret_from(file: str | None, variable: str | None, what: str) -> str | None:
    """Return a secret from a file or an environment variable, whichever is named, or None.

    Raises:
        Failure: both are named, the variable is not set, or the file cannot be used.
    """
    if file is not None and variable is not None:
        raise Failure(f"the {what} can come from a file or from a variable, not from both")
    if file is not None:
        return read_secret(file, what)
    if variable is None:
        return None
    if variable not in os.environ:
        raise Failure(f"the variable {variable} is not set")
    return _checked(os.environ[variable], what)


def open_private(path: Path) -> IO[str]:
    """Make a file that only its owner can read, and open it for writing; what is there already is left alone.

    Raises:
        Failure: it is there, or cannot be made.
    """
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path} cannot be made: {error.strerror}") from None


def _checked(secret: str, what: str) -> str:
    if not secret:
        raise Failure(f"the {what} is empty")
    return secret


def _check_private(file: IO[bytes], path: str) -> None:
    mode = os.fstat(file.fileno()).st_mode
    if os.name == "posix" and stat.S_ISREG(mode) and mode & stat.S_IRWXO:
        raise Failure(f"{path} is open to all users: chmod o= {path}")
