"""What push tells of (RFC 8620 section 7.1): the states of all types, as their /get methods name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jmap_oauth.access.policy import Policy
from jmap_oauth.access.principal import Principal
from jmap_oauth.methods.call import wire_name
from jmap_oauth.model.definition import Action, Model
from jmap_oauth.store.interface import Store


class ChangeWatch:
    """Tells of changes that any process makes on the store.

    Types go by the name before the slash in their methods, `x:` and all: RFC 8620 section 7.1 calls "Foo" what has a
    "Foo/get", and a client that is told of a state asks just that.
    """

    def __init__(self, model: Model, store: Store, policy: Policy) -> None:
        self._model = model
        self._store = store
        self._policy = policy

    async def version(self) -> str:
        """Return what differs from its last value whenever anything has changed since. It costs next to nothing.

        Raises:
            Unavailable: it cannot be told.
        """
        return await self._store.version(*self._model)

    async def states(self, accounts: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the states of all types that ever changed there, by account and type; each account has an entry.

        Raises:
            Unavailable: they cannot be read.
        """
        read = await self._store.read(lambda reader: reader.states(accounts))
        return {
            account: {wire_name(self._model[name]): state for name, state in states.items()}
            for account, states in read.items()
        }

    def readable(self, principal: Principal) -> Sequence[str]:
        """Return the types whose states a principal may know: those that it may get."""
        return sorted(wire_name(each) for each in self._model if self._policy.may(principal, each, Action.GET))
