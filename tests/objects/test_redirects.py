"""What a redirect URI may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmap_oauth.model.definition import DeclarationError
from jmap_oauth.model.kinds import Invalid
from jmap_oauth.model.syntax import MAX_URI, parse_uri
from jmap_oauth.objects.redirects import NEVER, is_registered, redirect_uri

usual = redirect_uri(frozenset())

ACCEPTED = [
    "https://app.example/cb",
    "https://app.example",
    "HTTPS://App.Example/CB",
    "https://app.example:8443/cb?tenant=a&x=%2F",
    "https://intranet/cb",
    "https://192.0.2.1/cb",
    "https://127.0.0.1/cb",
    "https://[2001:db8::1]:8443/cb",
    "https://xn--bcher-kva.example/cb",
    "https://app.example/@user",
    "https://app.example/a%2Fb",
    "https://app.example/%252e%252e/",
    "https://app.example//evil.example/",
    "https://app.example/...",
    "https://app.example/a;b=c",
    "https://app.example/cb?barcode=1&states=2",
    "https://app.example/code=1/state",
    "https://app.example/cb?next=https://good.example/../x",
    "http://127.0.0.1/cb",
    "http://127.0.0.1:1/cb",
    "http://127.0.0.1:65535/",
    "http://[::1]/cb",
    "http://[::1]:8080/cb",
    "http://localhost/cb",
    "http://LOCALHOST:3000",
    "com.example.app:/oauth2redirect",
    "com.example.app://oauth2redirect/cb",
    "com.example.app:cb",
    "Com.Example.App:/cb",
    "https://a/" + "b" * (MAX_URI - 10),
]


@pytest.mark.parametrize("text", ACCEPTED, ids=lambda text: text[:60])
def test_redirect_uri_is_kept_byte_for_byte(text: str) -> None:
    assert usual(text) == text


ABSOLUTE = "must be an absolute URI, like https://app.example/path"
CHARACTERS = "must hold only the ASCII characters of a URI; others are written %XX, or xn-- in a host"
SCRIPT = "must not have a scheme that can run scripts or show local data"
FRAGMENT = "must have no fragment"
USER = "must hold no user name or password before the host"
WILDCARD = 'must hold no wildcard "*"'
ANSWER = "must not hold parameters of an answer, such as code and state"
DOTS = 'must have no "." or ".." segment in its path'
PLAIN = "must have the scheme https, unless the host is 127.0.0.1, [::1] or localhost"
PRIVATE = "must have the scheme https, or a private-use one with a dot, like com.example.app"
HOST = "must name a valid host after //"
PORT = "must have a port from 1 to 65535, or none"

REFUSED = [
    # Schemes that run or show what they hold, however they are written
    ("javascript:alert(1)", SCRIPT),
    ("JavaScript:alert(1)", SCRIPT),
    ("javascript://app.example/%0aalert(1)", SCRIPT),
    ("data:text/html,x", SCRIPT),
    ("DATA:text/html;base64,eA==", SCRIPT),
    ("vbscript:x", SCRIPT),
    ("file:///etc/passwd", SCRIPT),
    ("blob:https://app.example/1", SCRIPT),
    ("about:blank", SCRIPT),
    ("javascript.:alert(1)", PRIVATE),
    (" javascript:alert(1)", CHARACTERS),
    ("\x01javascript:alert(1)", CHARACTERS),
    ("java\tscript:alert(1)", CHARACTERS),
    ("java\nscript:alert(1)", CHARACTERS),
    ("javascript&colon;alert(1)", ABSOLUTE),
    ("javascript%3Aalert(1)", ABSOLUTE),
    # What an authorization server will add
    ("https://app.example/cb?code=x", ANSWER),
    ("https://app.example/cb?a=1&state", ANSWER),
    ("https://app.example/cb?a=1;iss=https://evil.example", ANSWER),
    ("https://app.example/cb?%63ode=x", ANSWER),
    ("http://127.0.0.1/cb?error=x", ANSWER),
    ("com.example.app:/cb?id_token=x", ANSWER),
    # No absolute URI
    ("", ABSOLUTE),
    ("*", ABSOLUTE),
    ("/cb", ABSOLUTE),
    ("//app.example/cb", ABSOLUTE),
    ("app.example/cb", ABSOLUTE),
    ("https:app.example/cb", HOST),
    ("https:/app.example/cb", HOST),
    ("https:///app.example/cb", HOST),
    ("https://", HOST),
    # User information, and what makes readers see another host
    ("https://good.example@evil.example/cb", USER),
    ("http://127.0.0.1:1@evil.example/cb", USER),
    ("http://127.0.0.1@evil.example", USER),
    ("https://@app.example/", USER),
    ("com.example.app://user@host/", USER),
    ("https://app.example\\@evil.example/", CHARACTERS),
    ("https:\\\\app.example\\cb", CHARACTERS),
    ("https://app.example%2f@evil.example/", USER),
    ("https://app.example%2fevil.example/", HOST),
    ("https://app.example%00.evil.example/", HOST),
    ("https://app.example/\x00", CHARACTERS),
    ("https://app.example/a b", CHARACTERS),
    ("https://app.example/cb\n", CHARACTERS),
    ("https://app.example/cb\u200b", CHARACTERS),
    ("https://аpp.example/cb", CHARACTERS),
    ("https://app。example/cb", CHARACTERS),
    ("https://app.example./cb", HOST),
    ("https://a..example/cb", HOST),
    ("https://2130706433/", HOST),
    ("https://0x7f.1/", HOST),
    ("https://0177.0.0.1/", HOST),
    ("https://[fe80::1%25eth0]/", HOST),
    ("https://app.example:0/", PORT),
    ("https://app.example:65536/", PORT),
    ("https://app.example:/", PORT),
    ("https://app.example:8443x/", ABSOLUTE),
    # Fragments, wildcards, dot segments
    ("https://app.example/cb#", FRAGMENT),
    ("https://app.example/cb#frag", FRAGMENT),
    ("http://127.0.0.1/cb#frag", FRAGMENT),
    ("com.example.app:/cb#x", FRAGMENT),
    ("https://*.example/cb", WILDCARD),
    ("https://*.co.uk/", WILDCARD),
    ("https://app.example:*/cb", ABSOLUTE),
    ("https://app.example/*", WILDCARD),
    ("https://app.example/cb?*", WILDCARD),
    ("com.example.*:/cb", ABSOLUTE),
    ("https://app.example/..", DOTS),
    ("https://app.example/./cb", DOTS),
    ("https://app.example/a/../cb", DOTS),
    ("http://127.0.0.1/../cb", DOTS),
    ("https://app.example/%2e%2E/cb", DOTS),
    ("https://app.example/.%2e", DOTS),
    ("https://app.example/..;/cb", DOTS),
    ("https://app.example/..;a=b/cb", DOTS),
    ("com.example.app:../cb", DOTS),
    # Plain http, but for this machine under its three names
    ("http://app.example/cb", PLAIN),
    ("HTTP://app.example/cb", PLAIN),
    ("http://127.0.0.1.evil.example/cb", PLAIN),
    ("http://localhost.evil.example/cb", PLAIN),
    ("http://evil.example/?127.0.0.1", PLAIN),
    ("http://127.0.0.2/", PLAIN),
    ("http://127.1/", PLAIN),
    ("http://2130706433/", PLAIN),
    ("http://0x7f000001/", PLAIN),
    ("http://0177.0.0.1/", PLAIN),
    ("http://127.0.0.1./", PLAIN),
    ("http://localhost./", PLAIN),
    ("http://0.0.0.0/", PLAIN),
    ("http://[::]/", PLAIN),
    ("http://[0:0:0:0:0:0:0:1]/", PLAIN),
    ("http://[::ffff:127.0.0.1]/", PLAIN),
    ("http://[::1%25lo]/", PLAIN),
    ("http:///cb", PLAIN),
    ("http:127.0.0.1/cb", PLAIN),
    ("http://127.0.0.1:0/", PORT),
    ("http://localhost:65536/", PORT),
    # Other schemes
    ("myapp:/cb", PRIVATE),
    ("stalwart://auth", PRIVATE),
    ("ftp://app.example/", PRIVATE),
    ("ws://app.example/", PRIVATE),
    ("urn:ietf:wg:oauth:2.0:oob", PRIVATE),
    ("mailto:ops@app.example", PRIVATE),
    ("com..app:/cb", PRIVATE),
    ("com.:/cb", PRIVATE),
    (".com:/cb", ABSOLUTE),
    ("https://a/" + "b" * MAX_URI, f"must have at most {MAX_URI} characters"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=lambda text: text[:60])
def test_bad_redirect_uri_is_refused_for_this_reason(text: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        usual(text)
    assert str(refused.value) == reason


@pytest.mark.parametrize("text", ["stalwart://auth", "Stalwart:auth", "urn:ietf:wg:oauth:2.0:oob"])
def test_a_scheme_that_the_setting_lists_is_accepted(text: str) -> None:
    assert redirect_uri(frozenset({"stalwart", "URN"}))(text) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("other://auth", PRIVATE),
        ("stalwart://auth#x", FRAGMENT),
        ("stalwart://user@auth", USER),
        ("stalwart://*", WILDCARD),
        ("http://app.example/cb", PLAIN),
        ("https://", HOST),
    ],
)
def test_listing_a_scheme_loosens_no_other_rule(text: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        redirect_uri(frozenset({"stalwart", "http", "https"}))(text)
    assert str(refused.value) == reason


@pytest.mark.parametrize("scheme", [*sorted(NEVER), "JavaScript", "", "my app", "https:", "1a", "*"])
def test_a_setting_that_lists_what_can_never_be_allowed_stops_the_start(scheme: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        redirect_uri(frozenset({scheme, "stalwart"}))
    assert str(refused.value) == f"OAuthClient.redirectUris cannot allow the scheme {scheme.lower()!r}."


PIECES = [
    "http",
    "https",
    "javascript",
    "com.example",
    ":",
    "//",
    "/",
    "..",
    "@",
    "\\",
    "\t",
    "#",
    "*",
    "?",
    "%2e",
    ";",
]
HOSTS = ["127.0.0.1", "localhost", "[::1]", "evil.example", "app.example", ":80", "0x7f.1", "é", "\x00", " "]


@given(st.lists(st.sampled_from(PIECES + HOSTS), max_size=10).map("".join))
def test_plain_http_is_accepted_for_this_machine_only_and_never_a_script(text: str) -> None:
    try:
        usual(text)
    except Invalid:
        return
    uri = parse_uri(text)
    assert (uri.user_info, uri.fragment) == (None, None)
    assert uri.scheme not in NEVER
    assert uri.scheme != "http" or uri.host in {"127.0.0.1", "localhost", "[::1]"}


@pytest.mark.parametrize(
    ("port", "is_good"), [("", True), (":1", True), (":65535", True), (":65536", False), (":0", False)]
)
def test_a_loopback_address_has_any_port_that_there_is(port: str, is_good: bool) -> None:
    assert is_registered(f"http://127.0.0.1{port}/cb", ["http://127.0.0.1/cb"]) is is_good
