"""The syntax of fields: what is accepted, as it is kept, and why the rest is refused."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmap_oauth.model.kinds import Invalid, Text
from jmap_oauth.model.syntax import (
    MAX_IMAGE,
    MAX_IMAGE_BYTES,
    MAX_URI,
    Uri,
    email,
    http_url,
    image,
    network,
    parse_uri,
    visible,
    vschar,
)

Syntax = Callable[[str], str]


def refusal(syntax: Callable[[str], object], text: str) -> str:
    """Return the reason why a text is refused."""
    with pytest.raises(Invalid) as refused:
        syntax(text)
    return str(refused.value)


# --- e-mail addresses ---


@pytest.mark.parametrize(
    "text",
    [
        "ops@example.org",
        "Ops.Team+a@Mail.Example.ORG",
        "o'neil@example.org",
        "ü@exämple.org",
        "a@例え.jp",
        "a@xn--bcher-kva.org",
    ],
)
def test_email_address_is_kept_as_given(text: str) -> None:
    assert email(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ops",
        "@example.org",
        "ops@",
        "ops@@example.org",
        "a@b",
        "root@localhost",
        "ops@x.test",
        "Ops <ops@example.org>",
        "ops@example.org,x@example.org",
        " ops@example.org",
        "ops@example.org\n",
        "ops\r\nBcc: x@example.org",
        "a..b@example.org",
        "ops@-example.org",
        "ops@example.org.",
        "ops@[127.0.0.1]",
        '"a b"@example.org',
        "a\u202eb@example.org",
        "<script>@example.org",
        "a" * 65 + "@example.org",
        "mailto:ops@example.org",
    ],
)
def test_what_is_no_email_address_is_refused(text: str) -> None:
    assert refusal(email, text) == "must be an e-mail address"


# --- VSCHAR ---


@pytest.mark.parametrize("text", ["a", "...", "a b", " ~", "../x", "%00", "'; --", "https://app.example"])
def test_vschar_is_kept_as_given(text: str) -> None:
    assert vschar(text) == text


@pytest.mark.parametrize("text", ["é", "a\tb", "a\x00", "\x7f", "a\n", "аdmin", "\u200b", "日本"])
def test_what_is_not_vschar_is_refused(text: str) -> None:
    assert refusal(vschar, text) == "must hold only ASCII letters, digits, punctuation and spaces"


@pytest.mark.parametrize("text", [".", ".."])
def test_vschar_that_vanishes_from_a_path_is_refused(text: str) -> None:
    assert refusal(vschar, text) == 'must not be "." or ".."'


# --- names ---


@pytest.mark.parametrize("text", ["", "Portal", "Ärzte 日本", "می\u200cخواهم", "👩\u200d💻", "❤\ufe0f"])
def test_a_name_that_can_be_seen_is_kept(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("character", "\u00ad\u034f\u115f\u180e\u200b\u2060\u206a\u2800\u3164\ufeff\uffa0\U000e0041")
def test_a_character_that_takes_no_place_is_refused(character: str) -> None:
    assert refusal(visible, f"日{character}本") == "must not hold invisible characters"


@pytest.mark.parametrize("text", ["a\u200db", "a\u200c日", "日\u200d", "\u200d日", "a\ufe0f", "\ufe0f"])
def test_a_joiner_that_joins_nothing_is_refused(text: str) -> None:
    assert refusal(visible, text) == "must not hold invisible characters"


# --- networks ---


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.1", "192.0.2.1/32"),
        ("192.0.2.1/32", "192.0.2.1/32"),
        ("10.0.0.0/08", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0:0::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
        ("::/0", "::/0"),
    ],
)
def test_network_is_kept_in_its_one_form(text: str, kept: str) -> None:
    assert network(text) == kept


NO_NETWORK = "must be an IP address or a network like 192.0.2.0/24 or 2001:db8::/32"
WRONG_BITS = "must be an IP address, or a network with no bits set beyond its prefix"
MAPPED = "must name IPv4 addresses as such, not mapped into IPv6"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", NO_NETWORK),
        ("localhost", NO_NETWORK),
        ("*", NO_NETWORK),
        (" 10.0.0.0/8", NO_NETWORK),
        ("10.0.0.0/8\n", NO_NETWORK),
        ("10.0.0.0/255.0.0.0", NO_NETWORK),
        ("10.0.0.0/-1", NO_NETWORK),
        ("10.0.0.0/8/8", NO_NETWORK),
        ("10.0.0.0-10.0.0.9", NO_NETWORK),
        ("fe80::%eth0/64", NO_NETWORK),
        ("٣.0.0.0/8", NO_NETWORK),
        ("10.1.2.3/8", WRONG_BITS),
        ("2001:db8::1/32", WRONG_BITS),
        ("10.0.0.0/33", WRONG_BITS),
        ("::/129", WRONG_BITS),
        ("10/8", WRONG_BITS),
        ("010.0.0.0/8", WRONG_BITS),
        ("256.0.0.0", WRONG_BITS),
        ("167772160", WRONG_BITS),
        (":::", WRONG_BITS),
        ("::ffff:192.0.2.1", MAPPED),
        ("::ffff:0:0/96", MAPPED),
    ],
)
def test_what_is_no_network_is_refused(text: str, reason: str) -> None:
    assert refusal(network, text) == reason


@given(st.ip_addresses(), st.integers(0, 128))
def test_every_network_is_kept_as_the_same_network(address: object, prefix: int) -> None:
    wanted = ip_network(f"{address}/{min(prefix, 32)}", strict=False)
    if getattr(wanted.network_address, "ipv4_mapped", None) is None:
        assert ip_network(network(str(wanted))) == wanted


# --- URIs ---


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("HTTPS://App.example:8443/a/b?c=d#e", Uri("https", None, "App.example", "8443", "/a/b", "e")),
        ("https://app.example", Uri("https", None, "app.example", None, "", None)),
        ("https://u:p@app.example/", Uri("https", "u:p", "app.example", None, "/", None)),
        ("https://app.example/@a:b", Uri("https", None, "app.example", None, "/@a:b", None)),
        ("https://app.example?@evil.example", Uri("https", None, "app.example", None, "", None)),
        ("http://[::1]:8080/cb", Uri("http", None, "[::1]", "8080", "/cb", None)),
        ("https://h:/", Uri("https", None, "h", "", "/", None)),
        ("https:///cb", Uri("https", None, "", None, "/cb", None)),
        ("com.example.app:/cb", Uri("com.example.app", None, None, None, "/cb", None)),
        ("com.example.app:", Uri("com.example.app", None, None, None, "", None)),
        ("urn:ietf:wg:oauth:2.0:oob", Uri("urn", None, None, None, "ietf:wg:oauth:2.0:oob", None)),
        ("https://app.example/#", Uri("https", None, "app.example", None, "/", "")),
    ],
)
def test_uri_is_taken_apart_as_it_stands(text: str, parts: Uri) -> None:
    assert parse_uri(text) == parts


NOT_ABSOLUTE = "must be an absolute URI, like https://app.example/path"
CHARACTERS = "must hold only the ASCII characters of a URI; others are written %XX, or xn-- in a host"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", NOT_ABSOLUTE),
        ("/cb", NOT_ABSOLUTE),
        ("//app.example/cb", NOT_ABSOLUTE),
        ("app.example/cb", NOT_ABSOLUTE),
        (":foo", NOT_ABSOLUTE),
        ("1a://x", NOT_ABSOLUTE),
        ("https://a@b@c/", NOT_ABSOLUTE),
        ("https://h:port/", NOT_ABSOLUTE),
        ("https://h:1:2/", NOT_ABSOLUTE),
        ("https://::1/", NOT_ABSOLUTE),
        ("https://[::1/", NOT_ABSOLUTE),
        ("https://[::1]x/", NOT_ABSOLUTE),
        ("https://x[::1]/", NOT_ABSOLUTE),
        ("https://a/[b]", NOT_ABSOLUTE),
        ("https://a/#b#c", NOT_ABSOLUTE),
        (" https://a/", CHARACTERS),
        ("https://a/ ", CHARACTERS),
        ("https://a/b c", CHARACTERS),
        ("https://a/\n", CHARACTERS),
        ("ht\ttps://a/", CHARACTERS),
        ("\x01https://a/", CHARACTERS),
        ("https://a/\x00", CHARACTERS),
        ("https:\\\\a\\b", CHARACTERS),
        ("https://a\\@evil.example/", CHARACTERS),
        ("https://exämple.org/", CHARACTERS),
        ("https://аpple.example/", CHARACTERS),
        ("https://a/{host}", CHARACTERS),
        ("https://a/<b>", CHARACTERS),
        ('https://a/"', CHARACTERS),
        ("https://a/%", CHARACTERS),
        ("https://a/%zz", CHARACTERS),
        ("https://a/^|`", CHARACTERS),
        ("https://a/" + "b" * MAX_URI, "must have at most 2048 characters"),
    ],
)
def test_what_is_no_absolute_uri_is_refused(text: str, reason: str) -> None:
    assert refusal(parse_uri, text) == reason


GOOD_URLS = [
    "https://app.example/",
    "http://app.example",
    "HTTPS://APP.example/",
    "https://intranet/logo.png?size=1#top",
    "https://a.b-c.example:1/",
    "https://app.example:65535/",
    "https://192.0.2.1/",
    "https://[2001:db8::1]:443/",
    "https://xn--bcher-kva.example/",
    "https://1and1.example/",
    "https://0x7f.example/",
    "https://a/%2e%2e/b//c/..;/d/*",
    "https://a/" + "b" * (MAX_URI - 10),
]


@pytest.mark.parametrize("text", GOOD_URLS)
def test_url_is_kept_as_given(text: str) -> None:
    assert http_url(text) == text


HOST = "must name a valid host after //"
USER = "must hold no user name or password before the host"
PORT = "must have a port from 1 to 65535, or none"
SCHEME = "must be an http or https URL"

BAD_URLS = [
    ("javascript:alert(1)", SCHEME),
    ("JavaScript:alert(1)", SCHEME),
    ("data:text/html,x", SCHEME),
    ("ftp://a/", SCHEME),
    ("httpss://a/", SCHEME),
    ("https:a", HOST),
    ("https:/a", HOST),
    ("https:", HOST),
    ("https://", HOST),
    ("https:///a", HOST),
    ("https://:443/", HOST),
    ("https://.example/", HOST),
    ("https://a..example/", HOST),
    ("https://app.example./", HOST),
    ("https://-a.example/", HOST),
    ("https://a-.example/", HOST),
    ("https://a_b.example/", HOST),
    ("https://*.example/", HOST),
    ("https://a%2eexample/", HOST),
    ("https://a,b/", HOST),
    ("https://" + "a" * 64 + ".example/", HOST),
    ("https://" + "a." * 126 + "aa/", HOST),
    ("https://127.1/", HOST),
    ("https://2130706433/", HOST),
    ("https://0x7f000001/", HOST),
    ("https://0x7f.0.0.1/", HOST),
    ("https://0177.0.0.1/", HOST),
    ("https://127.0.0.01/", HOST),
    ("https://256.0.0.1/", HOST),
    ("https://1.2.3.4.5/", HOST),
    ("https://a.1/", HOST),
    ("https://[::1%25eth0]/", HOST),
    ("https://[::1%eth0]/", CHARACTERS),
    ("https://[127.0.0.1]/", HOST),
    ("https://[v1.x]/", HOST),
    ("https://[]/", HOST),
    ("https://good.example@evil.example/", USER),
    ("http://127.0.0.1:1@evil.example/", USER),
    ("https://@a/", USER),
    ("https://u:p@a/", USER),
    ("https://a:0/", PORT),
    ("https://a:/", PORT),
    ("https://a:080/", PORT),
    ("https://a:65536/", PORT),
    ("https://a:99999999999/", PORT),
]


@pytest.mark.parametrize(("text", "reason"), BAD_URLS)
def test_what_is_no_url_is_refused(text: str, reason: str) -> None:
    assert refusal(http_url, text) == reason


URL_LIKE = st.from_regex(r"\Ahttps?:/?/?[a-z0-9.@:%\[\]_-]{0,12}[/?#\\]?[a-z@:/.\\\x00-\x20é]{0,6}\Z")


@given(URL_LIKE | st.sampled_from(GOOD_URLS))
def test_another_reader_sees_the_same_host_in_whatever_is_accepted(text: str) -> None:
    try:
        http_url(text)
    except Invalid:
        return
    ours, theirs = parse_uri(text), urlsplit(text)
    assert (ours.host or "").strip("[]").lower() == theirs.hostname
    assert (theirs.username, theirs.password) == (None, None)
    assert ours.port == (None if theirs.port is None else str(theirs.port))


# --- images ---

PNG, JPEG, GIF = b"\x89PNG\r\n\x1a\n-", b"\xff\xd8\xff\xe0-", b"GIF89a-"
WEBP, SVG = b"RIFF\x0a\x00\x00\x00WEBP", b"<svg onload='alert(1)'/>"


def base64(content: bytes) -> str:
    return b64encode(content).decode()


LARGEST = PNG + bytes(MAX_IMAGE_BYTES - len(PNG))

GOOD_IMAGES = [
    *(base64(each) for each in (PNG, JPEG, GIF, b"GIF87a", WEBP)),
    "data:image/png;base64," + base64(PNG),
    "data:image/jpeg;base64," + base64(JPEG),
    "data:image/gif;base64," + base64(GIF),
    "data:image/webp;base64," + base64(WEBP),
    "DATA:image/PNG;BASE64," + base64(PNG),
    base64(LARGEST),
    "data:image/jpeg;base64," + base64(JPEG + bytes(MAX_IMAGE_BYTES - len(JPEG))),
]


@pytest.mark.parametrize("text", GOOD_IMAGES + GOOD_URLS, ids=lambda text: text[:30])
def test_image_is_kept_as_given(text: str) -> None:
    assert Text(max_length=MAX_IMAGE, syntax=image).parse(text) == text


NOTHING_KNOWN = "must be a PNG, JPEG, GIF or WebP image, and what its data: URI says"
NO_BASE64 = "must be an http or https URL, or a PNG, JPEG, GIF or WebP image in base64"
TOO_BIG = "must have at most 65536 bytes of image"

BAD_IMAGES = [
    ("", NOTHING_KNOWN),
    ("data:image/png;base64,", NOTHING_KNOWN),
    (base64(b"BM-a bitmap"), NOTHING_KNOWN),
    (base64(SVG), NOTHING_KNOWN),
    (base64(b"RIFF\x0a\x00\x00\x00WAVE"), NOTHING_KNOWN),
    (base64(b"-" + PNG), NOTHING_KNOWN),
    ("data:image/png;base64," + base64(GIF), NOTHING_KNOWN),
    ("data:image/jpeg;base64," + base64(SVG), NOTHING_KNOWN),
    ("data:image/svg+xml;base64," + base64(SVG), NO_BASE64),
    ("data:text/html;base64," + base64(PNG), NO_BASE64),
    ("data:image/png," + base64(PNG), NO_BASE64),
    ("data:image/png;charset=x;base64," + base64(PNG), NO_BASE64),
    (" data:image/png;base64," + base64(PNG), NO_BASE64),
    ("javascript:alert(1)", NO_BASE64),
    ("https://u:p@a/logo.png", USER),
    ("HTTPS:logo.png", HOST),
    ("ftp://a/logo.png", NO_BASE64),
    ("data:image/svg+xml,<svg/>", NO_BASE64),
    ("/logo.png", NO_BASE64),
    ("logo.png", NO_BASE64),
    ("//a/logo.png", NO_BASE64),
    (base64(PNG)[:-1], NO_BASE64),
    (base64(PNG) + "====", NO_BASE64),
    (base64(PNG) + "\n", NO_BASE64),
    (base64(PNG)[:4] + " " + base64(PNG)[4:], NO_BASE64),
    (base64(b"\xff\xd8\xff\xff\xef").replace("/", "_"), NO_BASE64),
    ("data:image/png;base64," + base64(PNG) + "#x", NO_BASE64),
    (base64(LARGEST + b"-"), TOO_BIG),
    (base64(LARGEST + b"--"), TOO_BIG),
    (base64(LARGEST * 100), TOO_BIG),
]


@pytest.mark.parametrize(("text", "reason"), BAD_IMAGES, ids=lambda text: text[:40])
def test_what_is_no_image_is_refused(text: str, reason: str) -> None:
    assert refusal(image, text) == reason


# --- all of them ---


@given(st.text(min_size=8))
def test_what_is_accepted_is_kept_and_what_is_refused_is_not_repeated(text: str) -> None:
    for syntax in (email, vschar, network, http_url, image):
        try:
            kept = syntax(text)
        except Invalid as refused:
            assert text not in str(refused)  # noqa: PT017 - either outcome is right
        else:
            assert syntax(kept) == kept
