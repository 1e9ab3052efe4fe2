"""The static files: read once at the start, so that no request can name a path on the disk."""

from __future__ import annotations

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
    "Cache-Control": "no-cache",  # kept, but asked about each time: a new release shows at once
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """The content of a file, and the headers it is sent with."""

    content: bytes
    headers: Mapping[str, str]


class Pages:
    """`GET /` and `GET /static/{path}`, from the folder `web`; neither needs a key."""

    def __init__(self, web: Path) -> None:
        self._files = dict(_read_files(web))

    async def get(self, request: Request) -> Response:
        file = self._files.get(request.path_params.get("path", INDEX))
        if file is None:
            raise make_problem(HTTPStatus.NOT_FOUND, "There is no such file.")
        if _is_known(request.headers.get("if-none-match", ""), file.headers["ETag"]):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=file.headers)
        return Response(file.content, headers=file.headers)


def _read_files(web: Path) -> Iterator[tuple[str, StaticFile]]:
    """Yield the files below a folder under their paths in URLs; what has no known type is not served."""
    for path in sorted(web.rglob("*")):
        media_type = _MEDIA_TYPES.get(path.suffix)
        if media_type and path.is_file():
            content = path.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            headers = {**_POLICY, "Content-Type": media_type, "ETag": tag}
            yield path.relative_to(web).as_posix(), StaticFile(content, headers)


def _is_known(if_none_match: str, tag: str) -> bool:
    """Compare weakly (RFC 9110 section 13.1.2)."""
    tags = [given.strip().removeprefix("W/") for given in if_none_match.split(",")]
    return "*" in tags or tag in tags
