"""The loop over the method calls of a request (RFC 8620 section 3): `using`, references, limits, one try."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw, Struct

from jmap_oauth.protocol.errors import MethodError, MethodErrorType, RequestError, RequestErrorType
from jmap_oauth.protocol.references import Answers
from jmap_oauth.protocol.types import CORE, Limits, Request, Response, parse_request, refuse_duplicate_members

_log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()


class Call(Struct, frozen=True):
    """One method call as its method sees it.

    `caller` is whatever the edge knows of who is asking; the dispatcher never looks inside. Methods that create
    objects add their ids to `created_ids`, under the creation id (RFC 8620 section 5.3).
    """

    arguments: dict[str, Any]
    using: frozenset[str]
    caller: Any
    created_ids: dict[str, str]


@dataclass(frozen=True, slots=True)
class Method:
    """A method, the capabilities without which it does not exist, and whether it changes anything.

    It returns what msgspec can encode.
    """

    run: Callable[[Call], Awaitable[object]]
    needs: frozenset[str] = frozenset({CORE})
    writes: bool = False


async def echo(call: Call) -> object:
    """`Core/echo` (RFC 8620 section 4): the arguments come back as they are."""
    return call.arguments


class Dispatcher:
    """Runs Requests against a table of methods. `capabilities` are all names that `using` may hold."""

    def __init__(self, methods: Mapping[str, Method], capabilities: frozenset[str], limits: Limits) -> None:
        self._methods = {"Core/echo": Method(echo), **methods}
        self._writing = frozenset(name for name, method in self._methods.items() if method.writes)
        self._capabilities = capabilities
        self._limits = limits

    @property
    def method_names(self) -> Collection[str]:
        """The methods there are; a client may name any other."""
        return self._methods.keys()

    def parse(self, body: bytes) -> Request:
        """Read a Request from JSON.

        Raises:
            RequestError: notJSON, notRequest or limit.
        """
        request = parse_request(body, self._limits)
        if not self._writing.isdisjoint([name for name, _, _ in request.method_calls]):
            refuse_duplicate_members(body)
        return request

    async def run(self, request: Request, caller: Any, session_state: str) -> Response:
        """Answer every call in order.

        Raises:
            RequestError: unknownCapability.
        """
        using = frozenset(request.using)
        if not using <= self._capabilities:
            index = next(index for index, name in enumerate(request.using) if name not in self._capabilities)
            raise RequestError(RequestErrorType.UNKNOWN_CAPABILITY, f"using[{index}] is no capability of this server.")
        created_ids = dict(request.created_ids or {})
        answers = Answers(self._limits.max_size_response)
        for name, arguments, call_id in request.method_calls:
            if answers.given:
                await asyncio.sleep(0)  # others are served between the calls of a request
            try:
                call = Call(answers.resolve(arguments), using, caller, created_ids)
                answers.add(name, await self._run(name, call, answers.room), call_id)
            except MethodError as error:
                answers.add("error", _encode({"type": error.type, "description": error.description}), call_id)
        return Response(answers.given, session_state, None if request.created_ids is None else created_ids)

    async def _run(self, name: str, call: Call, room: int) -> Raw:
        """Run one method; the only place where an unexpected fault becomes an answer."""
        method = self._methods.get(name)
        if method is None or not method.needs <= call.using:
            raise MethodError(MethodErrorType.UNKNOWN_METHOD, f"There is no method {name[:255]!r} with this `using`.")
        try:
            result = _encode(await method.run(call))
        except MethodError:
            raise
        except Exception:
            report = secrets.token_hex(8)
            _log.exception("Method %s failed, report %s", name, report, extra={"report": report})
            raise MethodError(MethodErrorType.SERVER_FAIL, f"Something went wrong here; report {report}.") from None
        if len(result) > room and not method.writes:  # what is done is said, whatever its size; /set is short
            raise MethodError(MethodErrorType.REQUEST_TOO_LARGE, "The answers would be larger than this server sends.")
        return result


def _encode(value: object) -> Raw:
    return Raw(_encoder.encode(value))
