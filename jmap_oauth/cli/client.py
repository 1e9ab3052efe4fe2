"""A JMAP client (RFC 8620): the Session, the schema, batches of calls, and push."""

from __future__ import annotations

import json
import re
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jmap_oauth.cli.connection import Connection
from jmap_oauth.cli.schema import Schema, Type, read_schema
from jmap_oauth.cli.terminal import Failure
from jmap_oauth.protocol.types import CORE

if TYPE_CHECKING:
    import httpx

# httpx brings a command of its own, with all of rich and pygments: a third of the time that its import takes.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # stands for a module that is not there

STALWART = "urn:stalwart:jmap"
METADATA = "urn:jmap-oauth:metadata"

MAX_ANSWER = 256 * 1024 * 1024
"""Bytes of an answer; the server's own bound is a quarter of it unless it is set higher."""

MAX_EVENT_LINE = 1024 * 1024
"""Bytes of a line that is pushed; a change of all types in an account takes a few hundred."""

_LINE_END = re.compile(rb"\r\n|\r|\n")
_CONNECT_SECONDS = 15
_ANSWER_SECONDS = 300  # a thousand secrets to be hashed take their time
_SILENCE_SECONDS = 90
_UNSURE = frozenset({502, 503, 504})
PING_SECONDS = 30

Call = tuple[str, Mapping[str, Any]]


class Disconnected(Failure):
    """The server cannot be reached, or the connection was cut. What was asked for may have been done or not."""


class MethodFailure(Failure):
    """A method call is answered with an error, whose name is `type`."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        self.type = str(error.get("type"))
        description = error.get("description")
        super().__init__(f"{self.type}: {description}" if description else self.type)


class Members(dict[str, Any]):
    """The members of an object in an answer. That one is missing is the server's fault, not this program's."""

    def __missing__(self, name: str) -> Any:
        raise Failure(f"the server does not answer as a jmap-oauth server does: {name} is missing")


class Client:
    """A server, asked with one key. Every method raises Failure if the server cannot be reached or refuses."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        if "_http" in self.__dict__:
            self._http.close()

    @cached_property
    def _http(self) -> httpx.Client:
        import httpx

        return httpx.Client(
            headers={"Authorization": f"Bearer {self._connection.key}", "Accept": "application/json"},
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            trust_env=not self._connection.is_loopback,  # a proxy of the environment has no way to this machine
            verify=True if self._may_use_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # which trusts nobody
        )

    @property
    def _may_use_tls(self) -> bool:
        """Tell whether the authorities that this machine trusts are worth reading, which takes its time."""
        return not self._connection.is_loopback or self._connection.url.startswith("https:")

    @cached_property
    def session(self) -> Mapping[str, Any]:
        """The Session object (RFC 8620 section 2)."""
        session = self._get("/jmap/session")
        try:
            if CORE in session["capabilities"] and STALWART in session["capabilities"]:
                return dict(session)
        except (KeyError, TypeError):
            pass
        raise self._is_another_kind()

    @cached_property
    def schema(self) -> Schema:
        """The types that are served."""
        return read_schema(self._get("/api/schema"))

    def limit(self, name: str) -> int:
        """Return a limit of the core capability, such as maxObjectsInSet."""
        value = self.session["capabilities"][CORE].get(name)
        if not isinstance(value, int) or value < 1:
            raise self._is_another_kind()
        return value

    @property
    def has_metadata(self) -> bool:
        return METADATA in self.session["capabilities"]

    @cached_property
    def _using(self) -> list[str]:
        return [CORE, STALWART, *([METADATA] if self.has_metadata else [])]

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Make one call and return its answer.

        Raises:
            MethodFailure: it is answered with an error.
        """
        return self.calls([(name, arguments)])[0]

    def calls(self, calls: Sequence[Call]) -> list[dict[str, Any]]:
        """Make calls in one request and return their answers, in order.

        Raises:
            MethodFailure: one is answered with an error; the others may have been done.
        """
        answers = self.attempt(calls)
        for answer in answers:
            if isinstance(answer, MethodFailure):
                raise answer
        return [answer for answer in answers if not isinstance(answer, MethodFailure)]

    def attempt(self, calls: Sequence[Call]) -> list[dict[str, Any] | MethodFailure]:
        """Make calls in one request and return for each its answer, or its error."""
        named = [[name, arguments, f"c{number}"] for number, (name, arguments) in enumerate(calls)]
        answer = self._post({"using": self._using, "methodCalls": named})
        try:
            answers = [(str(name), Members(arguments)) for name, arguments, _ in answer["methodResponses"]]
        except (KeyError, TypeError, ValueError):
            raise self._is_another_kind() from None
        if len(answers) != len(calls):
            raise self._is_another_kind()
        return [MethodFailure(arguments) if name == "error" else arguments for name, arguments in answers]

    def events(self, type: Type) -> Iterator[str | None]:
        """Follow push (RFC 8620 section 7.3): yield None once the server listens, then each new state of a type."""
        url = f"{self._connection.url}/jmap/eventsource"
        parameters = {"types": type.name, "closeafter": "no", "ping": str(PING_SECONDS)}
        import httpx

        timeout = httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS)
        with (
            self._translated(),
            self._http.stream(
                "GET", url, params=parameters, headers={"Accept": "text/event-stream"}, timeout=timeout
            ) as response,
        ):
            self._check_status(response)
            yield None
            for line in _lines(response):
                if line.startswith(b"data:"):
                    yield from _states(line[5:], type)

    def _get(self, path: str) -> Any:
        body, location = self._exchange("GET", self._connection.url + path)
        if location is not None:
            # Of a redirect only the last part counts, so that no server can send the key elsewhere.
            body, location = self._exchange("GET", f"{self._connection.url}{path}/{location.rpartition('/')[2]}")
        if location is not None:
            raise self._is_another_kind()
        return self._decode(body)

    def _post(self, request: Mapping[str, Any]) -> Any:
        body, _ = self._exchange("POST", f"{self._connection.url}/api", json.dumps(request).encode())
        return self._decode(body, Members)

    def _exchange(self, method: str, url: str, content: bytes | None = None) -> tuple[bytes, str | None]:
        """Return the body of an answer, and where it redirects to."""
        headers = {"Content-Type": "application/json"} if content is not None else {}
        with self._translated(), self._http.stream(method, url, content=content, headers=headers) as response:
            if response.is_redirect:
                return b"", response.headers.get("Location", "")
            self._check_status(response)
            return _read(response), None

    def _decode(self, body: bytes, kind: type[Members] | None = None) -> Any:
        try:
            return json.loads(body, object_hook=kind)
        except (ValueError, RecursionError):
            raise self._is_another_kind() from None

    def _check_status(self, response: httpx.Response) -> None:
        if response.status_code == 200:
            return
        if response.status_code == 401:
            raise Failure(f"{self._connection.url} refuses the key (HTTP 401)")
        detail = _problem(_read(response))
        if detail is None and response.status_code < 500:
            raise self._is_another_kind()
        # Such as a proxy's, while the server starts anew.
        kind = Disconnected if response.status_code in _UNSURE else Failure
        raise kind(f"{self._connection.url} answered HTTP {response.status_code}{f': {detail}' if detail else ''}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what httpx raises into Disconnected."""
        import httpx

        url = self._connection.url
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, UnicodeError) as error:  # of a name that no host can have
            raise Disconnected(f"{url} cannot be reached: {error}") from None
        except httpx.TimeoutException:
            raise Disconnected(f"{url} did not answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Disconnected(f"the connection to {url} was cut: {error}") from None

    def _is_another_kind(self) -> Failure:
        return Failure(f"{self._connection.url} does not answer as a jmap-oauth server does")


def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise Failure(f"the server answers with more than {MAX_ANSWER:,} bytes")
    return bytes(body)


def _problem(body: bytes) -> str | None:
    """Return the detail of a problem document (RFC 9457), or None if it is none."""
    try:
        problem = json.loads(body)
        return str(problem.get("detail") or problem["title"])
    except (ValueError, KeyError, AttributeError, RecursionError):
        return None


def _lines(response: httpx.Response) -> Iterator[bytes]:
    """Yield the lines of an event stream; httpx would keep one of any length. Some empty ones may be more than sent."""
    rest = b""
    for chunk in response.iter_bytes():
        *lines, rest = _LINE_END.split(rest + chunk)
        yield from lines
        if len(rest) > MAX_EVENT_LINE:
            raise Failure(f"the server sends an event with a line of more than {MAX_EVENT_LINE:,} bytes")


def _states(data: bytes, type: Type) -> Iterator[str]:
    """Yield the states of a type in the data of an event; pings and what is no StateChange have none."""
    try:
        changed = json.loads(data).get("changed", {})
        for states in changed.values():
            if type.name in states:
                yield str(states[type.name])
    except (ValueError, AttributeError, TypeError, RecursionError):
        return
