"""The static files: read once at the start, so that no request can name a path on the disk.

The page names its files by a digest of all of them, so they can be kept for ever, and a new release shows at once.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from jmap_oauth.http.problems import make_problem

INDEX = "index.html"

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# The page may load what lies beside it and speak to this server, and nothing else in the world.
_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Vary": "Accept-Encoding",
}
_ASKED_EACH_TIME = "no-cache"  # kept, but asked about
_IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """The content of a file, as it is and as gzip, and the headers that it is sent with."""

    content: bytes
    compressed: bytes
    headers: Mapping[str, str]

    def answer(self, request: Request) -> Response:
        if _is_known(request.headers.get("if-none-match", ""), self.headers["ETag"]):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=self.headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.compressed, headers={**self.headers, "Content-Encoding": "gzip"})
        return Response(self.content, headers=self.headers)


class Pages:
    """`GET /` and `GET /static/{version}/{path}`, from the folder `web`; neither needs a key."""

    def __init__(self, web: Path) -> None:
        contents = dict(_read_files(web))
        version = _digest(b"".join(f"{path}\n{_digest(content)}\n".encode() for path, content in contents.items()))[:16]
        index = contents.pop(INDEX, b"").replace(b'"static/', f'"static/{version}/'.encode())
        self._index = _file(INDEX, index, _ASKED_EACH_TIME)
        self._files = {f"{version}/{path}": _file(path, each, _IMMUTABLE) for path, each in contents.items()}

    async def index(self, request: Request) -> Response:
        return self._index.answer(request)

    async def get(self, request: Request) -> Response:
        file = self._files.get(request.path_params["path"])
        if file is None:
            raise make_problem(HTTPStatus.NOT_FOUND, "There is no such file.")
        return file.answer(request)


def _read_files(web: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files below a folder under their paths in URLs; what has no known type is not served."""
    for path in sorted(web.rglob("*")):
        if path.suffix in _MEDIA_TYPES and path.is_file():
            yield path.relative_to(web).as_posix(), path.read_bytes()


def _file(path: str, content: bytes, caching: str) -> StaticFile:
    """Make a file. The tag is weak: it is the same for both codings (RFC 9110 section 8.8.3.3)."""
    headers = {
        **_POLICY,
        "Content-Type": _MEDIA_TYPES[Path(path).suffix],
        "Cache-Control": caching,
        "ETag": f'W/"{_digest(content)[:32]}"',
    }
    return StaticFile(content, gzip.compress(content, mtime=0), headers)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_known(if_none_match: str, tag: str) -> bool:
    """Compare weakly (RFC 9110 section 13.1.2)."""
    tags = [given.strip().removeprefix("W/") for given in if_none_match.split(",")]
    return "*" in tags or tag.removeprefix("W/") in tags
