"""Where the server of a client command is, and the key to it: from options, else the environment, else a file."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jmap_oauth.cli.secret_input import read_secret
from jmap_oauth.cli.terminal import Failure, near

URL_VARIABLE = "JMAP_OAUTH_URL"
KEY_VARIABLE = "JMAP_OAUTH_KEY"
DEFAULT_URL = "http://127.0.0.1:8080"

_MAX_FILE = 65_536
_NAMES = {"url": str, "key": str, "key_file": str, "allow_plain_http": bool}


@dataclass(frozen=True)
class Connection:
    """A server and the key to it. `url` has no slash at its end."""

    url: str
    key: str = field(repr=False)

    @property
    def is_loopback(self) -> bool:
        return _is_loopback(urlsplit(self.url).hostname or "")


def find_connection(
    url: str | None, key_file: str | None, config: Path | None, allow_plain_http: bool, environ: Mapping[str, str]
) -> Connection:
    """Return the connection that is asked for.

    Raises:
        Failure: there is no key, the file is open to others, or the key would be sent where it can be read on the way.
    """
    path = config or default_file(environ)
    given = _read_file(path) if config or path.exists() else {}
    url = _checked_url(url or environ.get(URL_VARIABLE) or given.get("url") or DEFAULT_URL)
    if not (url.startswith("https:") or allow_plain_http or given.get("allow_plain_http")):
        _check_nobody_listens(url)
    return Connection(url, _checked_key(_find_key(key_file, environ, given, path)))


def default_file(environ: Mapping[str, str]) -> Path:
    """Return where the file is by the XDG Base Directory Specification."""
    folder = environ.get("XDG_CONFIG_HOME") or ""
    return (Path(folder) if folder.startswith("/") else Path.home() / ".config") / "jmap-oauth" / "client.toml"


def _find_key(key_file: str | None, environ: Mapping[str, str], given: Mapping[str, Any], path: Path) -> str:
    if key_file is None and environ.get(KEY_VARIABLE):
        return environ[KEY_VARIABLE]
    if key_file is None and "key" in given:
        return str(given["key"])
    if key_file is None and "key_file" in given:
        key_file = str(path.parent / Path(given["key_file"]).expanduser())
    if key_file is None:
        raise Failure(f"there is no API key: give --key-file, set {KEY_VARIABLE}, or write key into {path}")
    return read_secret(key_file, "API key", private=True)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            # The group may read, as with the file of the server's settings.
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & stat.S_IRWXO:
                raise Failure(f"{path} is open to all users: chmod o= {path}")
            content = file.read(_MAX_FILE + 1)
        if len(content) > _MAX_FILE:
            raise Failure(f"{path} is longer than {_MAX_FILE:,} bytes")
        given = tomllib.loads(content.decode())
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        raise Failure(f"{path} is not TOML") from None  # the cause may quote the key
    for name, value in given.items():
        if name not in _NAMES:
            raise Failure(f"{name} (in {path}) is not known{near(name, _NAMES)}")
        if not isinstance(value, _NAMES[name]):
            raise Failure(f"{name} (in {path}) must be {'a text' if _NAMES[name] is str else 'true or false'}")
    return given


def _checked_url(text: str) -> str:
    if not (text.isprintable() and _is_plain(text)):
        raise Failure("the address of the server must be an http or https URL without user, query and fragment")
    return text.rstrip("/")


def _is_plain(text: str) -> bool:
    try:
        url = urlsplit(text)
        extra = url.username or url.password or url.query or url.fragment
        return bool(url.scheme in {"http", "https"} and url.hostname and url.port != 0 and not extra)
    except ValueError:
        return False


def _check_nobody_listens(url: str) -> None:
    if not _is_loopback(urlsplit(url).hostname or ""):
        raise Failure(f"{url} is not https, and the key could be read on the way; --allow-plain-http sends it anyway")


def _is_loopback(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked_key(key: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise Failure("the API key must be one word of ASCII characters")
    return key
