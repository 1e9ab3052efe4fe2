"""rotate-secret and authenticate: what is more than an object."""

from __future__ import annotations

import json

import pytest

from tests.cli.shell import Shell

SECRET = "secret-of-the-tests-and-of-nobody-else"


def create(shell: Shell, client_id: str) -> str:
    fields = ("--field", f"clientId={client_id}", "--field", "redirectUris=https://a.example/cb")
    return str(shell.json("create", "OAuthClient", *fields, "--secret-file", "-", input=SECRET)[0]["id"])


def test_a_rotation_makes_a_secret_and_gives_the_others_an_end(shell: Shell) -> None:
    create(shell, "rotated")
    (new,) = shell.json("rotate-secret", "rotated", "--label", "new")
    assert (new["secret"].startswith("jmo_"), len(new["expiring"])) == (True, 1)
    (newer,) = shell.json("rotate-secret", "rotated", "--keep-old", "0")
    assert sorted(newer["expiring"]) == sorted([new["id"], *new["expiring"]])


def test_a_rotation_shows_the_secret_that_the_server_makes_and_not_the_one_given(shell: Shell) -> None:
    create(shell, "shown")
    assert "\nsecret  jmo_" in shell.done("rotate-secret", "shown")
    assert SECRET + "2" not in shell.done("rotate-secret", "shown", "--secret-file", "-", input=f"{SECRET}2")


@pytest.mark.parametrize("time", ["5", "h", "-1h", "1w", "1.5h", "1_0h", "\u0661h"])
def test_a_time_is_a_number_with_a_unit(shell: Shell, time: str) -> None:
    assert "--keep-old must be a number" in shell.error("rotate-secret", "a", f"--keep-old={time}", code=2)


def test_backends_questions_are_answered(shell: Shell) -> None:
    create(shell, "asked")
    with_secret = ("authenticate", "asked", "--secret-file", "-")
    assert shell.done(*with_secret, input=SECRET).startswith("asked is authenticated.\n")
    assert shell.error(*with_secret, input="wrong").startswith("Error: asked: invalid_client: ")
    assert shell.error("authenticate", "nobody").startswith("Error: nobody: invalid_client: ")


def test_what_a_client_wants_is_judged_one_by_one(shell: Shell) -> None:
    id = create(shell, "wants")
    fields = ("grantTypes=client_credentials", "scopes=mail", "scopes=calendar", "allowedCorsOrigins=https://a.example")
    shell.done("update", "OAuthClient", id, *(text for field in fields for text in ("--field", field)))
    good = ("--grant-type", "client_credentials", "--scope", "mail", "--scope", "calendar")
    web = ("--redirect-uri", "https://a.example/cb", "--origin", "https://a.example")
    assert shell.done("authenticate", "wants", *good, *web).startswith("wants is known.\n")
    asked = {
        "unauthorized_client": ("--grant-type", "password"),
        "invalid_scope": ("--scope", "mail", "--scope", "contacts"),
        "invalid_request": ("--redirect-uri", "https://b.example/cb"),
    }
    for error, wanted in asked.items():
        assert shell.error("authenticate", "wants", *wanted).startswith(f"Error: wants: {error}: ")
    assert "invalid_request" in shell.error("authenticate", "wants", "--origin", "https://b.example")


def test_an_answer_for_programs_is_whole_and_the_exit_code_tells_yes_from_no(shell: Shell) -> None:
    create(shell, "program")
    (answer,) = shell.json("authenticate", "program", "--secret-file", "-", input=SECRET)
    assert (answer["authenticated"], answer["error"], answer["client"]["clientId"]) == (True, None, "program")
    refused = shell.run("authenticate", "program", "--secret-file", "-", "--json", input="wrong")
    assert (refused.returncode, json.loads(refused.stdout)["error"]) == (1, "invalid_client")
    assert SECRET not in json.dumps(answer)


def test_a_secret_that_was_rotated_away_is_no_good_and_the_new_one_is(shell: Shell) -> None:
    create(shell, "renewed")
    (new,) = shell.json("rotate-secret", "renewed", "--keep-old", "0")
    asked = ("authenticate", "renewed", "--secret-file", "-")
    assert shell.done(*asked, input=new["secret"]).startswith("renewed is authenticated.\n")
    assert "invalid_client" in shell.error(*asked, input=SECRET)
