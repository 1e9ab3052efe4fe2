"""What URIs and origins of a client may be, beside those that it redirects to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jmap_oauth.model.kinds import Invalid
from jmap_oauth.objects.uris import fetched_url, frame_url, origin, origin_of, request_url

HTTPS = "must have the scheme https"
PUBLIC = "must name a host of the public internet"
HOST = "must name a valid host after //"
FRAGMENT = "must have no fragment"
ABSOLUTE = "must be an absolute URI, like https://app.example/path"
CHARACTERS = "must hold only the ASCII characters of a URI; others are written %XX, or xn-- in a host"
USER = "must hold no user name or password before the host"


def refusal(syntax: Callable[[str], object], text: str) -> str:
    with pytest.raises(Invalid) as refused:
        syntax(text)
    return str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "https://app.example/jwks.json",
        "HTTPS://App.Example:8443/jwks?v=1",
        "https://local.example/",
        "https://internal.corp.example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
    ],
)
def test_a_url_on_a_public_host_is_kept_byte_for_byte(text: str) -> None:
    assert fetched_url(text) == text


INTERNAL = [
    "localhost",
    "LocalHost",
    "a.localhost",
    "localhost.localdomain",
    "printer.local",
    "metadata.google.internal",
    "METADATA.GOOGLE.INTERNAL",
    "wiki.intranet",
    "wiki.corp",
    "nas.home",
    "nas.home.arpa",
    "nas.lan",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "db",
    "0.0.0.0",
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:8.8.8.8]",
    "[::127.0.0.1]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[64:ff9b::a00:1]",
    "[64:ff9b:1::a00:1]",
    "[2002:a00:1::1]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[2001:db8::1]",
]


@pytest.mark.parametrize("host", INTERNAL)
def test_an_internal_host_is_refused(host: str) -> None:
    assert refusal(fetched_url, f"https://{host}/") == PUBLIC
    assert refusal(request_url, f"https://{host}:8443/") == PUBLIC


DISGUISED = ["2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.1", "127.0.0.1.", "localhost.", "%6cocalhost"]


@pytest.mark.parametrize("host", [*DISGUISED, "[fe80::1%25eth0]", ""])
def test_an_address_in_disguise_is_no_host(host: str) -> None:
    assert refusal(fetched_url, f"https://{host}/") in {HOST, ABSOLUTE}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ABSOLUTE),
        ("http://app.example/jwks.json", HTTPS),
        ("javascript:alert(1)", HTTPS),
        ("data:application/json,{}", CHARACTERS),
        ("file:///etc/passwd", HTTPS),
        ("unix:/run/docker.sock", HTTPS),
        ("gopher://app.example/", HTTPS),
        ("https://user@app.example/", USER),
        ("https://app.example@127.0.0.1/", USER),
        ("https://app.example/#keys", FRAGMENT),
        ("https://app.example/{host}", CHARACTERS),
        (" https://app.example/", CHARACTERS),
        ("https://app.example\\@evil.example/", CHARACTERS),
        ("https://äpp.example/", CHARACTERS),
    ],
)
def test_what_nobody_should_fetch_is_refused(text: str, reason: str) -> None:
    assert refusal(fetched_url, text) == reason


def test_the_fragment_of_a_request_uri_may_be_the_hash_of_what_is_there() -> None:
    text = "https://app.example/request#GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM"
    assert request_url(text) == text


def test_what_a_frame_shows_may_be_plain_http_and_has_no_fragment() -> None:
    assert frame_url("http://localhost:3000/logout") == "http://localhost:3000/logout"
    assert refusal(frame_url, "https://app.example/logout#now") == FRAGMENT
    assert refusal(frame_url, "javascript:alert(1)") == "must be an http or https URL"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://app.example", "https://app.example"),
        ("https://app.example/", "https://app.example"),
        ("HTTPS://App.Example", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://app.example:80/", "http://app.example"),
        ("http://app.example:443", "http://app.example:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://[2001:DB8:0::1]:8443/", "https://[2001:db8::1]:8443"),
    ],
)
def test_an_origin_is_kept_as_browsers_write_it(text: str, kept: str) -> None:
    assert origin(text) == kept


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ABSOLUTE),
        ("null", ABSOLUTE),
        ("*", ABSOLUTE),
        ("app.example", ABSOLUTE),
        ("file:///", "must be an origin like https://app.example"),
        ("com.example.app://", "must be an origin like https://app.example"),
        ("https://", HOST),
        ("https://*", HOST),
        ("https://*.app.example", HOST),
        ("https://app.example.", HOST),
        ("https://user@app.example", USER),
        ("https://app.example//", "must end after the host and the port: an origin has no path"),
        ("https://app.example/x", "must end after the host and the port: an origin has no path"),
        ("https://app.example?", "must end after the host and the port: an origin has no path"),
        ("https://app.example/#", "must end after the host and the port: an origin has no path"),
        ("https://app.example:0", "must have a port from 1 to 65535, or none"),
        ("https://app.example,https://b.example", HOST),
    ],
)
def test_what_is_no_origin_is_refused(text: str, reason: str) -> None:
    assert refusal(origin, text) == reason


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("https://App.example/cb", ("https", "app.example", "443")),
        ("https://app.example:443/cb", ("https", "app.example", "443")),
        ("http://127.0.0.1:8080/", ("http", "127.0.0.1", "8080")),
        ("com.example.app:/cb", ("com.example.app", "", "")),
        ("com.example.app://host/cb", ("com.example.app", "host", "")),
    ],
)
def test_an_origin_is_scheme_host_and_port(text: str, parts: tuple[str, str, str]) -> None:
    assert origin_of(text) == parts
