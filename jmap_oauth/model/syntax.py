"""The syntax of fields: functions for `Text(syntax=...)` that return a text as it is kept, or say what is wrong.

URIs are read by the grammar of RFC 3986 and nothing more generous. urllib, like browsers, drops tabs and newlines,
takes backslashes and mends what is broken; whoever reads the value later may mend it in another way. What is accepted
is kept byte for byte, since it is compared byte for byte; only networks are rewritten, into their one canonical form.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network, ip_network

from email_validator import EmailNotValidError, validate_email

from jmap_oauth.model.kinds import Invalid

MAX_EMAIL = 254
MAX_URI = 2_048
MAX_IMAGE_BYTES = 64 * 1_024
MAX_IMAGE = 4 * (-(-MAX_IMAGE_BYTES // 3)) + len("data:image/jpeg;base64,")
"""Characters of the longest text that could be an image, so that nothing longer is ever decoded."""


@lru_cache(maxsize=1024)
def email(text: str) -> str:
    """Accept an e-mail address, international ones too; whether its domain exists is not looked up.

    Domains that no mail can reach, such as `localhost` and `.test`, are refused. Many objects name the same few
    addresses, and to look at one costs a tenth of a create.
    """
    try:
        validate_email(text, check_deliverability=False, strict=True)
    except EmailNotValidError:
        raise Invalid("must be an e-mail address") from None
    return text


def vschar(text: str) -> str:
    """Accept printable ASCII and space (VSCHAR, RFC 6749 appendix A), but for what vanishes from the path of a URL."""
    if not re.fullmatch(r"[\x20-\x7e]*", text):
        raise Invalid("must hold only ASCII letters, digits, punctuation and spaces")
    if text in {".", ".."}:
        raise Invalid('must not be "." or ".."')
    return text


_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u206f\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0\U000e0000-\U000e0fff]"
    r"|(?<![^\x00-\x7f])[\u200c\u200d\ufe0f]|[\u200c\u200d](?![^\x00-\x7f])"
)
"""What Unicode lets fonts leave out (Default_Ignorable_Code_Point), or draw as nothing. Joiners are let pass where
scripts and emoji need them: between characters beyond ASCII."""


def visible(text: str) -> str:
    """Accept a text without characters that nobody can see, so that two names do not look quite the same."""
    if _INVISIBLE.search(text):
        raise Invalid("must not hold invisible characters")
    return text


def network(text: str) -> str:
    """Accept an address or network in CIDR notation, and return it with its prefix length: 192.0.2.1 as 192.0.2.1/32.

    Bits beyond the prefix are refused, not cut: `10.1.2.3/8` is more often a slip than meant to let in 10.0.0.0/8.
    """
    if not re.fullmatch(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?", text):  # no zones, no netmasks
        raise Invalid("must be an IP address or a network like 192.0.2.0/24 or 2001:db8::/32")
    try:
        found = ip_network(text)
    except ValueError:
        raise Invalid("must be an IP address, or a network with no bits set beyond its prefix") from None
    if isinstance(found, IPv6Network) and found.network_address.ipv4_mapped is not None:
        raise Invalid("must name IPv4 addresses as such, not mapped into IPv6")
    return str(found)


@dataclass(frozen=True, slots=True)
class Uri:
    """The parts of an absolute URI (RFC 3986 section 3) as they stand in it; only the scheme is in lower case."""

    scheme: str
    user_info: str | None
    host: str | None
    port: str | None
    path: str
    fragment: str | None


_URI_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_URI = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):"
    r"(?://(?:(?P<user_info>[^/?#@\[\]]*)@)?(?P<host>\[[^/?#@\[\]]*\]|[^/?#@\[\]:]*)(?::(?P<port>[0-9]*))?(?=[/?#]|\Z)"
    r"|(?!//))"
    r"(?P<path>[^?#\[\]]*)(?:\?[^#\[\]]*)?(?:#(?P<fragment>[^#\[\]]*))?"
)


def parse_uri(text: str) -> Uri:
    """Take an absolute URI apart.

    Raises:
        Invalid: it is none, or longer than MAX_URI.
    """
    if len(text) > MAX_URI:
        raise Invalid(f"must have at most {MAX_URI} characters")
    if not _URI_CHARACTERS.fullmatch(text) or _STRAY_PERCENT.search(text):
        raise Invalid("must hold only the ASCII characters of a URI; others are written %XX, or xn-- in a host")
    match = _URI.fullmatch(text)
    if match is None:
        raise Invalid("must be an absolute URI, like https://app.example/path")
    return Uri(**{**match.groupdict(), "scheme": match["scheme"].lower()})


_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)")  # what browsers read as an IPv4 address
_PORT = re.compile(r"[1-9][0-9]{0,4}")


def check_authority(uri: Uri) -> None:
    """Check that the authority of an http(s) URI is a host with or without a port, and can be read in one way only.

    Hosts are names of letters, digits and hyphens, IPv4 addresses with four decimal numbers, or IPv6 addresses.

    Raises:
        Invalid: it is not.
    """
    if uri.user_info is not None:
        raise Invalid("must hold no user name or password before the host")
    if not _is_host(uri.host or ""):
        raise Invalid("must name a valid host after //")
    if uri.port is not None and not (_PORT.fullmatch(uri.port) and int(uri.port) <= 65_535):
        raise Invalid("must have a port from 1 to 65535, or none")


def _is_host(host: str) -> bool:
    if len(host) > 253:
        return False
    if not host.startswith("[") and not _ENDS_IN_NUMBER.fullmatch(host):
        return bool(_HOST_NAME.fullmatch(host))
    try:
        _ = IPv6Address(host[1:-1]) if host.startswith("[") else IPv4Address(host)
    except AddressValueError:
        return False
    return "%" not in host  # a zone means something on one machine only


def http_url(text: str) -> str:
    """Accept an absolute http or https URL with a host and without user information."""
    uri = parse_uri(text)
    if uri.scheme not in {"http", "https"}:
        raise Invalid("must be an http or https URL")
    check_authority(uri)
    return text


_BASE64 = re.compile(r"[A-Za-z0-9+/]*+={0,2}")
_DATA = re.compile(r"data:image/(?P<type>png|jpeg|gif|webp);base64,", re.IGNORECASE)
_IMAGES = {
    "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "jpeg": re.compile(rb"\xff\xd8\xff"),
    "gif": re.compile(rb"GIF8[79]a"),
    "webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}


def image(text: str) -> str:
    """Accept an http(s) URL, or a PNG, JPEG, GIF or WebP image in base64, plain or as a `data:` URI.

    The first bytes tell the type, and must agree with the media type of a `data:` URI. SVG is none of them: it can
    hold scripts.
    """
    if text[:6].lower().startswith(("http:", "https:")):  # base64 never holds a colon
        return http_url(text)
    data = _DATA.match(text)
    found = _image_type(_decode(text[data.end() :] if data else text))
    if found is None or (data and data["type"].lower() != found):
        raise Invalid("must be a PNG, JPEG, GIF or WebP image, and what its data: URI says")
    return text


def _decode(encoded: str) -> bytes:
    if len(encoded) > MAX_IMAGE:
        raise Invalid(f"must have at most {MAX_IMAGE_BYTES} bytes of image")
    if len(encoded) % 4 or not _BASE64.fullmatch(encoded):  # which decoders check in different ways
        raise Invalid("must be an http or https URL, or a PNG, JPEG, GIF or WebP image in base64")
    decoded = binascii.a2b_base64(encoded)
    if len(decoded) > MAX_IMAGE_BYTES:
        raise Invalid(f"must have at most {MAX_IMAGE_BYTES} bytes of image")
    return decoded


def _image_type(content: bytes) -> str | None:
    return next((name for name, start in _IMAGES.items() if start.match(content)), None)
