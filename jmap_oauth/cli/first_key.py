"""How the administrator gets the API key of the first start: on the terminal, or in a file."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
from pathlib import Path

from jmap_oauth.cli.terminal import Failure, printable

FILE_NAME = "admin-key"

_EXAMPLE = {
    "using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"],
    "methodCalls": [["x:OAuthClient/query", {"filter": {"text": "example"}}, "c1"]],
}


def hand_over(secret: str, folder: Path, url: str) -> None:
    """Print the key with a request to try it, if there is a terminal to read it; else write it to a file.

    Raises:
        Failure: the file cannot be written.
    """
    if sys.stdout.isatty():
        print(f"The administrator's API key, which is not shown again:\n\n    {secret}\n")
        print(f"Sign in with it at {url}/ in a browser, or try it here:\n")
        print(_curl_line(secret, url), flush=True)
        return
    try:
        path = write_key(secret, folder)
    except OSError as error:
        advice = "to get another key, use jmap-oauth api-key create --all-permissions"
        raise Failure(f"The administrator's API key was made but could not be written ({error}); {advice}.") from None
    print(f"The administrator's API key is in {printable(str(path))}", flush=True)


def _curl_line(secret: str, url: str) -> str:
    return " \\\n  ".join(
        (
            f"curl {shlex.quote(url + '/api')}",
            f"-H {shlex.quote(f'Authorization: Bearer {secret}')}",
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(json.dumps(_EXAMPLE))}\n",
        )
    )


def write_key(secret: str, folder: Path) -> Path:
    """Write a file that only its owner can read, in place of whatever had its name, and return its path.

    Raises:
        OSError: it cannot be written.
    """
    path, unfinished = folder / FILE_NAME, folder / f".{FILE_NAME}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(unfinished, flags, 0o600), "w") as file:
        try:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
            # A link of that name is replaced, not followed.
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
    return path
