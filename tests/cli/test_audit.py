"""`audit`: who changed what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jmap_oauth.cli import audit
from jmap_oauth.cli.client import Client
from jmap_oauth.cli.connection import Connection
from jmap_oauth.cli.terminal import Failure
from tests.cli.shell import Shell
from tests.support.served import ADMIN_KEY

SECRET = "secret-of-the-tests-and-of-nobody-else"


def create(shell: Shell, client_id: str) -> str:
    fields = ("--field", f"clientId={client_id}", "--secret-file", "-")
    return str(shell.json("create", "OAuthClient", *fields, input=SECRET)[0]["id"])


def secret_of(shell: Shell, client: str) -> str:
    (secret,) = shell.json("query", "OAuthClientSecret", "--where", f"oauthClientId={client}", "--fields", "id")
    return str(secret["id"])


def told(events: list[Any]) -> set[tuple[str, str]]:
    return {(each["action"], each["objectId"]) for each in events}


def test_the_trail_tells_who_changed_what(shell: Shell) -> None:
    id = create(shell, "audited")
    shell.done("update", "OAuthClient", id, "--field", "description=new")
    updated, created = shell.json("audit", "--client", "audited", "--type", "OAuthClient", "--since", "2020-01-01")
    assert (updated["action"], created["action"]) == ("update", "create")
    assert updated["changes"]["description"] == {"from": None, "to": "new"}
    assert SECRET not in json.dumps([updated, created])
    assert shell.json("audit", "--object", id, "--until", "2020-01-01") == []
    assert "description" in shell.done("audit", "--object", id, "--action", "update", "--limit", "1")


def test_a_clients_events_are_those_of_its_secrets_too_and_of_those_that_are_gone(shell: Shell) -> None:
    create(shell, "other")
    client = create(shell, "trail")
    old = secret_of(shell, client)
    new = shell.json("rotate-secret", "trail", "--keep-old", "1h")[0]["id"]
    shell.done("delete", "OAuthClientSecret", "--ids", old)
    events = shell.json("audit", "--client", "trail")
    of_secrets = {("create", old), ("update", old), ("destroy", old), ("create", new)}
    assert told(events) == {("create", client), *of_secrets}
    assert [each["at"] for each in events] == sorted((each["at"] for each in events), reverse=True)
    assert told(shell.json("audit", "--client", "trail", "--type", "OAuthClientSecret")) == of_secrets
    assert told(shell.json("audit", "--client", "trail", "--action", "update")) == {("update", old)}


def test_without_its_secrets_a_client_is_asked_for_by_who_may_not_see_them(shell: Shell) -> None:
    create(shell, "seen")
    may = ("sysAuditEventGet", "sysAuditEventQuery", "sysOAuthClientGet", "sysOAuthClientQuery")
    key = shell.json("create", "ApiKey", *(word for each in may for word in ("--field", f"permissions={each}")))
    variables = {"JMAP_OAUTH_KEY": key[0]["secret"]}
    assert "sysOAuthClientSecretQuery" in shell.error("audit", "--client", "seen", **variables)
    assert shell.run("audit", "--client", "seen", "--type", "OAuthClient", **variables).returncode == 0


def test_a_client_of_too_many_secrets_is_an_error(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_SECRETS", 2)
    client = create(shell, "many")
    for _ in range(2):
        shell.done("update", "OAuthClient", client, "--secret-file", "-", input=f"{SECRET}{secret_of(shell, client)}")
    with Client(Connection(shell.url, ADMIN_KEY)) as asked, pytest.raises(Failure, match="more than 2 secrets"):
        audit.audit(asked, client_id="many")
