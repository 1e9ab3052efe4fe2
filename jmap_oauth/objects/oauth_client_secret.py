"""x:OAuthClientSecret: one of the secrets of a client, of which several may be valid while they rotate.

The `secret` of x:OAuthClient is a view of them: masked while there is one, and replaced or removed with all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from jmap_oauth.access.hashing import is_made, new_secret
from jmap_oauth.access.imported import imported_hash
from jmap_oauth.model.definition import (
    GLOBAL,
    MASK,
    Filled,
    Filter,
    Flaw,
    ObjectType,
    Property,
    Record,
    Secret,
    Stamp,
    Transaction,
)
from jmap_oauth.model.ids import NOBODY
from jmap_oauth.model.kinds import Date, Reference, Text
from jmap_oauth.model.status import Case, Moment, Status
from jmap_oauth.objects.oauth_client_metadata import METADATA
from jmap_oauth.objects.oauth_client_rules import SECRET_PREFIX, WITH_SECRET
from jmap_oauth.store.interface import Reader

MOST_SECRETS: Final = 20
"""Of one client: whoever tries a text compares it with all of them. Expired ones make room for new ones."""

STATUS = Status(
    (
        Case("expired", "Expired", "expiresAt", Moment.COME),
        Case("pending", "Pending", "notBefore", Moment.AHEAD),
    )
)
EXPIRED = STATUS.cases[0].name
_NAME, _CLIENT = "OAuthClientSecret", "OAuthClient"
_HINT_CHARACTERS = 4


def oauth_client_secret() -> ObjectType:
    """Declare the type."""
    return ObjectType(
        name=_NAME,
        singular="OAuth client secret",
        plural="OAuth client secrets",
        description="A secret with which an OAuth client authenticates",
        capability=METADATA,
        permission="sysOAuthClientSecret",
        account_property="memberTenantId",
        label_property="label",
        list_columns=("oauthClientId", "label", "hint", "createdAt", "expiresAt", "lastUsedAt"),
        properties=_PROPERTIES,
        audited=True,
        status=STATUS,
        fill=_fill,
        check=_check,
        cascade=_cascade,
    )


_PROPERTIES = (
    Property(
        name="oauthClientId",
        kind=Reference(_CLIENT, owner=True),
        label="OAuth Client",
        description="The client whose secret it is",
        required=True,
        immutable=True,
        filter=Filter.EXACT,
    ),
    Property(
        name="label",
        kind=Text(max_length=255, name=True),
        label="Label",
        description="What the secret is for",
        nullable=True,
    ),
    Property(
        name="secret",
        kind=Text(max_length=1_024, min_length=1),
        label="Secret",
        description="The secret; without one the server makes one, and shows it once",
        nullable=True,
        immutable=True,
        secret=Secret.CHOSEN,
    ),
    Property(
        name="secretHash",
        kind=Text(max_length=512, min_length=1, syntax=imported_hash),
        label="Secret Hash",
        description="The hash of a secret that was made elsewhere, instead of the secret",
        nullable=True,
        immutable=True,
        secret=Secret.HASH,
        capability=METADATA,  # taken, but never shown, which no form could tell
    ),
    Property(
        name="hint",
        kind=Text(max_length=_HINT_CHARACTERS),
        label="Hint",
        description="The last characters of a secret that the server made",
        nullable=True,
        server_set=True,
    ),
    Property(
        name="notBefore",
        kind=Date(),
        label="Not Before",
        description="When the secret begins to be valid, if not at once",
        nullable=True,
    ),
    Property(
        name="expiresAt",
        kind=Date(),
        label="Expiration Date",
        description="When the secret ceases to be valid, if ever",
        nullable=True,
        sort=True,
    ),
    Property(
        name="createdAt",
        kind=Date(),
        label="Created At",
        description="When the secret was made",
        server_set=True,
        stamp=Stamp.CREATED,
        sort=True,
    ),
    Property(
        name="lastUsedAt",
        kind=Date(),
        label="Last Used At",
        description="The hour in which the secret was last used, if ever",
        nullable=True,
        server_set=True,
    ),
    Property(
        name="memberTenantId",
        kind=Reference("Tenant"),
        label="Tenant",
        description="The tenant of the client",
        nullable=True,
        server_set=True,
        hidden=True,
    ),
)


def _fill(old: Record | None, new: Record, named: frozenset[str]) -> Filled:
    """Make the secret where none is given."""
    if old is not None or "secret" in named or new["secretHash"] is not None:
        return Filled()
    secret = new_secret(SECRET_PREFIX)
    return Filled({"hint": secret[-_HINT_CHARACTERS:]}, {"secret": secret})


def _check(old: Record | None, new: Record) -> Iterator[Flaw]:
    if old is None and new["secret"] is None and new["secretHash"] is None:
        yield Flaw("secret", "must be a text, or left out: then the server makes one")
    dates = [new["notBefore"], new["expiresAt"]]
    if None not in dates and dates[0] >= dates[1] and (old is None or dates != [old["notBefore"], old["expiresAt"]]):
        yield Flaw("expiresAt", "must be after notBefore")


async def _cascade(
    transaction: Transaction, old: Record | None, new: Record | None, secrets: Mapping[str, str]
) -> Iterable[Flaw]:
    """Keep the view of the client in step, and its secrets as its authentication needs them."""
    if old and new and not _newly_dated(old, new):
        return ()
    id = (new or old or {})["oauthClientId"]
    client, there = await transaction.get(_CLIENT, id), await transaction.owned(_NAME, id)
    if client is None:
        return ()
    needs_secret = client["tokenEndpointAuthMethod"] in WITH_SECRET
    if old is None and not needs_secret:
        return [Flaw("oauthClientId", "is a client that does not authenticate with a secret")]
    is_lost = old is not None and _is_active(old, transaction)
    if old and is_lost and needs_secret and not any(_is_active(each, transaction) for each in there):
        reason = "needs a secret, and this is its last one that is valid"
        return [
            Flaw(_newly_dated(old, new)[0], f"must not end it now: its client {reason}")
            if new
            else Flaw("oauthClientId", f"is a client that {reason}")
        ]
    if new and old is None and not _make_room(transaction, new, there):
        return [Flaw("oauthClientId", f"is a client with {MOST_SECRETS} secrets already")]
    transaction.update(client, _CLIENT, {"secret": MASK if there else None})
    return ()


def _newly_dated(old: Record, new: Record) -> list[str]:
    return [name for name in ("expiresAt", "notBefore") if old[name] != new[name]]


def _make_room(transaction: Transaction, new: Record, there: Sequence[Record]) -> bool:
    """Destroy the oldest of those that have expired, if a new one is one too many; tell whether that is enough."""
    expired = [each for each in there if each != new and STATUS.of(each, transaction.now) == EXPIRED]
    excess = max(0, len(there) - MOST_SECRETS)
    if len(expired) < excess:
        return False
    for each in expired[:excess]:
        transaction.destroy(each, _NAME)
    return True


def _is_active(secret: Record, transaction: Transaction) -> bool:
    return STATUS.is_good(secret, transaction.now)


async def secrets_of(reader: Reader, type: ObjectType, client_id: str) -> list[tuple[Record, str]]:
    """Return the secrets of a client with their hashes; where there are none, as much is asked for."""
    pairs = await reader.referring(type, type.by_name["oauthClientId"], [client_id], MOST_SECRETS)
    secrets = await reader.get(type, GLOBAL, [id for _, id in pairs] or [NOBODY])
    hashes = await reader.hashes(type, type.by_name["secret"], [each["id"] for each in secrets] or [NOBODY])
    return [(each, hashes[each["id"]]) for each in secrets]


async def cascade_of_client(
    transaction: Transaction, old: Record | None, new: Record | None, secrets: Mapping[str, str]
) -> Iterable[Flaw]:
    """Replace the secrets of a client by the one that it is given, or remove them; a valid one given again stays."""
    plain = secrets.get("secret")
    was_there = old is not None and old["secret"] is not None
    if new is None or (plain is None and not (was_there and new["secret"] is None)):
        return ()
    there = await transaction.owned(_NAME, new["id"])
    active = [each for each in there if _is_active(each, transaction)]
    if plain is not None and await transaction.is_secret(_NAME, active, plain):
        return ()
    for each in there:
        transaction.destroy(each, _NAME)
    if plain is not None:
        hint = plain[-_HINT_CHARACTERS:] if is_made(plain, SECRET_PREFIX) else None
        await transaction.create(_NAME, {"oauthClientId": new["id"], "hint": hint}, {"secret": plain})
    return ()
