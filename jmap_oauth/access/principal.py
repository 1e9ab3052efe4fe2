"""Who is asking: an API key that was recognised, or the server itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jmap_oauth.access.addresses import Network
from jmap_oauth.model.definition import GLOBAL


class Principal(NamedTuple):
    """Whoever a request acts for. `account` is GLOBAL or the id of a tenant; `expires_at` a date as it is kept;
    `networks` are where it may ask from, none for anywhere.

    `is_server` marks the server's own writes (`id` is then a name like "cli"): they may set what is server-set and
    hidden. Nothing that came by HTTP is ever one. It is a tuple because each request has one made: that takes a fifth
    of the time of a frozen dataclass.
    """

    id: str
    name: str
    account: str = GLOBAL
    account_name: str = GLOBAL
    permissions: frozenset[str] = frozenset()
    expires_at: str | None = None
    networks: Sequence[Network] = ()
    remote_ip: str | None = None
    request_id: str | None = None
    is_server: bool = False


def server_principal(name: str, permissions: frozenset[str]) -> Principal:
    """Return the principal for what the server does by itself, or an administrator at its shell."""
    return Principal(id=name, name=name, permissions=permissions, is_server=True)
