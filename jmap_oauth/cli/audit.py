"""The command `audit`: who changed what."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmap_oauth.cli.completion import complete_type
from jmap_oauth.cli.connected import Json, connected
from jmap_oauth.cli.oauth import find_client
from jmap_oauth.cli.objects import Limit, print_pages
from jmap_oauth.cli.terminal import Failure

if TYPE_CHECKING:
    from jmap_oauth.cli.client import Client

MOST_SECRETS = 900
"""Of a client, past ones too: the server takes a thousand conditions."""

_COLUMNS = ["at", "actorName", "remoteIp", "action", "objectType", "objectId", "changes"]
_SECRETS = "x:OAuthClientSecret"
_NEWEST_FIRST = [{"property": name, "isAscending": False} for name in ("at", "id")]  # in one second by their order


def audit(
    client: Any,
    *,
    client_id: Annotated[
        str | None, typer.Option("--client", metavar="CLIENT_ID", help="Events of this client and its secrets.")
    ] = None,
    object_id: Annotated[str | None, typer.Option("--object", metavar="ID", help="Events of this object.")] = None,
    type_name: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", help="Events of this type.", autocompletion=complete_type),
    ] = None,
    actor: Annotated[str | None, typer.Option(metavar="ID", help="Events by this key.")] = None,
    action: Annotated[str | None, typer.Option(metavar="NAME", help="create, update or destroy.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="From this date on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Before this date.")] = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Show who changed what, newest first.

    Of a client's secrets those that are there no more count too: for them the trail is searched for what was
    destroyed since the client was made, or since --since. With --type OAuthClient it need not be.
    """
    from jmap_oauth.cli.paging import Pages

    if "x:AuditEvent" not in client.schema.types:
        raise Failure("the server keeps no audit trail; a newer version does")
    type = type_name and client.schema.type(type_name).name
    filters = _filters(
        client,
        {"objectId=": object_id, "objectType=": type, "actorId=": actor, "action=": action}
        | {"at>=": since, "at<": until},
    )
    if client_id is not None:
        filters.append(_about(client, client_id, type, since))
    events = client.schema.type("AuditEvent")
    print_pages(_COLUMNS, Pages(client, events, filter=_all(filters), sort=_NEWEST_FIRST, limit=limit), json)


def _filters(client: Client, conditions: dict[str, str | None]) -> list[dict[str, Any]]:
    from jmap_oauth.cli.fields import read_filter

    given = [name + value for name, value in conditions.items() if value is not None]
    found = read_filter(client.schema.type("AuditEvent"), given)
    return [] if found is None else [found]


def _all(filters: list[dict[str, Any]]) -> dict[str, Any] | None:
    return {"operator": "AND", "conditions": filters} if filters else None


def _about(client: Client, client_id: str, type: str | None, since: str | None) -> dict[str, Any]:
    """Return the filter of what is about a client and, unless another type is asked for, its secrets.

    Raises:
        Failure: it has had too many secrets.
    """
    found = find_client(client, client_id)
    ids = [found["id"]]
    if client.has_metadata and type in (None, _SECRETS):
        ids += _secrets_there(client, found["id"])
        ids += islice(_secrets_gone(client, found, since), MOST_SECRETS + 1)
    if len(ids) > MOST_SECRETS:
        raise Failure(f"{client_id} has had more than {MOST_SECRETS} secrets: give --since, or --type OAuthClient")
    return {"operator": "OR", "conditions": [{"objectId": id} for id in ids]}


def _secrets_there(client: Client, owner: str) -> list[str]:
    return list(client.call(f"{_SECRETS}/query", filter={"oauthClientId": owner})["ids"])


def _secrets_gone(client: Client, owner: dict[str, Any], since: str | None) -> Iterator[str]:
    """Yield the ids of secrets that were destroyed: the event of that, the last of each, names the client.

    Nothing was told of a secret after it was destroyed, nor before its client was made.
    """
    from jmap_oauth.cli.paging import Pages

    conditions = {"objectType=": _SECRETS, "action=": "destroy", "at>=": owner["createdAt"]}
    filters = _filters(client, conditions) + _filters(client, {"at>=": since})
    events = client.schema.type("AuditEvent")
    for page in Pages(client, events, filter=_all(filters), properties=["objectId", "changes"]):
        for each in page:
            if each["changes"].get("oauthClientId", {}).get("from") == owner["id"]:
                yield each["objectId"]


def add_to(commands: typer.Typer) -> None:
    """Add this command."""
    commands.command("audit")(connected(audit))
