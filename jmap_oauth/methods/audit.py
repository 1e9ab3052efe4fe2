"""What a /set tells of itself, so that it is written down in the same transaction; what is written, others know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from jmap_oauth.access.principal import Principal
from jmap_oauth.model.definition import ObjectType, Record


class Audited(NamedTuple):
    """A change of an object of an audited type: as it was (None on create), and as it is (None on destroy).

    `secrets` are the names of those that were given, replaced or removed: the records alone do not tell.
    """

    type: ObjectType
    old: Record | None
    new: Record | None
    secrets: frozenset[str]


Audit = Callable[[Principal, str, Sequence[Audited]], Mapping[str, Sequence[Record]]]
"""Returns the records to create, by the name of their type: from who changed something, the second of the /set as
dates are kept, and all changes of one call. It must have no effect: it may be called more than once."""
