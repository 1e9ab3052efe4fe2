"""A client that comes from elsewhere, and how members of a foreign object become properties."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from jmap_oauth.cli.schema import MASK

NO_PROPERTY = "there is no property for it"
OWN = "this server has its own"
NO_SECRET = "it is not in the file"  # noqa: S105 - a sentence


class LeftOut(NamedTuple):
    """A member of the foreign object that is not carried over, and why. The reason never holds a secret."""

    member: str
    reason: str


@dataclass
class Imported:
    """An object as the file has it. `place` tells people where that is; `ref` is what others call it by.

    `secret` are properties of the x:OAuthClientSecret that the client brings along; `skipped` says why there is no
    object to be made, and `is_lost` whether there should be one.
    """

    place: str
    type: str = "OAuthClient"
    ref: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    secret: dict[str, Any] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    skipped: str | None = None
    is_lost: bool = False

    @property
    def label(self) -> str:
        """What it is known by, as the server keeps it."""
        return str(self.properties.get("clientId") or self.properties.get("name") or "").strip() or self.place

    def leave(self, member: str, reason: str) -> None:
        self.left_out.append(LeftOut(member, reason))

    def skip(self, reason: str) -> Imported:
        """Note that it cannot be brought over."""
        self.skipped, self.is_lost = reason, True
        return self

    def ignore(self, reason: str) -> Imported:
        """Note that it is none that anybody would bring over."""
        self.skipped = reason
        return self


Leave = Callable[[str], None]
"""Notes that a member, or a part of it, is left out, with the reason."""

Convert = Callable[[Any, Leave], Any]
"""Turns the value of a member into that of a property, or into None if there is nothing to carry over."""

Table = Mapping[str, tuple[str, Convert]]
"""By the name of a member: the property, and how its value is made."""


def carry(into: Imported, given: Mapping[str, Any], table: Table, reasons: Mapping[str, str]) -> None:
    """Carry members over by a table, and note those that are not in it. What says nothing (null, "", 0) is passed over.

    `reasons` are those for members that are known to have no property; an empty one tells that the importer itself
    looks at the member.
    """
    for name, value in given.items():
        if name in table and not _is_empty(value):
            property, convert = table[name]
            converted = convert(value, partial(into.leave, name))
            if converted is not None:
                into.properties[property] = converted
        elif name not in table and value and (reason := reasons.get(name, NO_PROPERTY)):
            into.leave(name, reason)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def text(value: Any, leave: Leave) -> str | None:
    if isinstance(value, str):
        return value
    leave("it is no text")
    return None


def flag(value: Any, leave: Leave) -> bool | None:
    """Read a flag, which some write as a text."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    leave("it is neither true nor false")
    return None


def document(value: Any, leave: Leave) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return value
    leave("it is no object")
    return None


def names(value: Any, leave: Leave) -> dict[str, bool] | None:
    """Read a list of texts, or a set as this server writes it, as a set."""
    if isinstance(value, Mapping):
        value = [name for name, is_there in value.items() if is_there is True]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        leave("it is no list of texts")
        return None
    return as_set(value)


def words(value: Any, leave: Leave) -> dict[str, bool] | None:
    """Read words with spaces between them as a set."""
    return as_set(value.split()) if isinstance(value, str) else names(value, leave)


def as_set(values: Iterable[str]) -> dict[str, bool]:
    return dict.fromkeys(values, True)


def uris(value: Any, leave: Leave) -> dict[str, bool] | None:
    """Read a list of URIs without those that have a wildcard: here they are compared character by character."""
    found = names(value, leave) or {}
    for each in [uri for uri in found if "*" in uri]:
        leave(f"{each} has a wildcard")
        del found[each]
    return found or None


def response_types(value: Any, leave: Leave) -> dict[str, bool] | None:
    """Read response types, whose words have no order, in the order that this server has."""
    found = names(value, leave)
    return None if found is None else as_set(" ".join(sorted(each.split())) for each in found)


def algorithm(value: Any, leave: Leave) -> str | None:
    """Read a signing algorithm; `none`, and `any`, is what null says here."""
    return None if value in ("none", "any") else text(value, leave)


_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "\N{MICRO SIGN}s": 1_000,
    "\N{GREEK SMALL LETTER MU}s": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_SECONDS = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")


def duration(value: Any, leave: Leave) -> int | None:
    """Read a duration as Go writes it, such as 1h30m0s, as milliseconds; what is less than one is cut and told."""
    if value == "0":
        return 0
    parts = _PART.findall(value) if isinstance(value, str) and len(value) <= 100 else []
    if not parts or "".join(number + unit for number, unit in parts) != value:
        leave("it is no duration such as 1h30m0s, or a negative one")
        return None
    # Fractions, for they are exact: Decimal ends with an error where digits are too many for it.
    milliseconds, rest = divmod(sum(Fraction(number) * _NANOSECONDS[unit] for number, unit in parts), 1_000_000)
    if rest:
        leave("the part of it that is less than a millisecond")
    return int(milliseconds)


def seconds(value: Any, leave: Leave) -> int | None:
    """Read a number of seconds as milliseconds; a negative one says nothing."""
    if not _SECONDS.fullmatch(str(value)):
        leave("it is no number of seconds")
        return None
    milliseconds = int(Decimal(str(value)) * 1_000)
    return milliseconds if milliseconds >= 0 else None


def camel(name: str) -> str:
    """Turn snake_case into camelCase."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


WITH_SECRET = frozenset({"client_secret_basic", "client_secret_post"})

_HASH = re.compile(
    r"\$argon2id\$.{20,480}"
    r"|\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}"
    r"|\$pbkdf2-sha256\$[^$]{1,40}\$[^$]{1,200}\$[^$]{1,200}"
    r"|pbkdf2_sha256\$\d{1,8}\$[A-Za-z0-9]{1,200}\$[A-Za-z0-9+/=]{1,200}",
    re.ASCII,
)
_OTHER_HASH = re.compile(r"\$[a-z0-9-]{1,20}\$.{10,}|\{[A-Za-z0-9.-]{3,20}\}.{10,}", re.ASCII)


def bring_secret(into: Imported, member: str, secret: Any, *, may_be_hash: bool = False) -> None:
    """Take a secret, or the hash of one, along; of another kind of hash the client cannot be given the secret."""
    if not isinstance(secret, str) or not secret or secret.strip("*") == "":
        into.leave(member, NO_SECRET)
    elif may_be_hash and _HASH.fullmatch(secret):
        into.secret["secretHash"] = secret
    elif may_be_hash and _OTHER_HASH.fullmatch(secret):
        into.leave(member, "it is a hash of another kind than argon2id, bcrypt and pbkdf2-sha256")
    else:
        into.secret["secret"] = secret
    into.properties["secret"] = MASK


def authenticate_by(into: Imported, member: str, method: str) -> bool:
    """Set how a client authenticates, and tell whether it can do so here.

    To leave a method out would make the client public, so one that is unknown here keeps it from being made.
    """
    if method == "client_secret_jwt":
        into.leave(member, "client_secret_jwt would need a secret that can be read: client_secret_basic stands for it")
        method = "client_secret_basic"
    if method not in WITH_SECRET | {"none", "private_key_jwt"}:
        into.skip(f"it authenticates by {method}, which there is not here")
        return False
    into.properties["tokenEndpointAuthMethod"] = method
    return True
