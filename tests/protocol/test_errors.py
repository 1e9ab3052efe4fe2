"""The three families of errors of RFC 8620, and their names on the wire."""

from __future__ import annotations

import msgspec

from jmap_oauth.protocol.errors import (
    MethodError,
    MethodErrorType,
    RequestError,
    RequestErrorType,
    SetError,
    SetErrorType,
)


def test_requests_are_refused_by_the_names_of_section_3_6_1() -> None:
    assert {each.value for each in RequestErrorType} == {
        f"urn:ietf:params:jmap:error:{name}" for name in ("unknownCapability", "notJSON", "notRequest", "limit")
    }


def test_calls_are_refused_by_the_names_of_sections_3_6_2_5_and_6() -> None:
    assert {each.value for each in MethodErrorType} == {
        *("serverUnavailable", "serverFail", "unknownMethod", "invalidArguments", "invalidResultReference"),
        *("forbidden", "accountNotFound", "accountReadOnly", "requestTooLarge", "stateMismatch"),
        *("anchorNotFound", "unsupportedFilter", "unsupportedSort", "fromAccountNotFound"),
        *("cannotCalculateChanges", "tooManyChanges"),
    }


def test_objects_are_refused_by_the_names_of_section_5_3_and_three_of_stalwart() -> None:
    assert {each.value for each in SetErrorType} == {
        *("forbidden", "overQuota", "tooLarge", "notFound", "invalidPatch", "willDestroy", "invalidProperties"),
        *("invalidForeignKey", "primaryKeyViolation", "objectIsLinked"),
    }


def test_a_request_error_carries_its_type_its_detail_and_the_limit() -> None:
    error = RequestError(RequestErrorType.LIMIT, "Too much.", limit="maxSizeRequest")

    assert (error.type, error.detail, error.limit, str(error)) == (
        RequestErrorType.LIMIT,
        "Too much.",
        "maxSizeRequest",
        "Too much.",
    )


def test_a_request_error_is_about_no_limit_unless_one_is_named() -> None:
    assert RequestError(RequestErrorType.NOT_JSON, "No JSON.").limit is None


def test_a_method_error_carries_its_type_and_its_description() -> None:
    error = MethodError(MethodErrorType.FORBIDDEN, "No.")

    assert (error.type, error.description, str(error)) == (MethodErrorType.FORBIDDEN, "No.", "No.")


def test_the_description_of_a_method_error_is_bounded() -> None:
    """It may name what the client sent, at any length."""
    error = MethodError(MethodErrorType.UNSUPPORTED_FILTER, "x" * 1_000_000)

    assert (error.description, str(error)) == ("x" * 1_000, "x" * 1_000)


def test_a_set_error_is_written_without_what_was_not_said() -> None:
    assert msgspec.json.encode(SetError(SetErrorType.NOT_FOUND)) == b'{"type":"notFound"}'


def test_a_set_error_is_written_under_the_names_of_the_wire() -> None:
    error = SetError(
        SetErrorType.PRIMARY_KEY_VIOLATION,
        "Taken.",
        ["code"],
        [{"type": "Invalid", "property": "code", "value": "is taken"}],
        {"object": "Widget", "id": "i1"},
        [{"object": "Team", "id": "i2"}],
    )

    assert msgspec.to_builtins(error) == {
        "type": "primaryKeyViolation",
        "description": "Taken.",
        "properties": ["code"],
        "validationErrors": [{"type": "Invalid", "property": "code", "value": "is taken"}],
        "objectId": {"object": "Widget", "id": "i1"},
        "linkedObjects": [{"object": "Team", "id": "i2"}],
    }
