"""What hypothesis throws at the API: requests that nearly make sense, JSON that makes none, and bytes.

"KNOWN", "OWN" and "TENANT" stand for ids: of a client of another tenant, one of the tenant that asks, and that tenant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from jmap_oauth.model.definition import Action, Model, ObjectType
from jmap_oauth.model.query import Test
from jmap_oauth.objects import served_types
from jmap_oauth.objects.oauth_client_metadata import METADATA
from tests.support.served import USING

MODEL = Model(served_types(frozenset()))
TYPES = tuple(MODEL)

Strategy = st.SearchStrategy[Any]

# Texts that are valid somewhere, or nearly so, or mean something to a database, a log or a parser.
TEXTS = (
    "", "a", "b", " a ", "A", "****", "#a", "#", "a/b", "~1", "*", "%", '"', "' OR 1=1 --", "NEAR(", "\u0000", "\ud800",
    "\u202e", "i\u0307", "\U0001f600", "x" * 300, "KNOWN", "OWN", "TENANT", "global", "a@example.com", "a@localhost",
    "https://app.example/cb", "http://[::1]/", "com.example.app:/cb", "javascript:alert(1)", "https://[/", "data:,",
    "R0lGODlhAQABAAAAACw=", "data:image/gif;base64,R0lGODlhAQABAAAAACw=", "2030-01-31T12:00:00Z",
    "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00Z", "2030-01-31T12:00:00.123456789+14:00", "192.0.2.1",
    "::/0", "sysOAuthClientGet", "maxOauthClients",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2**53 - 1, 2**53, -(2**63), 2**64, 10**400, 0.5, -0.0, 1e308)

GOOD: Mapping[str, Sequence[Any]] = {
    "clientId": ("a", "b", "KNOWN", "x y~z"),
    "name": ("a", "B", "\u00dc"),
    "description": ("a", "line\nline", ""),
    "secret": ("s", "****", None),
    "contacts": ({}, {"a@example.com": True}, {"a@example.com": False, "\u00fc@example.com": True}),
    "redirectUris": ({}, {"https://app.example/cb": True, "com.example.app:/": True}),
    "logo": (None, "https://app.example/", "R0lGODlhAQABAAAAACw="),
    "expiresAt": (None, "2090-01-31T12:00:00.5+01:00", "2000-01-01T00:00:00Z"),
    "createdAtIsLessThan": ("2090-01-31T12:00:00Z",),
    "memberTenantId": ("TENANT", "#a", None),
    "quotas": ({}, {"maxOauthClients": 3}),
    "permissions": ({}, {"sysOAuthClientGet": True, "sysApiKeyUpdate": True}),
    "oauthClientId": ("OWN", "#a", "KNOWN"),
    "label": (None, "", "a"),
    "secretHash": (None, "$2b$08$abcdefghijklmnopqrstuuVQ9fO0uhzaYtdbMBUAk8Q0dvKnFcZyC"),
    "notBefore": (None, "2080-01-31T12:00:00Z"),
    "tokenEndpointAuthMethod": ("none", "client_secret_basic", "client_secret_post"),
    "grantTypes": ({}, {"client_credentials": True}),
    "isProtected": (False, True),
    "allowedIps": ({}, {"127.0.0.1": True, "2001:db8::/32": True}),
}
"""Values that are valid for the property, or condition, of this name."""


def mostly(good: Strategy, bad: Strategy) -> Strategy:
    """Return what is good in nine of ten cases: of calls where all is wrong, only the first wrong thing is seen."""
    return st.integers(0, 9).flatmap(lambda number: bad if number == 9 else good)


texts: Strategy = st.sampled_from(TEXTS) | st.text(max_size=8)
scalars: Strategy = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.integers() | texts
anything: Strategy = st.recursive(
    scalars, lambda part: st.lists(part, max_size=3) | st.dictionaries(texts, part, max_size=3), max_leaves=6
)
ids: Strategy = st.sampled_from(["OWN", "#a", "#b", "KNOWN", "TENANT", "nobody", "", "no id!"])
sets: Strategy = st.dictionaries(texts, st.sampled_from([True, False, None]) | scalars, max_size=3)
values: Strategy = texts | sets | ids | anything
unused: Strategy = st.text("abcdefghijklmnop", min_size=4, max_size=8)


def value_of(name: str) -> Strategy:
    """Return values for the property or condition of a name, in the main valid."""
    good: Strategy = st.sampled_from(GOOD[name])
    return mostly(good | unused if name == "clientId" else good, values)


def properties(type: ObjectType) -> Strategy:
    return mostly(st.sampled_from(["id", *type.by_name]), texts)


def creations(type: ObjectType) -> Strategy:
    """Objects for create, in the main valid."""
    known = {each.name: value_of(each.name) for each in type.properties if each.name in GOOD}
    required = {each.name: known.pop(each.name) for each in type.properties if each.required}
    whatever = st.dictionaries(properties(type), values) | anything
    return mostly(st.fixed_dictionaries(required, optional=known), whatever)


def patches(type: ObjectType) -> Strategy:
    known = {each.name: value_of(each.name) for each in type.properties if each.name in GOOD}
    pointers = st.builds("{}/{}".format, properties(type), texts)
    members = st.dictionaries(pointers, mostly(st.sampled_from([True, None]), values), min_size=1, max_size=2)
    return mostly(st.fixed_dictionaries({}, optional=known) | members, anything)


def filters(type: ObjectType) -> Strategy:
    good = st.one_of(*(st.fixed_dictionaries({name: value_of(name)}) for name in GOOD if name in _conditions(type)))
    bad = st.dictionaries(st.sampled_from(_conditions(type)), texts | ids | anything, max_size=2) | anything
    search = st.fixed_dictionaries({"text": texts})
    operators = mostly(st.sampled_from(["AND", "OR", "NOT", "AllOf", "AnyOf", "Not"]), texts)
    return st.recursive(
        mostly(search | good, bad),
        lambda part: st.fixed_dictionaries({"operator": operators, "conditions": st.lists(part, max_size=3)}),
        max_leaves=6,
    )


def _conditions(type: ObjectType) -> list[str]:
    suffixes = ["", *(test.value for test in Test)]
    return ["text", "status", *(each.name_in_filters + suffix for each in type.properties for suffix in suffixes)]


def comparators(type: ObjectType) -> Strategy:
    sortable = st.sampled_from(["id", *(each.name for each in type.properties if each.sort)])
    optional = {"isAscending": mostly(st.booleans(), scalars), "collation": mostly(st.just("i;unicode-casemap"), texts)}
    return st.fixed_dictionaries({"property": mostly(sortable, texts)}, optional=optional)


references: Strategy = st.fixed_dictionaries(
    {
        "resultOf": st.sampled_from(["c0", "c1", "c2"]),
        "name": st.sampled_from([f"x:{type.name}/{name}" for type in TYPES for name in ("get", "set", "query")]),
        "path": st.sampled_from(["/ids", "/ids/0", "/list/*/id", "/list/*/memberTenantId", "/created/a/id", "/*", ""]),
    }
)


def get_arguments(type: ObjectType) -> Strategy:
    wanted = st.lists(st.sampled_from(["id", *type.visible(frozenset())]))
    return st.fixed_dictionaries(
        {}, optional={"ids": mostly(st.lists(ids), anything), "properties": mostly(wanted, anything)}
    )


def set_arguments(type: ObjectType) -> Strategy:
    keys = mostly(st.sampled_from(["a", "b"]), texts)
    parts = {
        "create": mostly(st.dictionaries(keys, creations(type), min_size=1, max_size=3), anything),
        "update": mostly(st.dictionaries(ids, patches(type), min_size=1, max_size=3), anything),
    }
    others = {"destroy": mostly(st.lists(ids, max_size=3), anything), "ifInState": mostly(st.none(), scalars)}
    return st.fixed_dictionaries(parts, optional=others)


def query_arguments(type: ObjectType) -> Strategy:
    return st.fixed_dictionaries(
        {"filter": filters(type)},
        optional={
            "sort": mostly(st.lists(comparators(type), max_size=3), anything),
            "anchor": mostly(st.none() | ids, scalars),
            **{name: mostly(st.integers(-5, 5), scalars) for name in ("position", "anchorOffset")},
            "limit": mostly(st.integers(0, 5), scalars),
            "calculateTotal": mostly(st.booleans(), scalars),
        },
    )


_ARGUMENTS = {"get": get_arguments, "set": set_arguments, "query": query_arguments}


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A method call, its arguments in the main of the right kind."""
    type, name = draw(st.sampled_from(TYPES)), draw(st.sampled_from([*_ARGUMENTS]))
    arguments = draw(_ARGUMENTS[name](type))
    if draw(st.integers(0, 9)) == 9:
        arguments[draw(st.sampled_from(["accountId", "x"]))] = draw(texts | st.none())
    if draw(st.integers(0, 4)) == 4:
        replaced = draw(st.sampled_from(["ids", "destroy", "filter", "limit"]))
        arguments.pop(replaced, None)
        arguments["#" + replaced] = draw(mostly(references, anything))
    return f"x:{type.name}/{name}", arguments


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A Request, in the main well shaped."""
    named = [[*draw(calls()), f"c{number}"] for number in range(draw(st.integers(1, 4)))]
    if draw(st.integers(0, 9)) == 9:
        named.append(["Core/echo", {"echo": draw(anything)}, "e"])
    request: dict[str, Any] = {"using": [*USING, *draw(mostly(st.just([METADATA]), st.just([])))], "methodCalls": named}
    if draw(st.integers(0, 3)) == 3:
        request["createdIds"] = draw(st.dictionaries(st.sampled_from(["a", "b"]), ids))
    if draw(st.integers(0, 9)) == 9:
        request[draw(st.sampled_from([*request, "x"]))] = draw(anything)
    return request


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A Request in which bytes are lost, doubled, moved or replaced."""
    body = bytearray(json.dumps(draw(requests())).encode())
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = start + draw(st.integers(0, 6))
        piece = draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"{", b"]", b",", b"\\", b"1e999", bytes(body[start:end])])
        )
        body[start:end] = piece
    return bytes(body)


def permissions(*, but: tuple[Action, ...] = ()) -> dict[str, bool]:
    """Return all permissions on all types, but for some on clients and keys."""
    return {
        type.permission_for(action): True
        for type in TYPES
        for action in type.actions
        if type.is_account or action not in but
    }
