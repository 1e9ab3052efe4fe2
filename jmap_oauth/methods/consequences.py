"""What the changes of a /set bring about: in the objects that belong to the changed ones, and where a type says so.

It holds every object that the call touches, of whatever type, as it was and as it shall be, and keeps all at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jmap_oauth.access.hashing import digest, new_secret
from jmap_oauth.methods.audit import Audited
from jmap_oauth.methods.proofs import Proofs
from jmap_oauth.model.definition import GLOBAL, MASK, Flaw, Model, ObjectType, Property, Record, Secret
from jmap_oauth.model.ids import new_id
from jmap_oauth.model.validate import Draft, draft_new
from jmap_oauth.protocol.types import is_same_json
from jmap_oauth.store.interface import Changes, Reader, Saved

_ALL = 1_000_000
"""More than any object owns."""

_Key = tuple[str, str]
"""A name of a type and an id: of an object, or of the owner of objects of that type."""


@dataclass(frozen=True, slots=True)
class Touched:
    """An object that a /set touches: as it is kept now, as it shall be, and the secrets that it gets.

    It is neither before nor after if the same call makes it and takes it away. `owner_id` is the id of its owner, else
    its own: all secrets of that one share a salt.
    """

    type: ObjectType
    owner_id: str
    old: Record | None
    new: Record | None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def changed_secrets(self) -> frozenset[str]:
        """Return the names of the secrets that are given, replaced or removed."""
        given = {name if self.type.by_name[name].is_readable else self.chosen.name for name in self.secrets}
        old, new = self.old or {}, self.new or {}
        both = [each.name for each in self.type.secrets if old and new]
        return frozenset(given).union(name for name in both if old[name] != new[name])

    @property
    def is_change(self) -> bool:
        return not is_same_json(self.old, self.new) or bool(self.changed_secrets)

    @property
    def chosen(self) -> Property:
        assert self.type.chosen  # noqa: S101 - for the type checker: a declaration with a hash has one
        return self.type.chosen


class Consequences:
    """All that a /set does, as far as it is planned. It is the `Transaction` of cascades."""

    def __init__(self, model: Model, reader: Reader, proofs: Proofs, now: str, actor: str) -> None:
        self.now = now
        self._model = model
        self._reader = reader
        self._proofs = proofs
        self._actor = actor
        self._touched: dict[_Key, Touched] = {}
        self._found: dict[_Key, dict[str, Record]] = {}
        self._moved: dict[_Key, dict[str, Record | None]] = {}
        self._acts = 0
        proofs.start()

    def touched(self, type: ObjectType, id: str) -> Touched | None:
        """Return what becomes of an object, if anything does."""
        return self._touched.get((type.name, id))

    async def add(
        self, type: ObjectType, old: Record | None, new: Record | None, secrets: Mapping[str, str]
    ) -> list[Flaw]:
        """Put a change down with all that follows from it; with flaws nothing is."""
        key = type.name, (new or old or {})["id"]
        before = self._touched.get(key)
        self._touch(type, old, new, secrets)
        await self._take_owned_along(type, old, new)
        acts = self._acts
        if flaws := [*await type.cascade(self, old, new, secrets)]:
            self._put_back(key, before)
            return flaws
        after = self._touched[key]
        if after.secrets and self._acts == acts:
            # A secret that is kept as other objects is the same if nothing became of them.
            kept = {name: each for name, each in after.secrets.items() if name not in type.views}
            after = replace(after, secrets=kept)
        self._touched[key] = self._stamped(after)
        return []

    def complete(self, type: ObjectType, draft: Draft, id: str, given: Iterable[str]) -> Draft:
        """Give a new object its id, the secrets that the server makes, and stamps where nothing was given."""
        made = {
            each.name: new_secret(each.secret_prefix)
            for each in type.secrets
            if each.secret is Secret.GENERATED and each.name not in draft.secrets
        }
        stamps = {name: value for name, value in self._stamps(type, lasting=True) if name not in given}
        record = {"id": id, **draft.record, **dict.fromkeys(made, MASK), **stamps}
        return Draft(record, {**draft.secrets, **made}, draft.flaws)

    # what cascades may do

    async def get(self, type_name: str, id: str) -> Record | None:
        if (type_name, id) in self._touched:
            return self._touched[type_name, id].new
        found = await self._reader.get(self._model[type_name], GLOBAL, [id])
        return found[0] if found else None

    async def owned(self, type_name: str, owner_id: str) -> Sequence[Record]:
        await self.look_up(self._model[type_name], [owner_id])
        key = type_name, owner_id
        records = {**self._found[key], **self._moved.get(key, {})}
        return [record for _, record in sorted(records.items()) if record is not None]

    async def is_secret(self, type_name: str, records: Sequence[Record], plain: str) -> bool:
        type, ids = self._model[type_name], [record["id"] for record in records]
        given = self._given(type, ids)
        hashes = await self._hashes(type, [id for id in ids if id not in given])
        return plain in given.values() or any(self._proofs.matches(hash, plain) for hash in hashes)

    async def create(self, type_name: str, values: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        type = self._model[type_name]
        given = {**values, **secrets}
        draft = self.complete(type, draft_new(type, given, frozenset(), by_server=True), new_id(), values)
        if draft.flaws:
            raise ValueError(f"a cascade makes a wrong {type_name}: {[flaw.property for flaw in draft.flaws]}")
        self._acts += 1
        self._touch(type, None, await self.in_account(type, draft.record), draft.secrets)

    def update(self, record: Record, type_name: str, values: Mapping[str, Any]) -> None:
        if (new := {**record, **values}) != record:
            self._acts += 1
            self._touch(self._model[type_name], record, new, {})

    def destroy(self, record: Record, type_name: str) -> None:
        self._acts += 1
        self._touch(self._model[type_name], record, None, {})

    # owners

    async def in_account(self, type: ObjectType, record: Record) -> Record:
        """Return a new object with the account of its owner; as it is where there is none."""
        if type.owner is None:
            return record
        owner = await self.get(type.owner[1], record[type.owner[0].name])
        return {**record, type.account_property: self._model[type.owner[1]].account_of(owner) if owner else None}

    async def look_up(self, type: ObjectType, owner_ids: Iterable[str]) -> None:
        """Read what belongs to these, as far as it was not read yet. Nothing that is kept belongs to a new object."""
        wanted = [id for id in owner_ids if (type.name, id) not in self._found]
        self._found |= {(type.name, id): {} for id in wanted}
        there = [id for id in wanted if type.owner and not self._is_new(type.owner[1], id)]
        if type.owner is None or not there:
            return
        pairs = await self._reader.referring(type, type.owner[0], there, _ALL)
        for record in await self._reader.get(type, GLOBAL, [id for _, id in pairs]):
            self._found[type.name, record[type.owner[0].name]][record["id"]] = record

    async def _take_owned_along(self, owner: ObjectType, old: Record | None, new: Record | None) -> None:
        account = owner.account_of(new) if new else None
        if old is None or (new and owner.account_of(old) == account):
            return
        for type in self._model.owned_by(owner):
            for record in await self.owned(type.name, old["id"]):
                self._touch(type, record, {**record, type.account_property: account} if new else None, {})

    # putting down

    def _touch(self, type: ObjectType, old: Record | None, new: Record | None, secrets: Mapping[str, str]) -> None:
        """Put down what becomes of an object: from what it was before the call to what it is now."""
        record = new or old or {}
        key = type.name, record["id"]
        before = self._touched.get(key)
        given = {**(before.secrets if before else {}), **secrets} if new else {}
        there = {name: text for name, text in given.items() if (new or {})[name] or not type.by_name[name].is_readable}
        owner_id = record[type.owner[0].name if type.owner else "id"]
        self._put(key, Touched(type, owner_id, before.old if before else old, new, there))

    def _put(self, key: _Key, touched: Touched) -> None:
        self._touched[key] = touched
        if touched.type.owner:
            self._moved.setdefault((key[0], touched.owner_id), {})[key[1]] = touched.new

    def _put_back(self, key: _Key, before: Touched | None) -> None:
        after = self._touched[key]
        if after.type.quota or any(each.unique for each in after.type.properties):
            raise ValueError(f"the cascade of {key[0]} refuses what was settled with others already")
        moved = self._moved[key[0], after.owner_id] if after.type.owner else {}
        if before is not None:
            self._put(key, before)
        else:
            del self._touched[key]
            moved.pop(key[1], None)

    def _stamped(self, each: Touched) -> Touched:
        """Stamp a change, unless it is none, or only of what the server sets by itself."""
        old, new = each.old, each.new
        if old is None or new is None:
            return each
        given = [one.name for one in each.type.properties if not one.server_set]
        if not each.changed_secrets and all(is_same_json(old[name], new[name]) for name in given):
            return each
        return replace(each, new={**new, **dict(self._stamps(each.type, lasting=False))})

    def _stamps(self, type: ObjectType, *, lasting: bool) -> Iterator[tuple[str, str]]:
        for name, stamp in type.stamps:
            if lasting or not stamp.is_lasting:
                yield name, self.now if stamp.is_date else self._actor

    # keeping

    async def changes(self) -> list[tuple[ObjectType, Changes]]:
        """Return what is to be kept, in the order in which it can be: owners come first and go last."""
        created: dict[str, list[Saved]] = defaultdict(list)
        updated: dict[str, list[tuple[Record, Saved]]] = defaultdict(list)
        destroyed: dict[str, list[Record]] = defaultdict(list)
        for each in self._touched.values():
            name = each.type.name
            if not each.is_change:
                continue
            if each.new and each.old:
                updated[name].append((each.old, Saved(each.new, await self._new_hashes(each))))
            elif each.new:
                created[name].append(Saved(each.new, await self._new_hashes(each)))
            elif each.old:
                destroyed[name].append(each.old)
        types = self._model.owners_first
        return [
            *((type, Changes(destroyed=destroyed[type.name])) for type in reversed(types) if type.name in destroyed),
            *(
                (type, Changes(created[type.name], updated[type.name]))
                for type in types
                if type.name in created or type.name in updated
            ),
        ]

    def audited(self) -> list[Audited]:
        """Return all changes of audited types."""
        return [
            Audited(each.type, each.old, each.new, each.changed_secrets)
            for each in self._touched.values()
            if each.type.audited and each.is_change
        ]

    async def _new_hashes(self, each: Touched) -> Mapping[str, str | None]:
        """Return the hashes of an object that change; None for a secret that is removed."""
        removed = [name for name in each.changed_secrets if each.new and each.new[name] is None]
        hashes: dict[str, str | None] = dict.fromkeys(name for name in removed if name not in each.type.views)
        for name, text in each.secrets.items():
            match each.type.by_name[name].secret:
                case Secret.GENERATED:
                    hashes[name] = digest(text)
                case Secret.CHOSEN:
                    hashes[name] = self._proofs.hash(text, each.owner_id, await self._others(each))
                case Secret.HASH:
                    hashes[each.chosen.name] = text
        return hashes

    async def _others(self, each: Touched) -> Iterable[str]:
        """Return the hashes that the owner of a new secret has beside it."""
        beside = await self.owned(each.type.name, each.owner_id) if each.type.owner else []
        ids = [record["id"] for record in beside]
        given = self._given(each.type, ids)
        return await self._hashes(each.type, [id for id in ids if id not in given])

    def _is_new(self, type_name: str, id: str) -> bool:
        owner = self._touched.get((type_name, id))
        return owner is not None and owner.old is None

    def _given(self, type: ObjectType, ids: Sequence[str]) -> Mapping[str, str]:
        """Return the secrets that these objects get now, by their ids; a hash that is given counts as unknown text."""
        touched = [(id, self._touched.get((type.name, id))) for id in ids]
        return {id: each.secrets.get(each.chosen.name, "") for id, each in touched if each and each.secrets}

    async def _hashes(self, type: ObjectType, ids: Sequence[str]) -> Collection[str]:
        """Return the hashes that are kept of these objects, the oldest first."""
        found = await self._reader.hashes(type, type.chosen, ids) if type.chosen and ids else {}
        return [found[id] for id in sorted(found)]
