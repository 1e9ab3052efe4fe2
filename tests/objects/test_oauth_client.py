"""x:OAuthClient: what each property accepts, and what can be done with it."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from jmap_oauth.model.definition import MASK, Flaw
from jmap_oauth.model.kinds import Invalid
from jmap_oauth.model.validate import draft_new
from jmap_oauth.objects.oauth_client import oauth_client

CLIENT = oauth_client(frozenset({"stalwart"}))

EMPTY: dict[str, Any] = {
    "clientId": "portal",
    "description": None,
    "contacts": {},
    "secret": None,
    "createdAt": None,
    "expiresAt": None,
    "memberTenantId": None,
    "redirectUris": {},
    "logo": None,
}
GIF = b64encode(b"GIF89a").decode()

KEPT: list[tuple[str, Any, Any]] = [
    ("clientId", "portal", "portal"),
    ("clientId", "  portal\t", "portal"),
    ("clientId", "a b/~!", "a b/~!"),
    ("clientId", "x" * 255, "x" * 255),
    ("description", None, None),
    ("description", "", ""),
    ("description", " two\n\tlines ", " two\n\tlines "),
    ("description", "é" * 2_000, "é" * 2_000),
    ("contacts", {}, {}),
    ("contacts", {"Ops@Example.org": True, "x": False}, {"Ops@Example.org": True}),
    ("contacts", dict.fromkeys((f"a{n}@example.org" for n in range(100)), True), None),
    ("secret", None, None),
    ("secret", "x", "x"),
    ("secret", " sp ace ", " sp ace "),
    ("secret", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA"),
    ("secret", "{SHA}aGFzaA==", "{SHA}aGFzaA=="),
    ("secret", "é" * 1_024, "é" * 1_024),
    ("expiresAt", None, None),
    ("expiresAt", "2027-01-01T10:00:00.000Z", "2027-01-01T10:00:00Z"),
    ("expiresAt", "1999-01-01T00:00:00Z", "1999-01-01T00:00:00Z"),
    ("memberTenantId", None, None),
    ("memberTenantId", "i0", "i0"),
    ("redirectUris", {}, {}),
    ("redirectUris", {"https://b/": True, "https://a/": True}, {"https://b/": True, "https://a/": True}),
    ("redirectUris", {"stalwart://auth": True}, {"stalwart://auth": True}),
    ("logo", None, None),
    ("logo", "https://app.example/logo.svg", "https://app.example/logo.svg"),
    ("logo", GIF, GIF),
    ("logo", f"data:image/gif;base64,{GIF}", f"data:image/gif;base64,{GIF}"),
]

SET = 'must be an object like {"value": true}'
WRONG = "has a wrong member, number 1: it "
SCRIPT = "must not have a scheme that can run scripts or show local data"
CHARACTERS = "must hold only the ASCII characters of a URI; others are written %XX, or xn-- in a host"
LOGO = "must be an http or https URL, or a PNG, JPEG, GIF or WebP image in base64"
ABSOLUTE = "must be an absolute URI, like https://app.example/path"

REFUSED: list[tuple[str, Any, str]] = [
    ("clientId", None, "must be a string"),
    ("clientId", 5, "must be a string"),
    ("clientId", "", "must not be empty"),
    ("clientId", " \t ", "must not be empty"),
    ("clientId", "x" * 256, "must have at most 255 characters"),
    ("clientId", ".", 'must not be "." or ".."'),
    ("clientId", " .. ", 'must not be "." or ".."'),
    ("clientId", "pörtal", "must hold only ASCII letters, digits, punctuation and spaces"),
    ("clientId", "a\u202eb", "must hold only ASCII letters, digits, punctuation and spaces"),
    ("clientId", "a\x00b", "must not hold control characters"),
    ("description", 5, "must be a string"),
    ("description", "x" * 2_001, "must have at most 2000 characters"),
    ("description", "a\x1b[2Jb", "must not hold control characters"),
    ("contacts", None, SET),
    ("contacts", ["ops@example.org"], SET),
    ("contacts", {"ops@example.org": 1}, "has a member that is neither true nor false"),
    ("contacts", {"ops": True}, WRONG + "must be an e-mail address"),
    ("contacts", {"": True}, WRONG + "must be an e-mail address"),
    ("contacts", {"x@" + "a" * 250 + ".org": True}, WRONG + "must have at most 254 characters"),
    ("contacts", dict.fromkeys((f"a{n}@example.org" for n in range(101)), True), "must have at most 100 members"),
    ("secret", 5, "must be a string"),
    ("secret", "", "must not be empty"),
    ("secret", "x" * 1_025, "must have at most 1024 characters"),
    ("secret", "a\x00b", "must not hold control characters"),
    ("expiresAt", "tomorrow", "must be a date like 2026-01-31T12:00:00Z"),
    ("expiresAt", 1_800_000_000, "must be a date like 2026-01-31T12:00:00Z"),
    ("memberTenantId", "a b", "must be an id"),
    ("memberTenantId", 5, "must be an id"),
    ("redirectUris", None, SET),
    ("redirectUris", ["https://a/"], SET),
    ("redirectUris", {"javascript:alert(1)": True}, WRONG + SCRIPT),
    ("redirectUris", {" https://a/": True}, WRONG + CHARACTERS),
    ("redirectUris", {"https://a/": True, "": True}, "has a wrong member, number 2: it " + ABSOLUTE),
    ("logo", "", "must be a PNG, JPEG, GIF or WebP image, and what its data: URI says"),
    ("logo", "javascript:alert(1)", LOGO),
    ("logo", "data:image/svg+xml;base64,PHN2Zy8+", LOGO),
    ("logo", "A" * 100_000, "must have at most 87407 characters"),
]


@pytest.mark.parametrize(("name", "given", "kept"), KEPT)
def test_property_keeps_a_good_value_like_this(name: str, given: Any, kept: Any) -> None:
    assert CLIENT.by_name[name].parse(given) == (given if kept is None else kept)


@pytest.mark.parametrize(("name", "given", "reason"), REFUSED)
def test_property_refuses_a_bad_value_for_this_reason(name: str, given: Any, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        CLIENT.by_name[name].parse(given)
    assert str(refused.value) == reason


def seen_everywhere(record: dict[str, Any]) -> dict[str, Any]:
    """Return what of a record those see who do not name the metadata capability."""
    return {name: record[name] for name in CLIENT.visible(frozenset())}


def test_the_documented_create_is_valid() -> None:
    draft = draft_new(CLIENT, {"clientId": "portal", "contacts": {}, "redirectUris": {}}, frozenset())
    assert (seen_everywhere(draft.record), draft.flaws) == (EMPTY, [])


def test_a_client_needs_nothing_but_its_client_id() -> None:
    assert draft_new(CLIENT, {}, frozenset()).flaws == [Flaw("clientId", "is required", missing=True)]
    assert seen_everywhere(draft_new(CLIENT, {"clientId": "portal"}, frozenset()).record) == EMPTY


def test_the_time_of_creation_is_the_servers() -> None:
    given = {"clientId": "portal", "createdAt": "2026-01-01T00:00:00Z"}
    assert draft_new(CLIENT, given, frozenset()).flaws == [Flaw("createdAt", "is set by the server")]


def test_the_mask_is_no_secret_of_a_new_client() -> None:
    [flaw] = draft_new(CLIENT, {"clientId": "portal", "secret": MASK}, frozenset()).flaws
    assert flaw == Flaw("secret", "must not be ****, which only stands for a secret that is already there")


@pytest.mark.parametrize(
    ("flag", "names"),
    [
        ("required", ["clientId"]),
        ("unique", ["clientId"]),
        ("nullable", ["description", "secret", "expiresAt", "memberTenantId", "logo"]),
        ("server_set", ["createdAt"]),
        ("secret", ["secret"]),
        ("filter", ["clientId", "createdAt", "expiresAt", "memberTenantId"]),
        ("sort", ["clientId", "description", "createdAt", "expiresAt"]),
        ("searchable", ["clientId", "description", "contacts", "redirectUris"]),
        ("immutable", []),
        ("hidden", []),
    ],
)
def test_exactly_these_properties_have_the_flag(flag: str, names: list[str]) -> None:
    assert [name for name, each in CLIENT.visible(frozenset()).items() if getattr(each, flag)] == names


def test_properties_stand_in_the_order_of_their_documentation() -> None:
    assert list(CLIENT.visible(frozenset())) == list(EMPTY)
