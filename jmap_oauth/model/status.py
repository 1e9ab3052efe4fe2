"""Status: what an object is at a given second, told from flags and dates. It is never kept: time goes on by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Moment(Enum):
    """Where a date lies. A date of null lies nowhere."""

    COME = "come"  # it is now, or was
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class Case:
    """A status, and when an object has it: its property is the flag `holds`, or a date that lies there."""

    name: str
    label: str
    property: str
    holds: bool | Moment

    def applies(self, record: Mapping[str, Any], now: str) -> bool:
        """Tell whether an object has this status at a second. Dates as they are kept sort as texts."""
        value = record[self.property]
        if isinstance(self.holds, bool):
            return value is self.holds
        return value is not None and (value <= now) is (self.holds is Moment.COME)


@dataclass(frozen=True, slots=True)
class Status:
    """The first case that applies; `otherwise` is the name, and the label, of what is left."""

    cases: Sequence[Case]
    otherwise: tuple[str, str] = ("active", "Active")

    @property
    def labels(self) -> Mapping[str, str]:
        return dict([self.otherwise, *((case.name, case.label) for case in self.cases)])

    @property
    def dates(self) -> Sequence[str]:
        """The properties that the clock is compared with."""
        return [*dict.fromkeys(case.property for case in self.cases if isinstance(case.holds, Moment))]

    def of(self, record: Mapping[str, Any], now: str) -> str:
        """Return the status of an object at a second."""
        return next((case.name for case in self.cases if case.applies(record, now)), self.otherwise[0])

    def is_good(self, record: Mapping[str, Any], now: str) -> bool:
        """Tell whether no case applies: an object that may be used at a second."""
        return not any(case.applies(record, now) for case in self.cases)
