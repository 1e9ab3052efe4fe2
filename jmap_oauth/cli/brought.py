"""Secrets that clients bring along from elsewhere: plain ones, and those that only an x:OAuthClientSecret can tell of.

A hash, or a secret with an end, is no value of a client's `secret`. So such a client is made with a secret that nobody
knows, which the same request replaces.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from jmap_oauth.cli.client import Call, MethodFailure

Brought = Mapping[str, Any]
"""Properties of an x:OAuthClientSecret: `secret` or `secretHash`, perhaps `expiresAt`."""

_SECRETS = "x:OAuthClientSecret"
_UNKNOWN = "it is there, but with a secret that nobody knows, for its own was refused"


def is_object(brought: Brought) -> bool:
    """Tell whether a secret has to be made as an object of its own."""
    return brought.keys() != {"secret"}


def first_secret(brought: Brought) -> str:
    """Return what the client itself is sent with."""
    return secrets.token_urlsafe(32) if is_object(brought) else str(brought["secret"])


def replacing_calls(replacing: Mapping[str, tuple[str, Brought]], number: int) -> list[Call]:
    """Return two calls that replace the secrets of clients, to be made in one request with the call that changes those.

    `replacing` has ids of clients, or creation ids; `number` is that of the first of the calls in the request.
    """
    if not replacing:
        return []
    owners = [{"oauthClientId": owner} for owner, _ in replacing.values()]
    query = {"filter": {"operator": "OR", "conditions": owners}}
    create = {f"{key}-secret": {"oauthClientId": owner, **brought} for key, (owner, brought) in replacing.items()}
    there = {"resultOf": f"c{number}", "name": f"{_SECRETS}/query", "path": "/ids"}
    return [(f"{_SECRETS}/query", query), (f"{_SECRETS}/set", {"create": create, "#destroy": there})]


def refused_secrets(answer: Mapping[str, Any] | MethodFailure, keys: Iterable[str]) -> dict[str, str]:
    """Return why secrets were refused, by those of the keys of `replacing` whose secrets were."""
    from jmap_oauth.cli.show import refusal

    if isinstance(answer, MethodFailure):
        return dict.fromkeys(keys, f"{_UNKNOWN}: {answer}")
    refused = answer.get("notCreated") or {}
    return {key: f"{_UNKNOWN}: {refusal(refused[f'{key}-secret'])}" for key in keys if f"{key}-secret" in refused}
