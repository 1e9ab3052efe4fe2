"""What all standard methods share: where they work, how arguments are read, account and permission."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from jmap_oauth.access.hashing import SlowHasher
from jmap_oauth.access.policy import Decision, Policy
from jmap_oauth.access.principal import Principal
from jmap_oauth.methods.audit import Audit
from jmap_oauth.model.definition import Model, ObjectType
from jmap_oauth.model.kinds import now
from jmap_oauth.protocol.dispatch import Call
from jmap_oauth.protocol.errors import MethodError, MethodErrorType
from jmap_oauth.protocol.types import MAX_INTEGER, Limits
from jmap_oauth.store.interface import Store

PositiveInt = Annotated[int, Meta(ge=1, le=MAX_INTEGER)]
"""What `maxChanges` is (RFC 8620 sections 5.2 and 5.6)."""


@dataclass(frozen=True, slots=True)
class Backing:
    """All that the methods work with; one for the whole server. Without `audit` nothing is written down.

    `clock` tells the present second as dates are kept; each call reads it once.
    """

    model: Model
    store: Store
    policy: Policy
    hasher: SlowHasher
    limits: Limits
    audit: Audit | None = None
    clock: Callable[[], str] = now


class AccountArguments(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What every standard method takes. Without `accountId` the account is the caller's own."""

    account_id: str | None = None


Arguments = TypeVar("Arguments", bound=AccountArguments)


def read_arguments(call: Call, shape: type[Arguments]) -> Arguments:
    """Check the arguments of a call against their names and types, and its account against the caller's.

    Raises:
        MethodError: invalidArguments, naming the argument, or accountNotFound.
    """
    try:
        arguments = msgspec.convert(call.arguments, shape)
    except msgspec.ValidationError as error:
        raise MethodError(MethodErrorType.INVALID_ARGUMENTS, str(error)) from None
    if arguments.account_id not in (None, call.caller.account):
        raise MethodError(MethodErrorType.ACCOUNT_NOT_FOUND, "This key has no account with that id.")
    return arguments


def require(decision: Decision) -> None:
    """Refuse the call if the decision is a no.

    Raises:
        MethodError: forbidden, with the decision's reason.
    """
    if decision.reason is not None:
        raise MethodError(MethodErrorType.FORBIDDEN, decision.reason)


def resolve_id(text: str, created_ids: Mapping[str, str]) -> str:
    """Return the id that a creation id (`#name`) stands for (RFC 8620 section 5.3); all other texts as they are."""
    return created_ids.get(text[1:], text) if text.startswith("#") else text


def resolve_ids(texts: Sequence[str], created_ids: Mapping[str, str]) -> Sequence[str]:
    """Return the ids that texts stand for; most requests create nothing, so that there is nothing to look for."""
    return [resolve_id(text, created_ids) for text in texts] if created_ids else texts


def too_large(what: str, limit: int) -> MethodError:
    return MethodError(MethodErrorType.REQUEST_TOO_LARGE, f"{what}: this server allows {limit}.")


def cannot_calculate_changes() -> MethodError:
    return MethodError(
        MethodErrorType.CANNOT_CALCULATE_CHANGES, "This is no state from which changes are known here; read anew."
    )


def too_costly() -> MethodError:
    """Return what /query and /queryChanges alike answer to a query that was given up, as it would be once more."""
    return MethodError(MethodErrorType.UNSUPPORTED_FILTER, "It takes too long to find what matches.")


def principal_of(call: Call) -> Principal:
    """Return who is asking; the dispatcher hands it through without looking."""
    caller: Any = call.caller
    assert isinstance(caller, Principal)  # noqa: S101 - for the type checker: app wires it so
    return caller


def wire_name(type: ObjectType) -> str:
    """Return the name of a type in method names."""
    return f"x:{type.name}"
