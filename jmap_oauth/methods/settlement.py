"""What the objects of a /set owe to one another: values that are unique on the server, and quotas of accounts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from jmap_oauth.model.definition import GLOBAL, Model, ObjectType, Property, Record
from jmap_oauth.protocol.errors import SetError, SetErrorType
from jmap_oauth.store.interface import Reader


class Settled(Protocol):
    """Whatever is settled; what is refused gets an error."""

    error: SetError | None


Entry = tuple[Settled, Record | None, Record | None]
"""(who hears of a refusal, the object as it was, the object as it shall be)"""


class Settlement:
    """Who holds which unique value, and how many objects each account has, as a /set goes on."""

    def __init__(self, model: Model, type: ObjectType, account: str, reader: Reader) -> None:
        self._model = model
        self._type = type
        self._account = account
        self._reader = reader
        self._unique = type.unique
        self._holders: dict[tuple[str, str], Record | None] = {}
        self._counts: dict[str, int] = {}
        self._quotas: dict[str, int | None] = {}

    async def settle(self, entries: Sequence[Entry], too_large: Callable[[Record | None], SetError | None]) -> None:
        """Take all entries as a whole if that is valid, so that values may be swapped, else one after the other.

        What is too large is left out; it hears so if nothing else is wrong with it.
        """
        await self._load([new for _, _, new in entries if new is not None])
        sizes = [too_large(new) for _, _, new in entries]
        fitting = [entry for entry, error in zip(entries, sizes, strict=True) if error is None]
        if not self._take_together(fitting):
            for entry in fitting:
                entry[0].error = self._take_alone(entry)
        for (change, old, new), error in zip(entries, sizes, strict=True):
            if error is not None:
                change.error = self._refusal(old, new) or error

    def _take_together(self, entries: Sequence[Entry]) -> bool:
        before = dict(self._holders), dict(self._counts)
        for _, old, new in entries:
            self._release(old, new)
        for _, old, new in entries:
            if self._refusal(old, new):
                self._holders, self._counts = before
                return False
            self._hold(old, new)
        return True

    def _take_alone(self, entry: Entry) -> SetError | None:
        _, old, new = entry
        if error := self._refusal(old, new):
            return error
        self._release(old, new)
        self._hold(old, new)
        return None

    def _refusal(self, old: Record | None, new: Record | None) -> SetError | None:
        """Say why an object cannot become what it shall, as things stand; destroying is always possible."""
        if new is None:
            return None
        for each, value in self._values(new):
            holder = self._holders.get((each.name, value))
            if holder is not None and holder["id"] != new["id"]:
                return self._taken(each, holder)
        account = self._gained(old, new)
        quota = self._quotas.get(account) if account else None
        if account and quota is not None and self._counts[account] >= quota:
            return SetError(SetErrorType.OVER_QUOTA, f"The quota of {quota} {self._type.plural} is used up.")
        return None

    def _taken(self, each: Property, holder: Record) -> SetError:
        """Tell that a value is taken, and by whom only to those who see that object anyway."""
        visible = self._account in (GLOBAL, self._type.account_of(holder))
        return SetError(
            SetErrorType.PRIMARY_KEY_VIOLATION,
            f"{each.name} is taken.",
            [each.name],
            object_id={"object": self._type.name, "id": holder["id"]} if visible else None,
        )

    def _release(self, old: Record | None, new: Record | None) -> None:
        if old is None:
            return
        for each, value in self._values(old):
            holder = self._holders.get((each.name, value), old)
            if holder is not None and holder["id"] == old["id"]:
                self._holders[each.name, value] = None
        if lost := self._gained(new, old):
            self._counts[lost] = self._counts.get(lost, 0) - 1

    def _hold(self, old: Record | None, new: Record | None) -> None:
        if new is None:
            return
        for each, value in self._values(new):
            self._holders[each.name, value] = new
        if gained := self._gained(old, new):
            self._counts[gained] = self._counts.get(gained, 0) + 1

    def _values(self, record: Record) -> list[tuple[Property, str]]:
        """Return the values of a record that nobody else may have; null is none."""
        return [(each, record[each.name]) for each in self._unique if record[each.name] is not None]

    def _gained(self, old: Record | None, new: Record | None) -> str | None:
        """Return the account that has `new` and did not have `old`."""
        account = self._type.account_of(new) if new else None
        return None if old and self._type.account_of(old) == account else account

    async def _load(self, records: Sequence[Record]) -> None:
        """Read the holders of the values, and the quotas of the accounts, that come into play now."""
        for each in self._unique:
            values = {record[each.name] for record in records if record[each.name] is not None}
            wanted = sorted(value for value in values if (each.name, value) not in self._holders)
            found = await self._reader.find(self._type, each, wanted) if wanted else []
            self._holders |= {(each.name, value): None for value in wanted}
            self._holders |= {(each.name, record[each.name]): record for record in found}
        await self._load_quotas({account for record in records if (account := self._type.account_of(record))})

    async def _load_quotas(self, accounts: set[str]) -> None:
        wanted = [account for account in accounts if account not in self._quotas]
        if not wanted or self._type.quota is None or self._model.account_type is None:
            return
        for record in await self._reader.get(self._model.account_type, GLOBAL, wanted):
            self._quotas[record["id"]] = quota = record["quotas"].get(self._type.quota)
            if quota is not None:
                count = await self._reader.count(self._type, record["id"])
                self._counts[record["id"]] = self._counts.get(record["id"], 0) + count
