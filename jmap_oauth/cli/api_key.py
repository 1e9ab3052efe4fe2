"""The commands `api-key`: straight on the database, for the first key and for when no key works any more."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from jmap_oauth.cli.at_database import Config, Database, read_settings
from jmap_oauth.cli.terminal import print_json, print_table, printable

commands = typer.Typer(
    help="Create, list, allow more to, and revoke API keys, straight on the database; the server may run meanwhile.",
    no_args_is_help=True,
)

Permissions = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="A permission, such as sysOAuthClientGet; may be repeated.")
]
AllPermissions = Annotated[bool, typer.Option("--all-permissions", help="Give every permission there is.")]


def _require_one(permission: list[str] | None, *, all_permissions: bool) -> None:
    if bool(permission) == all_permissions:
        raise typer.BadParameter("give either --permission or --all-permissions")


@commands.command("create")
def create(
    *,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What the key is for.")] = None,
    permission: Permissions = None,
    all_permissions: AllPermissions = False,
    tenant: Annotated[str | None, typer.Option(metavar="ID", help="The tenant to which the key is confined.")] = None,
    expires_at: Annotated[
        str | None, typer.Option(metavar="DATE", help="When it ends, such as 2030-01-31T00:00:00Z.")
    ] = None,
    allowed_ip: Annotated[
        list[str] | None, typer.Option(metavar="NETWORK", help="An address or network it may come from; repeatable.")
    ] = None,
    config: Config = None,
    database: Database = None,
) -> None:
    """Make an API key and print its secret, which is shown only this once.

    If standard output is no terminal, the secret is all that is printed.
    """
    _require_one(permission, all_permissions=all_permissions)
    settings = read_settings(config, database)
    import asyncio

    from jmap_oauth.administration import create_api_key

    key = asyncio.run(
        create_api_key(
            settings,
            description=description,
            permissions=None if all_permissions else permission,
            tenant=tenant,
            expires_at=expires_at,
            allowed_ips=allowed_ip or [],
        )
    )
    if sys.stdout.isatty():
        print(f"The API key {key.id} was made. This is its secret; it is not shown again:\n")
    print(key.secret)


@commands.command("list")
def list_keys(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    config: Config = None,
    database: Database = None,
) -> None:
    """List the API keys, without their secrets."""
    settings = read_settings(config, database)
    import asyncio

    from jmap_oauth.administration import list_api_keys

    keys = asyncio.run(list_api_keys(settings))
    if json:
        print_json(keys)
    else:
        print_table([title for title, _ in _COLUMNS], [[_cell(key[name]) for _, name in _COLUMNS] for key in keys])


_COLUMNS = (
    ("Id", "id"),
    ("Description", "description"),
    ("Tenant", "memberTenantId"),
    ("Permissions", "permissions"),
    ("Expires", "expiresAt"),
    ("Last used", "lastUsedAt"),
    ("Allowed from", "allowedIps"),
)
_MOST_NAMES = 3


def _cell(value: Any) -> str:
    """Write a text, or a set of names: a few of them, or else how many there are."""
    if value is None or isinstance(value, str):
        return value or ""
    return ", ".join(value) if len(value) <= _MOST_NAMES else f"{len(value)} of them"


@commands.command("allow")
def allow(
    id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    permission: Permissions = None,
    all_permissions: AllPermissions = False,
    config: Config = None,
    database: Database = None,
) -> None:
    """Give an API key more permissions, such as those that came with an upgrade: no key gets them by itself."""
    _require_one(permission, all_permissions=all_permissions)
    settings = read_settings(config, database)
    import asyncio

    from jmap_oauth.administration import allow_api_key

    asyncio.run(allow_api_key(settings, id, None if all_permissions else permission))
    print(f"The API key {printable(id)} has them.")


@commands.command("revoke")
def revoke(id: Annotated[str, typer.Argument(metavar="ID")], config: Config = None, database: Database = None) -> None:
    """Revoke an API key: it stops working at once, in a running server within a second."""
    settings = read_settings(config, database)
    import asyncio

    from jmap_oauth.administration import revoke_api_key

    asyncio.run(revoke_api_key(settings, id))
    print(f"The API key {printable(id)} is revoked.")
