"""What a redirect URI may be (RFC 6749 section 3.1.2, RFC 8252 section 7, RFC 9700 section 2.1, RFC 9207)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from urllib.parse import unquote_plus

from jmap_oauth.model.definition import DeclarationError
from jmap_oauth.model.kinds import Invalid
from jmap_oauth.model.syntax import Uri, check_authority, parse_uri

NEVER = frozenset({"javascript", "data", "vbscript", "file", "blob", "about"})
"""Schemes that run what they hold, or show it as if it came from elsewhere; no setting allows them."""

LOOPBACK = frozenset({"127.0.0.1", "[::1]", "localhost"})

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_REVERSED_DOMAIN = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+")
_ANSWERS = frozenset(
    {"code", "state", "iss", "error", "error_description", "error_uri", "id_token", "access_token", "response"}
)
"""What an authorization server adds to the query; registered beforehand it would be there twice."""

_DOT_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:;[^/]*)?(?:/|$)", re.IGNORECASE)


def redirect_uri(schemes: frozenset[str]) -> Callable[[str], str]:
    """Return the syntax of redirect URIs, for a server whose setting allows these `schemes` as well.

    Raises:
        DeclarationError: a scheme is none, or one that can never be allowed.
    """
    allowed = frozenset(each.lower() for each in schemes)
    for each in sorted(allowed):
        if each in NEVER or not _SCHEME.fullmatch(each):
            raise DeclarationError(f"OAuthClient.redirectUris cannot allow the scheme {each!r}.")

    def accept(text: str) -> str:
        uri = parse_uri(text)
        for broken, reason in _rules(text, uri, allowed):
            if broken:
                raise Invalid(reason)
        if uri.scheme in {"http", "https"}:
            check_authority(uri)
        return text

    return accept


_LOOPBACK_ADDRESS = re.compile(
    r"(?P<host>http://(?:127\.0\.0\.1|\[::1\]))(?::(?P<port>[1-9][0-9]{0,4}))?(?P<rest>(?:[/?].*)?)", re.DOTALL
)


def is_registered(uri: str, registered: Collection[str]) -> bool:
    """Tell whether a redirect URI is one of those registered: character by character (RFC 6749 section 3.1.2.3).

    Only a loopback address may have any port, since an application on a device takes what is free (RFC 8252 section
    7.3). The name localhost may not: it can lead elsewhere (section 8.3).
    """
    if uri in registered:
        return True
    asked = _LOOPBACK_ADDRESS.fullmatch(uri)
    known = (_LOOPBACK_ADDRESS.fullmatch(each) for each in registered) if asked else ()
    if asked is None or int(asked["port"] or 80) > 65_535:
        return False
    return any(each and each.group("host", "rest") == asked.group("host", "rest") for each in known)


def _rules(text: str, uri: Uri, allowed: frozenset[str]) -> Iterator[tuple[bool, str]]:
    """Yield every rule beyond the syntax of URIs, as (whether it is broken, what is wrong then).

    Wildcards and dot segments are legal in a URI. A wildcard is refused anywhere: some server may take it for one.
    Dot segments are refused because browsers resolve them, so what is visited would not be what was registered;
    "..;x" is the same to servers that read ";x" as a parameter.
    """
    yield uri.scheme in NEVER, "must not have a scheme that can run scripts or show local data"
    yield uri.fragment is not None, "must have no fragment"
    yield uri.user_info is not None, "must hold no user name or password before the host"
    yield "*" in text, 'must hold no wildcard "*"'
    yield bool(_DOT_SEGMENT.search(uri.path)), 'must have no "." or ".." segment in its path'
    yield not _ANSWERS.isdisjoint(_parameters(text)), "must not hold parameters of an answer, such as code and state"
    yield (
        uri.scheme == "http" and (uri.host or "").lower() not in LOOPBACK,
        "must have the scheme https, unless the host is 127.0.0.1, [::1] or localhost",
    )
    yield (
        uri.scheme not in {"http", "https"} | allowed and not _REVERSED_DOMAIN.fullmatch(uri.scheme),
        "must have the scheme https, or a private-use one with a dot, like com.example.app",
    )


def _parameters(text: str) -> set[str]:
    """Return the names of the parameters in a query, however they are encoded."""
    query = text.partition("#")[0].partition("?")[2]
    return {unquote_plus(each.partition("=")[0]) for each in re.split("[&;]", query)}
