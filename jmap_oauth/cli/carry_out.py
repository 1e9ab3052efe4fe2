"""Doing what a plan says: in one request where it fits, else in as many as the session's limits make of it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO, Any

from jmap_oauth.cli.brought import Brought, first_secret, is_object, refused_secrets, replacing_calls
from jmap_oauth.cli.client import Call, Client, MethodFailure
from jmap_oauth.cli.paging import Object, get_all
from jmap_oauth.cli.plan import CREATE, DELETE, Step
from jmap_oauth.cli.plan_file import references
from jmap_oauth.cli.terminal import Failure
from jmap_oauth.protocol.types import is_same_json

Outcome = tuple[Step, str | None]
"""A step, and why it was refused, or None."""

_ROOM = 0.9
"""The part of maxSizeRequest that steps may fill; the rest is for what is around them."""

_CHANGED = "it is not as it was when it was compared: run the same again"


@dataclass
class _Set:
    """One /set call, and its steps under the keys they have in its answer."""

    type: str
    is_destroy: bool
    steps: dict[str, Step]


class CarryingOut:
    """Carries out steps. New secrets go to `secret_file`, one JSON object a line, before they are sent.

    So they are known even if the connection is cut before the answer: whoever runs the same again finds the client
    there, and leaves its secret alone. `brought` are secrets that come from elsewhere, by the labels of their clients.
    """

    def __init__(
        self, client: Client, secret_file: IO[str] | None, brought: Mapping[str, Brought] = MappingProxyType({})
    ) -> None:
        self._client = client
        self._secret_file = secret_file
        self._brought = brought
        self._ids: dict[str, str] = {}

    def run(self, steps: Iterable[Step]) -> Iterator[Outcome]:
        """Yield each step when it is done or refused.

        Right before it acts it looks whether all is still as it was compared: somebody may have thought about the plan
        for an hour. It does not send ifInState (RFC 8620 section 5.3), for a state is of all objects of a type, and
        moves whenever a client or a key is used or anybody changes another one: on a busy server a plan would come to
        nothing without a reason. So what others do to the same values between two requests of this is not seen.

        Raises:
            Failure: the server cannot be asked; what was yielded is done, the last request perhaps.
        """
        for batch in self._batches(steps):
            there = self._read_again(batch)
            ready: list[Step] = []
            for step in batch:
                if step.id is None or _is_as_before(step, there.get(step.id)):
                    ready.append(step)
                else:
                    yield step, _CHANGED
            yield from self._request(ready)

    def _read_again(self, batch: Iterable[Step]) -> dict[str, Object]:
        """Return what steps change or delete, with the values that they rely on, by its ids."""
        by_type: dict[str, dict[str, Step]] = {}
        for step in batch:
            if step.id is not None:
                by_type.setdefault(step.type, {})[step.id] = step
        return {
            each["id"]: each
            for name, steps in by_type.items()
            for each in get_all(
                self._client,
                self._client.schema.types[name],
                list(steps),
                sorted({property for step in steps.values() for property in step.before}),
            )
        }

    def _request(self, batch: Iterable[Step]) -> Iterator[Outcome]:
        sets = _grouped(batch)
        calls: list[Call] = []
        places: list[int] = []
        for each in sets:
            places.append(len(calls))
            calls += [self._call(each), *replacing_calls(self._replacing(each), len(calls) + 1)]
        answers = self._client.attempt(calls) if calls else []
        for each, place in zip(sets, places, strict=True):
            failed = refused_secrets(answers[place + 2], keys) if (keys := self._replacing(each)) else {}
            for key, (step, refused) in self._outcomes(each, answers[place]).items():
                yield step, refused or failed.get(key)

    def _replacing(self, each: _Set) -> dict[str, tuple[str, Brought]]:
        """Return the secrets that clients get in a second step, each with the client, by the keys of their steps."""
        return {
            key: (step.id or f"#{key}", brought)
            for key, step in each.steps.items()
            if step.new_secret and (brought := self._brought.get(step.label)) and is_object(brought)
        }

    def _batches(self, steps: Iterable[Step]) -> Iterator[list[Step]]:
        """Cut steps into requests that keep to the limits."""
        most, calls = self._client.limit("maxObjectsInSet"), self._client.limit("maxCallsInRequest")
        calls = max(1, calls // 3) if any(map(is_object, self._brought.values())) else calls
        room = int(_ROOM * self._client.limit("maxSizeRequest"))
        batch: list[Step] = []
        size, made = 0, 0
        for step in steps:
            length = len(json.dumps(step.properties)) + 200
            is_call = not batch or not _is_alike(batch[-1], step)
            if batch and (len(batch) == most or size + length > room or made + is_call > calls):
                yield batch
                batch, size, made, is_call = [], 0, 0, True
            batch.append(step)
            size, made = size + length, made + is_call
        if batch:
            yield batch

    def _call(self, each: _Set) -> Call:
        if each.is_destroy:
            return f"{each.type}/set", {"destroy": list(each.steps)}
        sent = {key: self._properties(step) for key, step in each.steps.items()}
        create = {key: sent[key] for key, step in each.steps.items() if step.action == CREATE}
        update = {key: sent[key] for key, step in each.steps.items() if step.action != CREATE}
        return f"{each.type}/set", {"create": create or None, "update": update or None}

    def _properties(self, step: Step) -> dict[str, Any]:
        """Return what is sent: references to what was created by now resolved, a secret where there is to be one."""
        type = self._client.schema.types[step.type]
        properties = dict(step.properties)
        for name, target in references(type, properties):
            properties[name] = self._ids.get(target, f"#{target}")
        if step.new_secret and not type.fields["secret"].is_server_set:
            properties["secret"] = self._secret(step)
        return properties

    def _secret(self, step: Step) -> str:
        if brought := self._brought.get(step.label):
            return first_secret(brought)
        secret = secrets.token_urlsafe(32)
        self._keep(step, secret)
        return secret

    def _keep(self, step: Step, secret: str, id: str | None = None) -> None:
        """Write a secret to the disk, with the id of a new object, for others may have its label."""
        if self._secret_file is None:
            raise Failure(f"there is no file for the new secret of {step.label}: give it another one")
        line = {
            "type": step.type.removeprefix("x:"),
            **({"id": id} if id else {}),
            "label": step.label,
            "secret": secret,
        }
        self._secret_file.write(json.dumps(line) + "\n")
        self._secret_file.flush()
        os.fsync(self._secret_file.fileno())

    def _outcomes(self, each: _Set, answer: Mapping[str, Any] | MethodFailure) -> dict[str, Outcome]:
        from jmap_oauth.cli.show import refusal

        if isinstance(answer, MethodFailure):
            return {key: (step, str(answer)) for key, step in each.steps.items()}
        refused = {
            key: refusal(error)
            for name in ("notCreated", "notUpdated", "notDestroyed")
            for key, error in (answer.get(name) or {}).items()
        }
        created = answer.get("created") or {}
        done = {*created, *(answer.get("updated") or ()), *(answer.get("destroyed") or ())}
        for key, step in each.steps.items():
            if key in created:
                self._note(step, created[key])
        unknown = "the server does not say what became of it"
        return {key: (step, None if key in done else refused.get(key, unknown)) for key, step in each.steps.items()}

    def _note(self, step: Step, created: Mapping[str, Any]) -> None:
        if step.ref is not None:
            self._ids[step.ref] = created["id"]
        if "secret" in created:
            self._keep(step, created["secret"], created["id"])


def _is_as_before(step: Step, object: Object | None) -> bool:
    return object is not None and all(is_same_json(value, object[name]) for name, value in step.before.items())


def _is_alike(one: Step, other: Step) -> bool:
    return (one.type, one.action == DELETE) == (other.type, other.action == DELETE)


def _grouped(steps: Iterable[Step]) -> list[_Set]:
    """Put steps that can be in one call into one; a new object goes by its ref, or its line, as creation id."""
    sets: list[_Set] = []
    last: Step | None = None
    for step in steps:
        if last is None or not _is_alike(last, step):
            sets.append(_Set(step.type, step.action == DELETE, {}))
        sets[-1].steps[step.id or step.ref or str(step.line)] = step
        last = step
    return sets
