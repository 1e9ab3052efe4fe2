"""The three families of errors of RFC 8620, and every error name this server uses.

A RequestError ends a request (section 3.6.1), a MethodError one method call (3.6.2), a SetError is the outcome of one
object in a /set (5.3) and so a value, not an exception.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct


class RequestErrorType(StrEnum):
    """Why a whole request is refused."""

    UNKNOWN_CAPABILITY = "urn:ietf:params:jmap:error:unknownCapability"
    NOT_JSON = "urn:ietf:params:jmap:error:notJSON"
    NOT_REQUEST = "urn:ietf:params:jmap:error:notRequest"
    LIMIT = "urn:ietf:params:jmap:error:limit"


class RequestError(Exception):
    """A request that is refused as a whole; `limit` names the limit that was passed."""

    def __init__(self, type: RequestErrorType, detail: str, *, limit: str | None = None) -> None:
        super().__init__(detail)
        self.type = type
        self.detail = detail
        self.limit = limit


class MethodErrorType(StrEnum):
    """Why a method call is refused."""

    SERVER_UNAVAILABLE = "serverUnavailable"
    SERVER_FAIL = "serverFail"
    UNKNOWN_METHOD = "unknownMethod"
    INVALID_ARGUMENTS = "invalidArguments"
    INVALID_RESULT_REFERENCE = "invalidResultReference"
    FORBIDDEN = "forbidden"
    ACCOUNT_NOT_FOUND = "accountNotFound"
    FROM_ACCOUNT_NOT_FOUND = "fromAccountNotFound"
    ACCOUNT_READ_ONLY = "accountReadOnly"
    REQUEST_TOO_LARGE = "requestTooLarge"
    STATE_MISMATCH = "stateMismatch"
    CANNOT_CALCULATE_CHANGES = "cannotCalculateChanges"
    TOO_MANY_CHANGES = "tooManyChanges"
    ANCHOR_NOT_FOUND = "anchorNotFound"
    UNSUPPORTED_FILTER = "unsupportedFilter"
    UNSUPPORTED_SORT = "unsupportedSort"


_LONGEST_DESCRIPTION = 1_000


class MethodError(Exception):
    """A method call that is refused; the other calls of the request are still answered.

    The description may name what the client sent, such as a filter, so it is cut to a bounded length.
    """

    def __init__(self, type: MethodErrorType, description: str) -> None:
        super().__init__(description[:_LONGEST_DESCRIPTION])
        self.type = type
        self.description = description[:_LONGEST_DESCRIPTION]


class SetErrorType(StrEnum):
    """Why an object of a /set was left as it was. Stalwart's clients read exactly these names and no others."""

    FORBIDDEN = "forbidden"
    OVER_QUOTA = "overQuota"
    TOO_LARGE = "tooLarge"
    NOT_FOUND = "notFound"
    INVALID_PATCH = "invalidPatch"
    WILL_DESTROY = "willDestroy"
    INVALID_PROPERTIES = "invalidProperties"
    INVALID_FOREIGN_KEY = "invalidForeignKey"
    PRIMARY_KEY_VIOLATION = "primaryKeyViolation"
    OBJECT_IS_LINKED = "objectIsLinked"


class SetError(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The outcome of one object in a /set that was refused.

    `validation_errors`, `object_id` and `linked_objects` have the form that Stalwart's clients show:
    `{"type": "Invalid", "property", "value"}`, `{"object": type name without "x:", "id"}`.
    """

    type: SetErrorType
    description: str | None = None
    properties: list[str] = []
    validation_errors: list[dict[str, Any]] = []
    object_id: dict[str, str] | None = None
    linked_objects: list[dict[str, str]] = []
