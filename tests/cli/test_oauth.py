"""rotate-secret, authenticate and audit: what only servers with the metadata of clients have."""

from __future__ import annotations

import json

import pytest

from jmap_oauth.objects import served_types
from tests.cli.shell import Shell

SECRET = "secret-of-the-tests-and-of-nobody-else"
HAS_METADATA = "AuditEvent" in {type.name for type in served_types(frozenset())}

needs_metadata = pytest.mark.skipif(not HAS_METADATA, reason="the server has no metadata of clients")


def create(shell: Shell, client_id: str) -> str:
    fields = ("--field", f"clientId={client_id}", "--field", "redirectUris=https://a.example/cb")
    return str(shell.json("create", "OAuthClient", *fields, "--secret-file", "-", input=SECRET)[0]["id"])


@pytest.mark.skipif(HAS_METADATA, reason="the server has the metadata of clients")
@pytest.mark.parametrize("command", [("rotate-secret", "a"), ("audit",)])
def test_an_older_server_is_said_to_be_one(shell: Shell, command: tuple[str, ...]) -> None:
    assert shell.error(*command).endswith("; a newer version does")


@needs_metadata
def test_a_rotation_makes_a_secret_and_gives_the_others_an_end(shell: Shell) -> None:
    create(shell, "rotated")
    (new,) = shell.json("rotate-secret", "rotated", "--label", "new")
    assert (new["secret"].startswith("jmo_"), len(new["expiring"])) == (True, 1)
    (newer,) = shell.json("rotate-secret", "rotated", "--keep-old", "0")
    assert sorted(newer["expiring"]) == sorted([new["id"], *new["expiring"]])


@needs_metadata
def test_a_rotation_shows_the_secret_that_the_server_makes_and_not_the_one_given(shell: Shell) -> None:
    create(shell, "shown")
    assert "\nsecret  jmo_" in shell.done("rotate-secret", "shown")
    assert SECRET + "2" not in shell.done("rotate-secret", "shown", "--secret-file", "-", input=f"{SECRET}2")


@pytest.mark.parametrize("time", ["5", "h", "-1h", "1w", "1.5h"])
@needs_metadata
def test_a_time_is_a_number_with_a_unit(shell: Shell, time: str) -> None:
    assert "--keep-old must be a number" in shell.error("rotate-secret", "a", f"--keep-old={time}", code=2)


@needs_metadata
def test_backends_questions_are_answered(shell: Shell) -> None:
    create(shell, "asked")
    with_secret = ("authenticate", "asked", "--secret-file", "-")
    assert shell.done(*with_secret, input=SECRET).startswith("asked is authenticated.\n")
    assert shell.done("authenticate", "asked", "--redirect-uri", "https://a.example/cb").startswith("asked is known.\n")
    assert shell.error(*with_secret, input="wrong").startswith("Error: asked: invalid_client")
    assert "invalid_request" in shell.error("authenticate", "asked", "--redirect-uri", "https://b.example/cb")


@needs_metadata
def test_the_audit_trail_tells_who_changed_what(shell: Shell) -> None:
    id = create(shell, "audited")
    shell.done("update", "OAuthClient", id, "--field", "description=new")
    updated, created = shell.json("audit", "--client", "audited", "--type", "OAuthClient", "--since", "2020-01-01")
    assert (updated["action"], created["action"]) == ("update", "create")
    assert updated["changes"]["description"] == {"from": None, "to": "new"}
    assert SECRET not in json.dumps([updated, created])
    assert shell.json("audit", "--object", id, "--until", "2020-01-01") == []
    assert "description" in shell.done("audit", "--object", id, "--action", "update", "--limit", "1")
