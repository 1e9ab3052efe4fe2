"""What administrators do at the server's shell, straight on the database, also when nobody can get in any more."""

from __future__ import annotations

from contextlib import suppress

from jmap_oauth.app import CommandError, FirstKey, open_server
from jmap_oauth.config import Settings
from jmap_oauth.database import prepare_folder, require_database
from jmap_oauth.model.definition import GLOBAL, Record
from jmap_oauth.model.kinds import Date, Invalid, now
from jmap_oauth.model.query import AllOf, Comparator, Query, Window
from jmap_oauth.store.interface import Reader

_MOST_KEYS = 100_000


async def first_key(settings: Settings) -> FirstKey | None:
    """Prepare the database, apply `admin_key` and `provision`, and make an administrator's key if there never was any.

    Raises:
        Unusable, Unavailable, CommandError, SettingsError: the database cannot be prepared.
    """
    prepare_folder(settings)
    async with open_server(settings) as server, server.serving():
        return await server.bootstrap.create_first_key()


async def create_api_key(
    settings: Settings,
    *,
    description: str | None,
    permissions: list[str] | None,
    tenant: str | None,
    expires_at: str | None,
    allowed_ips: list[str],
) -> FirstKey:
    """Create an API key; `permissions` of None are all.

    Raises:
        Unusable, Unavailable, CommandError: it was refused; the sentence names the property.
    """
    _refuse_past(expires_at)
    if settings.database == Settings().database:
        prepare_folder(settings)
    else:
        require_database(settings)
    async with open_server(settings) as server:
        names = sorted(server.permissions) if permissions is None else permissions
        given = {
            "description": description,
            "permissions": dict.fromkeys(names, True),
            "memberTenantId": tenant,
            "expiresAt": expires_at,
            "allowedIps": dict.fromkeys(allowed_ips, True),
        }
        return await server.bootstrap.create_key("cli", given)


async def list_api_keys(settings: Settings) -> list[Record]:
    """Return all API keys, the oldest first, without what is hidden.

    Raises:
        Unusable, Unavailable, CommandError: the database cannot be read.
    """
    require_database(settings)
    query = Query(AllOf(()), [Comparator(None, ascending=True)], Window(limit=_MOST_KEYS))
    async with open_server(settings) as server:

        async def work(reader: Reader) -> list[Record]:
            page = await reader.query(server.key_type, GLOBAL, query)
            return await reader.get(server.key_type, GLOBAL, page.ids)

        visible = ["id", *server.key_type.visible(frozenset())]
        return [{name: key[name] for name in visible} for key in await server.store.read(work)]


async def allow_api_key(settings: Settings, id: str, permissions: list[str] | None) -> None:
    """Give an API key permissions beside those that it has; None are all, such as those that an upgrade brought.

    Raises:
        Unusable, Unavailable, CommandError: there is no such key, or no such permission.
    """
    require_database(settings)
    async with open_server(settings) as server:
        names = sorted(server.permissions) if permissions is None else permissions
        if unknown := sorted(set(names) - server.permissions):
            raise CommandError(f"There is no permission {unknown[0][:255]!r}.")
        patch = {f"permissions/{name}": True for name in names}
        answer = await server.set_objects("cli", "ApiKey", {"update": {id: patch}})
        if answer.not_updated:
            raise CommandError("There is no API key with this id.")


async def revoke_api_key(settings: Settings, id: str) -> None:
    """Destroy an API key.

    Raises:
        Unusable, Unavailable, CommandError: there is no such key.
    """
    require_database(settings)
    async with open_server(settings) as server:
        answer = await server.set_objects("cli", "ApiKey", {"destroy": [id]})
        if answer.not_destroyed:
            raise CommandError("There is no API key with this id.")


def _refuse_past(expires_at: str | None) -> None:
    """Refuse an end that has come. Programs may copy such keys with /set; a person has mistyped the year."""
    with suppress(Invalid):  # which /set explains
        if expires_at is not None and Date().parse(expires_at) <= now():
            raise CommandError("expiresAt is not in the future: the key would never work.")
