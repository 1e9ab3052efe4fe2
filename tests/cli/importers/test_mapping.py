"""What each format says of clients, in our words: pure functions, no server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.cli.importers import hydra, keycloak, registration, stalwart
from jmap_oauth.cli.importers.imported import Imported, bring_secret, duration, seconds
from jmap_oauth.cli.importers.source import items, read_values
from jmap_oauth.cli.terminal import Failure

SAMPLES = Path(__file__).parent / "samples"
FORMATS = [
    (stalwart.clients, "stalwart-snapshot.ndjson"),
    (stalwart.clients, "stalwart-principals.json"),
    (hydra.clients, "hydra.json"),
    (keycloak.clients, "keycloak-realm.json"),
    (registration.clients, "registration.ndjson"),
]


def sample(clients: Callable[[Any], Any], name: str) -> dict[str, Imported]:
    """Read a sample; of two clients of one name the first counts."""
    return {each.label: each for each in reversed(list(clients(read_values(str(SAMPLES / name)))))}


def one(clients: Callable[[Any], Any], **given: Any) -> Imported:
    (imported,) = clients([("", given)])
    return imported  # type: ignore[no-any-return]


def left_out(imported: Imported) -> dict[str, str]:
    return dict(imported.left_out)


def kept(value: Any) -> tuple[int | None, list[str]]:
    noted: list[str] = []
    return duration(value, noted.append), noted


def test_a_client_of_stalwart_keeps_its_tenant_and_is_told_to_have_had_a_secret() -> None:
    found = sample(stalwart.clients, "stalwart-snapshot.ndjson")
    tenant, client = found["Snapshot Tenant"], found["stalwart-webmail"]
    assert (tenant.type, tenant.properties) == ("Tenant", {"name": "Snapshot Tenant", "quotas": {"maxOauthClients": 5}})
    assert tenant.left_out == [("quotas", "maxAccounts: this server has no such objects")]
    assert client.properties == {
        "clientId": "stalwart-webmail",
        "description": "Webmail",
        "contacts": {"ops@example.com": True},
        "redirectUris": {"https://mail.example.com/cb": True},
        "expiresAt": "2099-01-01T00:00:00.000Z",
        "memberTenantId": f"#{tenant.ref}",
        "secret": "****",
    }
    assert client.secret == {}


def test_tenants_come_before_the_clients_that_refer_to_them() -> None:
    found = stalwart.clients(read_values(str(SAMPLES / "stalwart-principals.json")))
    types = [each.type for each in found if not each.skipped]
    assert types == ["Tenant", "OAuthClient", "OAuthClient"]


def test_a_client_of_a_tenant_that_is_not_in_the_file_is_not_made() -> None:
    """It would be one of no tenant, which other people can change."""
    lost = sample(stalwart.clients, "stalwart-snapshot.ndjson")["stalwart-lost"]
    assert lost.skipped == "its tenant is not in the file"


def test_an_older_principal_has_other_names_and_its_hash_goes_along() -> None:
    client = sample(stalwart.clients, "stalwart-principals.json")["principal-bcrypt"]
    assert {name: client.properties[name] for name in ("description", "contacts", "redirectUris", "logo")} == {
        "description": "Older",
        "contacts": {"dev@example.com": True},
        "redirectUris": {"https://old.example.com/cb": True},
        "logo": "https://old.example.com/logo.png",
    }
    assert list(client.secret) == ["secretHash"]
    assert left_out(client) == {"secrets": "number 2 of 2: the first is taken"}


def test_a_client_of_hydra_is_carried_over_by_the_table() -> None:
    client = sample(hydra.clients, "hydra.json")["hydra-web"]
    assert client.properties == {
        "clientId": "hydra-web",
        "clientName": "Web",
        "redirectUris": {"https://web.example.com/cb": True},
        "grantTypes": {"authorization_code": True, "refresh_token": True},
        "responseTypes": {"code": True},
        "scopes": {"openid": True, "offline": True},
        "audience": {"https://api.example.com": True},
        "owner": "web team",
        "allowedCorsOrigins": {"https://web.example.com": True},
        "clientUri": "https://web.example.com",
        "contacts": {"web@example.com": True},
        "subjectType": "public",
        "metadata": {"team": 7},
        "skipConsent": False,
        "authorizationCodeGrantAccessTokenLifespan": 5_400_000,
        "refreshTokenGrantRefreshTokenLifespan": 1,
        "tokenEndpointAuthMethod": "client_secret_post",
    }


def test_what_hydra_has_and_we_have_not_is_told_by_member() -> None:
    assert left_out(sample(hydra.clients, "hydra.json")["hydra-web"]) == {
        "created_at": "this server has its own",
        "updated_at": "this server has its own",
        "refresh_token_grant_refresh_token_lifespan": "the part of it that is less than a millisecond",
        "registration_access_token": "it is good at the other server only",
        "device_authorization_grant_id_token_lifespan": "it is no duration such as 1h30m0s, or a negative one",
        "client_secret": "it is not in the file",
    }


def test_every_member_of_hydras_clients_has_a_property_or_a_reason() -> None:
    """The 51 members of Ory's OAuth2Client: 44 stand in the table, the others have reasons or are looked at."""
    reasons = set(hydra.REASONS)
    assert reasons.isdisjoint(hydra.TABLE)
    assert len(hydra.TABLE) + len(reasons - {"client_id_issued_at"}) == 51


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        *[("1h30m0s", 5_400_000), ("0s", 0), ("0", 0), (".5s", 500), ("1.s", 1_000), ("100ms", 100)],
        *[("26h3m4.5s", 93_784_500), ("9" * 30 + "h", int("9" * 30) * 3_600_000)],
    ],
)
def test_durations_are_read_as_go_writes_them(text: str, milliseconds: int) -> None:
    assert kept(text) == (milliseconds, [])


@pytest.mark.parametrize("text", ["", "1", "1d", "-1h", "1 h", "1h ", "1e3s", 5, None, "1h" * 51])
def test_what_is_no_duration_is_left_out(text: Any) -> None:
    milliseconds, noted = kept(text)
    assert (milliseconds, len(noted)) == (None, 1)


@pytest.mark.parametrize(("text", "nanoseconds"), [("1us", 0), ("1\u00b5s", 0), ("1\u03bcs", 0), ("1500us", 1)])
def test_less_than_a_millisecond_is_cut_and_told(text: str, nanoseconds: int) -> None:
    milliseconds, noted = kept(text)
    assert (milliseconds, len(noted)) == (nanoseconds, 1)


@pytest.mark.parametrize(("given", "milliseconds"), [("300", 300_000), (1.5, 1_500), ("-1", None)])
def test_seconds_become_milliseconds_and_negative_ones_say_nothing(given: Any, milliseconds: int | None) -> None:
    noted: list[str] = []
    assert (seconds(given, noted.append), noted) == (milliseconds, [])


@pytest.mark.parametrize("given", ["soon", "NaN", "Infinity", {}])
def test_what_is_no_number_of_seconds_is_left_out(given: Any) -> None:
    noted: list[str] = []
    assert (seconds(given, noted.append), len(noted)) == (None, 1)


def test_a_client_of_keycloak_says_by_flows_what_we_say_by_grants() -> None:
    client = sample(keycloak.clients, "keycloak-realm.json")["kc-web"]
    assert client.properties == {
        "clientId": "kc-web",
        "clientName": "Web shop",
        "description": "Sells",
        "isEnabled": True,
        "requirePkce": True,
        "postLogoutRedirectUris": {"https://shop.example.com/cb": True, "https://shop.example.com/bye": True},
        "backchannelLogoutUri": "https://shop.example.com/logout",
        "backchannelLogoutSessionRequired": True,
        "redirectUris": {"https://shop.example.com/cb": True},
        "clientUri": "https://shop.example.com/home",
        "allowedCorsOrigins": {"https://shop.example.com": True},
        "grantTypes": {"authorization_code": True, "client_credentials": True, "refresh_token": True},
        "responseTypes": {"code": True},
        "authorizationCodeGrantAccessTokenLifespan": 300_000,
        "clientCredentialsGrantAccessTokenLifespan": 300_000,
        "refreshTokenGrantAccessTokenLifespan": 300_000,
        "scopes": {"profile": True, "email": True, "offline_access": True},
        "skipConsent": False,
        "tokenEndpointAuthMethod": "client_secret_basic",
        "secret": "****",
    }
    assert client.secret == {"secret": "secret-MARKER-keycloak"}


def test_wildcards_are_named_and_left_out_wherever_keycloak_has_them() -> None:
    client = sample(keycloak.clients, "keycloak-realm.json")["kc-web"]
    wild = [(member, reason) for member, reason in client.left_out if "wildcard" in reason]
    assert wild == [
        ("post.logout.redirect.uris", "https://shop.example.com/* has a wildcard"),
        ("redirectUris", "https://shop.example.com/* has a wildcard"),
        ("webOrigins", "* has a wildcard"),
    ]


def test_what_of_a_realm_is_no_client_of_ours_is_skipped_with_the_reason() -> None:
    found = sample(keycloak.clients, "keycloak-realm.json")
    assert {label: each.skipped for label, each in found.items() if each.skipped} == {
        "account": "it is Keycloak's own",
        "kc-saml": "its protocol is saml",
        "kc-api": "it is bearer-only: it checks tokens and never asks for any",
        "kc-x509": "it authenticates by client-x509, which there is not here",
    }


def test_a_client_without_a_flow_is_disabled() -> None:
    """No grant at all would be read as authorization_code."""
    assert sample(keycloak.clients, "keycloak-realm.json")["kc-idle"].properties["isEnabled"] is False


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"use.jwks.url": "true", "jwks.url": "https://a.example/keys"}, {"jwksUri": "https://a.example/keys"}),
        ({"jwks.string": '{"keys": []}'}, {"jwks": {"keys": []}}),
    ],
)
def test_keys_of_keycloak_are_attributes(attributes: dict[str, str], expected: dict[str, Any]) -> None:
    client = one(keycloak.clients, clientId="a", clientAuthenticatorType="client-jwt", attributes=attributes)
    assert client.properties["tokenEndpointAuthMethod"] == "private_key_jwt"
    assert expected.items() <= client.properties.items()
    assert client.skipped is None


def test_a_client_whose_keys_are_a_certificate_is_skipped() -> None:
    client = one(keycloak.clients, clientId="a", clientAuthenticatorType="client-jwt")
    assert client.skipped == "its keys are a certificate, or are not in the file"


def test_a_registration_keeps_the_end_of_its_secret() -> None:
    client = sample(registration.clients, "registration.ndjson")["reg-web"]
    assert client.secret == {"secret": "secret-MARKER-registration", "expiresAt": "2100-01-01T00:00:00Z"}
    assert client.properties["tokenEndpointAuthMethod"] == "client_secret_basic"


def test_a_secret_that_has_expired_stays_behind() -> None:
    client = sample(registration.clients, "registration.ndjson")["reg-over"]
    assert (client.secret, left_out(client)) == ({}, {"client_secret": "its end is past, or no date"})


def test_words_of_a_response_type_get_the_order_that_this_server_has() -> None:
    client = sample(registration.clients, "registration.ndjson")["reg-jwt"]
    assert client.properties["responseTypes"] == {"id_token token": True}


def test_a_client_is_never_made_public_because_its_method_is_unknown() -> None:
    client = one(registration.clients, client_id="a", token_endpoint_auth_method="tls_client_auth")
    assert client.skipped == "it authenticates by tls_client_auth, which there is not here"


def test_what_looks_like_a_hash_is_a_plain_text_where_no_hash_can_be() -> None:
    hash = "$2b$08$" + "a" * 53
    plain, hashed = Imported("a"), Imported("b")
    bring_secret(plain, "secret", hash)
    bring_secret(hashed, "secret", hash, may_be_hash=True)
    assert (plain.secret, hashed.secret) == ({"secret": hash}, {"secretHash": hash})


@pytest.mark.parametrize(("clients", "name"), FORMATS)
def test_no_reason_repeats_a_secret(clients: Callable[[Any], Any], name: str) -> None:
    told = [(each.left_out, each.skipped, each.label) for each in sample(clients, name).values()]
    assert "MARKER" in (SAMPLES / name).read_text() or name == "stalwart-snapshot.ndjson"
    assert "MARKER" not in json.dumps(told)


@pytest.mark.parametrize("clients", [each for each, _ in FORMATS])
@pytest.mark.parametrize("value", [None, 1, "text", [1], {}, {"clients": [None, {"clientId": 1}]}, {"client_id": []}])
def test_what_is_no_client_is_skipped(clients: Callable[[Any], Any], value: Any) -> None:
    found = list(clients([("", value)]))
    assert all(each.skipped for each in found)
    assert found


def test_lists_lines_and_answers_of_apis_are_read_alike() -> None:
    expected = [("item 1", 1), ("item 2", 2)]
    assert list(items([("", [1, 2])])) == expected
    assert list(items([("", {"items": [1, 2]})])) == expected
    assert list(items([("", {"data": {"items": [1, 2], "total": 2}})])) == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff", "is not UTF-8 text"),
        (b"{}\nx", "line 2: is not JSON"),
        (b'{"a": 1, "a": 2}', "line 1: names a twice"),
        (b'{"a": 1,\n"a": 2}', "file names a twice"),
        (b'{}\n{"a": {"b": [0, NaN]}}', "line 2: has NaN at a/b/1, which is not JSON"),
        (b'{"clients": [{},\n{"a": -Infinity}]}', "file has -Infinity at clients/1/a, which is not JSON"),
        (b'\xef\xbb\xbf[{"a": 1e999}]', "line 1: has a number that is too large at 0/a"),
        (b"[" * 100_000, "line 1: is not JSON"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Failure, match=reason):
        read_values(str(path))
