"""What is measured: requests, and what of their costs may grow with the number of clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.bench.filling import client_id, created_at
from tests.bench.workload import FEW, NUMBER, RARE, TEAMS, ask, encode, make_client

UPDATES = 100
_LATELY = 10
"""Of those updates, how many /changes has to tell."""

_PAGE = 50
_TRIPLES = 500
_MANY = 500
_SECRET = "correct horse battery staple"
_CLIENT = "x:OAuthClient"
_ONE_IN_A_HUNDRED = {"text": "team042"}
_A_FEW = {"text": f"team{TEAMS}"}
_SORTS = ("id", "clientId", "description", "createdAt", "expiresAt", "clientName", "updatedAt", "lastUsedAt")
_BY_CLIENT_ID = [{"property": "clientId"}]


@dataclass(frozen=True, slots=True)
class Case:
    """Requests that are sent in turn. `group` is what `--only` names, `row` that of the tables, in which each of its
    cases has a `name`. `grows`: what is found, or done, is more among more clients. `creates`: objects of a request.
    """

    group: str
    row: str
    bodies: Sequence[bytes]
    expected: Sequence[bytes]
    name: str = ""
    grows: bool = False
    creates: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to ask about: how many clients, the tenant of a few, states from before some updates, a secret."""

    clients: int
    tenant: str
    lately: str
    before: str
    named: str


def prepare(url: str, clients: int, name: str) -> Known:
    """Update some clients, spread over all, and create one with a secret, under a name."""
    before = _query(url, limit=0)["queryState"]
    numbers = [(3 + count * (clients // UPDATES or 1)) % clients for count in range(UPDATES)]
    ids = [client_id(number) for number in dict.fromkeys(max(3, number) for number in numbers)]
    _update(url, ids[:-_LATELY], name)
    lately = _ask(url, "get", ids=[])["state"]
    _update(url, ids[-_LATELY:], name)
    _ask(url, "set", create={"new": {**make_client(name), "secret": _SECRET}})
    [(_, found, _)] = ask(url, encode(("x:Tenant/query", {"filter": {"name": "Some"}}, "c0")))["methodResponses"]
    return Known(clients, found["ids"][0], lately, before, f"app-{name}")


def _update(url: str, ids: Sequence[str], what: str) -> None:
    answer = _ask(url, "set", update={id: {"logo": f"https://example.com/{what}.png"} for id in ids})
    if answer["notUpdated"]:
        raise RuntimeError(f"Clients could not be updated: {answer['notUpdated']}")


def _query(url: str, **arguments: Any) -> Any:
    return _ask(url, "query", **arguments)


def _ask(url: str, method: str, **arguments: Any) -> Any:
    """Return the arguments of the answer to one call."""
    return ask(url, encode((f"{_CLIENT}/{method}", arguments, "c0")))["methodResponses"][0][1]


def make_cases(known: Known) -> Sequence[Case]:
    """Return all that is measured: first what reads, then what writes."""
    return [*_gets(known), *_queries(known), *_pairs(), *_changes(known), *_authenticates(known), *_sets(known)]


def _gets(known: Known) -> Sequence[Case]:
    random = Random(known.clients)
    any = [[client_id(random.randrange(3, known.clients)) for _ in range(3)] for _ in range(_TRIPLES)]
    last = [client_id(known.clients - 1 - place) for place in range(3)]
    expected = (f'["{_CLIENT}/get",{{'.encode(), b'"notFound":[]')
    return [
        Case("get", f"/get of 3 {what}", [encode((f"{_CLIENT}/get", {"ids": each}, "c0")) for each in ids], expected)
        for what, ids in (("ids, the same again", [last]), ("of all", any))
    ]


def _case(group: str, row: str, method: str, arguments: Mapping[str, Any], **more: Any) -> Case:
    body = encode((f"{_CLIENT}/{method}", arguments, "c0"), metadata=True)
    return Case(group, row, [body], [f'["{_CLIENT}/{method}",{{'.encode()], **more)


def _queries(known: Known) -> Sequence[Case]:
    sorts = [
        _case(
            "query",
            f"/query, the first {_PAGE} of a sort",
            "query",
            {"sort": [{"property": each, "isAscending": ascending}], "limit": _PAGE},
            name=f"by {each}{'' if ascending else ', descending'}",
        )
        for each in _SORTS
        for ascending in (True, False)
    ]
    page = {"sort": [{"property": "description"}], "position": _PAGE, "limit": _PAGE}
    deep = {"sort": [{"property": "createdAt"}], "position": known.clients // 2, "limit": _PAGE}
    by_text = {"sort": _BY_CLIENT_ID, "limit": _PAGE}
    of_tenant = {**page, "filter": {"memberTenantId": known.tenant}}
    return [
        *sorts,
        _case("query", f"/query of a tenant of {FEW:,}, {_PAGE} at {_PAGE}", "query", of_tenant),
        _case("query", f"/query by text, which {RARE} have", "query", {**by_text, "filter": _A_FEW}),
        _case("query", "/query by text, which 1 % have", "query", {**by_text, "filter": _ONE_IN_A_HUNDRED}, grows=True),
        _case("query", "/query by createdAt, 50 in the middle", "query", deep, grows=True),
    ]


def _pairs() -> Sequence[Case]:
    found = {"resultOf": "c0", "name": f"{_CLIENT}/query", "path": "/ids"}
    return [
        Case(
            "pair",
            f"/query and /get of {_PAGE} by text, which {what} have",
            [
                encode(
                    (f"{_CLIENT}/query", {"filter": text, "limit": _PAGE}, "c0"),
                    (f"{_CLIENT}/get", {"#ids": found}, "c1"),
                )
            ],
            [b'"notFound":[]'],
            grows=grows,
        )
        for what, text, grows in ((f"{RARE}", _A_FEW, False), ("1 %", _ONE_IN_A_HUNDRED, True))
    ]


def _changes(known: Known) -> Sequence[Case]:
    row = f"/queryChanges after {UPDATES} updates"
    nine_in_ten = {"createdAtIsGreaterThanOrEqual": created_at(known.clients // 10)}
    by_two = [{"property": "expiresAt"}, *_BY_CLIENT_ID]
    arguments: Mapping[str, Mapping[str, Any]] = {
        "of all": {},
        "text (1 %)": {"filter": _ONE_IN_A_HUNDRED},
        "text (all)": {"filter": {"text": "app"}},
        "createdAt (90 %)": {"filter": nine_in_ten},
        "by 2 properties": {"sort": by_two},
        "by 3 properties": {"sort": [{"property": "description", "isAscending": False}, *by_two]},
    }
    since = {"sinceQueryState": known.before, "sort": _BY_CLIENT_ID}
    return [
        _case("changes", f"/changes after {_LATELY} updates", "changes", {"sinceState": known.lately}),
        *(
            _case("changes", row, "queryChanges", {**since, **each}, name=name, grows=True)
            for name, each in arguments.items()
        ),
    ]


def _authenticates(known: Known) -> Sequence[Case]:
    given = {"clientId": known.named}
    warm = _case("authenticate", "/authenticate, remembered", "authenticate", {**given, "secret": _SECRET})
    cold = _case("authenticate", "/authenticate, hashed", "authenticate", {**given, "secret": f"wrong {NUMBER}"})
    return [warm, cold]


def _sets(known: Known) -> Sequence[Case]:
    return [
        Case(
            "set",
            f"/set that creates {count}",
            [create(f"{known.named}-{NUMBER}-", count)],
            [f'["{_CLIENT}/set",{{'.encode(), b'"notCreated":null'],
            creates=count,
        )
        for count in (1, _MANY)
    ]


def create(name: str, count: int) -> bytes:
    """Return the body of a request that creates so many clients, whose names begin so."""
    clients = {f"c{place}": make_client(f"{name}{place}") for place in range(count)}
    return encode((f"{_CLIENT}/set", {"create": clients}, "c0"))
