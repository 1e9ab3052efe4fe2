"""Problem documents (RFC 9457, RFC 8620 section 3.6.1): the one form of every answer that is an error of HTTP.

None of them repeats anything of the request's body.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from jmap_oauth.protocol.errors import RequestError, RequestErrorType

_TITLES = {
    RequestErrorType.UNKNOWN_CAPABILITY: "Unknown capability",
    RequestErrorType.NOT_JSON: "Not JSON",
    RequestErrorType.NOT_REQUEST: "Not a Request",
    RequestErrorType.LIMIT: "Limit reached",
}
_DETAILS = {
    HTTPStatus.NOT_FOUND: "There is nothing at this path.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not take this method; the header Allow names those it takes.",
}

Headers = Sequence[tuple[str, str]]


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """The members of a problem document; `limit` names the limit that was passed."""

    type: str
    status: int
    title: str
    detail: str
    limit: str | None = None


class Problem(Exception):
    """Ends a request with a problem document and these headers."""

    def __init__(self, document: ProblemDocument, headers: Headers = ()) -> None:
        super().__init__(document.detail)
        self.document = document
        self.headers = headers


def make_problem(status: HTTPStatus, detail: str, headers: Headers = ()) -> Problem:
    """Return a problem that its status says all about."""
    return Problem(ProblemDocument("about:blank", status, status.phrase, detail), headers)


def request_problem(error: RequestError) -> Problem:
    """Return a request-level error of RFC 8620 as a problem."""
    document = ProblemDocument(error.type, HTTPStatus.BAD_REQUEST, _TITLES[error.type], error.detail, error.limit)
    return Problem(document)


def render(problem: Problem) -> Response:
    """Return the answer; headers of one name stay apart."""
    document = problem.document
    response = Response(msgspec.json.encode(document), document.status, media_type="application/problem+json")
    for name, value in problem.headers:
        response.headers.append(name, value)
    return response


async def answer_error(_: Request, error: Exception) -> Response:
    """Answer what was raised on purpose: a Problem, or the router's no to a path or a method."""
    match error:
        case Problem():
            return render(error)
        case HTTPException():
            return render(_no_route(error))
    raise error


def _no_route(error: HTTPException) -> Problem:
    status = HTTPStatus(error.status_code)
    headers = [(name, ", ".join(sorted(value.split(", ")))) for name, value in (error.headers or {}).items()]
    return make_problem(status, _DETAILS.get(status, status.phrase), headers)
