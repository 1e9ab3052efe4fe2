"""x:Tenant: what each property accepts, and what can be done with it."""

from __future__ import annotations

from typing import Any

import pytest

from jmap_oauth.model.definition import Flaw
from jmap_oauth.model.kinds import Invalid
from jmap_oauth.model.validate import draft_new
from jmap_oauth.objects.tenant import tenant

TENANT = tenant()
EMPTY: dict[str, Any] = {"name": "Acme", "description": None, "logo": None, "createdAt": None, "quotas": {}}

KEPT: list[tuple[str, Any, Any]] = [
    ("name", " Acme ", "Acme"),
    ("name", "日" * 255, "日" * 255),
    ("description", None, None),
    ("description", "two\nlines", "two\nlines"),
    ("logo", "https://acme.example/logo.png", "https://acme.example/logo.png"),
    ("quotas", {}, {}),
    ("quotas", {"maxOauthClients": 0}, {"maxOauthClients": 0}),
    ("quotas", {"maxOauthClients": None}, {}),
]

WRONG = "has a wrong member, number 1: it must be "

REFUSED: list[tuple[str, Any, str]] = [
    ("name", None, "must be a string"),
    ("name", " ", "must not be empty"),
    ("name", "x" * 256, "must have at most 255 characters"),
    ("name", "a\nb", "must not hold control characters"),
    ("name", "a\u202eb", "must not hold characters that change the direction of text"),
    ("description", "x" * 2_001, "must have at most 2000 characters"),
    ("logo", "file:///etc/passwd", "must be an http or https URL, or a PNG, JPEG, GIF or WebP image in base64"),
    ("quotas", None, "must be an object"),
    ("quotas", {"maxUnicorns": 1}, WRONG + "one of maxOauthClients"),
    ("quotas", {"maxOauthClients": -1}, WRONG + "from 0 to 9007199254740991"),
    ("quotas", {"maxOauthClients": "5"}, WRONG + "an integer"),
]


@pytest.mark.parametrize(("name", "given", "kept"), KEPT)
def test_property_keeps_a_good_value_like_this(name: str, given: Any, kept: Any) -> None:
    assert TENANT.by_name[name].parse(given) == kept


@pytest.mark.parametrize(("name", "given", "reason"), REFUSED)
def test_property_refuses_a_bad_value_for_this_reason(name: str, given: Any, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        TENANT.by_name[name].parse(given)
    assert str(refused.value) == reason


def test_a_tenant_needs_nothing_but_its_name() -> None:
    assert draft_new(TENANT, {}, frozenset()).flaws == [Flaw("name", "is required", missing=True)]
    assert draft_new(TENANT, {"name": "Acme"}, frozenset()).record == EMPTY


def test_the_id_of_a_tenant_is_the_account_of_what_belongs_to_it() -> None:
    assert TENANT.is_account
    assert TENANT.account_of(EMPTY | {"id": "i1"}) == "i1"


@pytest.mark.parametrize(
    ("flag", "names"),
    [
        ("required", ["name"]),
        ("unique", []),
        ("nullable", ["description", "logo"]),
        ("server_set", ["createdAt"]),
        ("filter", ["name"]),
        ("sort", ["name", "createdAt"]),
        ("searchable", ["name", "description"]),
        ("immutable", []),
        ("hidden", []),
    ],
)
def test_exactly_these_properties_have_the_flag(flag: str, names: list[str]) -> None:
    assert [each.name for each in TENANT.properties if getattr(each, flag)] == names
