"""Doing what a plan says: in one request where it fits, else in as many as the session's limits make of it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from jmap_oauth.cli.client import Call, Client, MethodFailure
from jmap_oauth.cli.plan import CREATE, DELETE, Step
from jmap_oauth.cli.plan_file import references
from jmap_oauth.cli.terminal import Failure

Outcome = tuple[Step, str | None]
"""A step, and why it was refused, or None."""

_ROOM = 0.9
"""The part of maxSizeRequest that steps may fill; the rest is for what is around them."""


@dataclass
class _Set:
    """One /set call, and its steps under the keys they have in its answer."""

    type: str
    is_destroy: bool
    steps: dict[str, Step]


class CarryingOut:
    """Carries out steps. New secrets go to `secret_file`, one JSON object a line, before they are sent.

    So they are known even if the connection is cut before the answer: whoever runs the same again finds the client
    there, and leaves its secret alone.
    """

    def __init__(self, client: Client, secret_file: IO[str] | None) -> None:
        self._client = client
        self._secret_file = secret_file
        self._ids: dict[str, str] = {}

    def run(self, steps: Iterable[Step]) -> Iterator[Outcome]:
        """Yield each step when it is done or refused.

        Raises:
            Failure: the server cannot be asked; what was yielded is done, the last request perhaps.
        """
        for batch in self._batches(steps):
            sets = _grouped(batch)
            answers = self._client.attempt([self._call(each) for each in sets])
            for each, answer in zip(sets, answers, strict=True):
                yield from self._outcomes(each, answer)

    def _batches(self, steps: Iterable[Step]) -> Iterator[list[Step]]:
        """Cut steps into requests that keep to the limits."""
        most, calls = self._client.limit("maxObjectsInSet"), self._client.limit("maxCallsInRequest")
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
            properties["secret"] = secrets.token_urlsafe(32)
            self._keep(step, properties["secret"])
        return properties

    def _keep(self, step: Step, secret: str) -> None:
        """Write a secret to the disk."""
        if self._secret_file is None:
            raise Failure(f"there is no file for the new secret of {step.label}: give it another one")
        line = {"type": step.type.removeprefix("x:"), "label": step.label, "secret": secret}
        self._secret_file.write(json.dumps(line) + "\n")
        self._secret_file.flush()
        os.fsync(self._secret_file.fileno())

    def _outcomes(self, each: _Set, answer: Mapping[str, Any] | MethodFailure) -> Iterator[Outcome]:
        from jmap_oauth.cli.show import refusal

        if isinstance(answer, MethodFailure):
            yield from ((step, str(answer)) for step in each.steps.values())
            return
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
            yield step, None if key in done else refused.get(key, "the server does not say what became of it")

    def _note(self, step: Step, created: Mapping[str, Any]) -> None:
        if step.ref is not None:
            self._ids[step.ref] = created["id"]
        if "secret" in created:
            self._keep(step, created["secret"])


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
