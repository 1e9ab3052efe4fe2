"""The commands for clients that are more than an object: rotating secrets, and asking as a backend does."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmap_oauth.cli.connected import Json, connected, misuse
from jmap_oauth.cli.objects import SecretFile, SecretVariable
from jmap_oauth.cli.terminal import Failure, print_json, printable

if TYPE_CHECKING:
    from jmap_oauth.cli.client import Client

ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="The clientId of a client.")]

_SECRETS = "x:OAuthClientSecret"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def rotate_secret(
    client: Any,
    client_id: ClientId,
    *,
    keep_old: Annotated[
        str, typer.Option(metavar="TIME", help="How long older secrets stay valid: 30m, 24h, 7d; 0 ends them at once.")
    ] = "24h",
    label: Annotated[str | None, typer.Option(metavar="TEXT", help="A label for the new secret.")] = None,
    secret_file: SecretFile = None,
    secret_env: SecretVariable = None,
    json: Json = False,
) -> None:
    """Give a client a new secret and the older ones an end, in one step.

    The server makes the secret unless one is given; it is shown, only this once.
    """
    from jmap_oauth.cli.secret_input import read_secret_from

    if not client.has_metadata:
        raise Failure("the server knows one secret a client and cannot rotate it; a newer version does")
    end = _written(datetime.now(UTC) + _duration(keep_old))
    owner = find_client(client, client_id)["id"]
    given = {"label": label, "secret": read_secret_from(secret_file, secret_env, "secret")}
    properties = {"oauthClientId": owner, **{name: value for name, value in given.items() if value is not None}}
    patches = {id: {"expiresAt": end} for id in _live(client, owner, end)}
    answer = client.call(f"{_SECRETS}/set", create={"new": properties}, update=patches)
    _report_rotation(client_id, answer, end, json)


def _live(client: Client, owner: str, end: str) -> list[str]:
    """Return the ids of the secrets of a client that would be valid after a date."""
    ids = {"resultOf": "c0", "name": f"{_SECRETS}/query", "path": "/ids"}
    query = (f"{_SECRETS}/query", {"filter": {"oauthClientId": owner}})
    _, got = client.calls([query, (f"{_SECRETS}/get", {"#ids": ids, "properties": ["expiresAt"]})])
    return [each["id"] for each in got["list"] if each["expiresAt"] is None or each["expiresAt"] > end]


def _report_rotation(client_id: str, answer: dict[str, Any], end: str, as_json: bool) -> None:
    from jmap_oauth.cli.show import show_refusal

    created = (answer.get("created") or {}).get("new")
    updated = list(answer.get("updated") or ())
    if created is not None and as_json:
        print_json([{**created, "expiring": updated, "expiresAt": end}])
    elif created is not None:
        print(printable(f"{client_id} has the new secret {created['id']}; {len(updated)} older end at {end}."))
        if "secret" in created:
            print(f"secret  {printable(created['secret'])}")
            if sys.stdout.isatty():
                print("The secret is not shown again.")
    errors = [*(answer.get("notCreated") or {}).items(), *(answer.get("notUpdated") or {}).items()]
    for id, error in errors:
        show_refusal(f"the secret {id} of {client_id}", error)
    if errors:
        raise typer.Exit(1)


def authenticate(
    client: Any,
    client_id: ClientId,
    *,
    secret_file: SecretFile = None,
    secret_env: SecretVariable = None,
    redirect_uri: Annotated[str | None, typer.Option(metavar="URI", help="A redirect URI to be checked.")] = None,
    grant_type: Annotated[str | None, typer.Option(metavar="NAME", help="A grant type to be checked.")] = None,
    scope: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A scope to be checked; repeatable.")] = None,
    origin: Annotated[str | None, typer.Option(metavar="ORIGIN", help="An origin of a web page to be checked.")] = None,
    json: Json = False,
) -> None:
    """Ask as a backend does whether a client is real, its secret right, and what it wants allowed.

    It ends with 1 if the answer is no.
    """
    from jmap_oauth.cli.secret_input import read_secret_from
    from jmap_oauth.cli.show import show_object

    asked = {
        "clientId": client_id,
        "secret": read_secret_from(secret_file, secret_env, "secret"),
        "redirectUri": redirect_uri,
        "grantType": grant_type,
        "scopes": dict.fromkeys(scope, True) if scope else None,
        "origin": origin,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    answer = client.call("x:OAuthClient/authenticate", **given)
    if json:
        print_json([answer])
    elif answer.get("error") is None:
        print(printable(f"{client_id} is authenticated." if answer.get("authenticated") else f"{client_id} is known."))
        show_object(client.schema.type("OAuthClient"), answer.get("client") or {})
    if answer.get("error") is not None:
        reason = answer.get("description")
        raise Failure(f"{client_id}: {answer['error']}{f': {reason}' if reason else ''}")


def find_client(client: Client, client_id: str) -> dict[str, Any]:
    """Return the id and the `createdAt` of a client.

    Raises:
        Failure: there is none of that clientId.
    """
    from jmap_oauth.cli.paging import Pages

    type = client.schema.type("OAuthClient")
    for page in Pages(client, type, filter={"clientId": client_id}, properties=["createdAt"], limit=1):
        return page[0]
    raise Failure(f"OAuthClient {client_id} not found")


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,6})([smhd]?)", text)
    if found is None or not (found[2] or found[1] == "0"):
        raise misuse("--keep-old must be a number with s, m, h or d behind it, or 0")
    return timedelta(**{_UNITS[found[2] or "s"]: int(found[1])})


def _written(date: datetime) -> str:
    return date.strftime("%Y-%m-%dT%H:%M:%SZ")


def add_to(commands: typer.Typer) -> None:
    """Add these commands."""
    for each in (rotate_secret, authenticate):
        commands.command(each.__name__.replace("_", "-"))(connected(each))
