"""What the other URIs and origins of a client may be, beside those that it redirects to.

This server never fetches a URI. What an authorization server fetches by itself is still held to public hosts here, so
that no registration can make it reach into the network that it stands in. A name is taken at its word: what it
resolves to, and where it is redirected to, only whoever fetches it can check.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from jmap_oauth.model.kinds import Invalid
from jmap_oauth.model.syntax import check_authority, http_url, parse_uri

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_INTERNAL = re.compile(
    r"[^.]*|.*\.(?:localhost|localdomain|local|internal|intranet|private|corp|home|home\.arpa|lan|svc)", re.IGNORECASE
)
"""Names without a dot, and those that RFC 6761, RFC 6762 with its appendix G, RFC 8375 and custom keep inside."""

_PORTS = {"http": "80", "https": "443"}


def fetched_url(text: str) -> str:
    """Accept an https URL on a public host, without a fragment."""
    if request_url(text) and "#" in text:
        raise Invalid("must have no fragment")
    return text


def request_url(text: str) -> str:
    """Accept an https URL on a public host; of what a fragment stands for, it may be the hash (OpenID Core 6.2)."""
    uri = parse_uri(text)
    if uri.scheme != "https":
        raise Invalid("must have the scheme https")
    check_authority(uri)
    if not _is_public(uri.host or ""):
        raise Invalid("must name a host of the public internet")
    return text


def frame_url(text: str) -> str:
    """Accept an http(s) URL without a fragment."""
    if http_url(text) and "#" in text:
        raise Invalid("must have no fragment")
    return text


def origin(text: str) -> str:
    """Accept an http(s) origin, with or without a slash at its end, and return it as browsers write it (RFC 6454 6.2).

    "null" is what documents without an origin send, any of them; so it is none here.
    """
    uri = parse_uri(text)
    if uri.scheme not in _PORTS:
        raise Invalid("must be an origin like https://app.example")
    check_authority(uri)
    if uri.path not in {"", "/"} or "?" in text or "#" in text:
        raise Invalid("must end after the host and the port: an origin has no path")
    scheme, host, port = origin_of(text)
    if host.startswith("["):
        host = f"[{IPv6Address(host[1:-1])}]"
    return f"{scheme}://{host}" if port == _PORTS[scheme] else f"{scheme}://{host}:{port}"


def origin_of(text: str) -> tuple[str, str, str]:
    """Return scheme, host and port of a URI; host and port are empty where a private-use scheme has none."""
    uri = parse_uri(text)
    return uri.scheme, (uri.host or "").lower(), uri.port or _PORTS.get(uri.scheme, "")


def _is_public(host: str) -> bool:
    """Tell whether a host is a public name, or an address that is reached from everywhere and leads to one machine."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return not _INTERNAL.fullmatch(host)
    return address.is_global and not address.is_multicast and not _leads_elsewhere(address)


def _leads_elsewhere(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an IPv6 address stands for another one, which may be internal: mapped, translated or tunnelled."""
    if isinstance(address, IPv4Address):
        return False
    return address not in _GLOBAL_UNICAST or address.sixtofour is not None
