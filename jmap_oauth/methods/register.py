"""The table of methods that a Model gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from jmap_oauth.methods.call import Backing, wire_name
from jmap_oauth.methods.changes import handle_changes
from jmap_oauth.methods.get import handle_get
from jmap_oauth.methods.query import handle_query
from jmap_oauth.methods.query_changes import handle_query_changes
from jmap_oauth.methods.set import handle_set
from jmap_oauth.model.definition import Model, ObjectType
from jmap_oauth.protocol.dispatch import Call, Method
from jmap_oauth.protocol.errors import MethodError, MethodErrorType
from jmap_oauth.store.interface import Unavailable

_Handler = Callable[[Backing, ObjectType, Call], Awaitable[object]]

_READING: dict[str, _Handler] = {
    "get": handle_get,
    "changes": handle_changes,
    "query": handle_query,
    "queryChanges": handle_query_changes,
}
_WRITING: dict[str, _Handler] = {"set": handle_set}


def standard_methods(backing: Backing) -> Mapping[str, Method]:
    """Return the standard methods of every type of the Model, by name."""
    return {
        f"{wire_name(type)}/{name}": Method(
            _bind(handler, backing, type), _needs(backing.model, type), writes=name in _WRITING
        )
        for type in backing.model
        for name, handler in (_READING if type.read_only else _READING | _WRITING).items()
    }


def _needs(model: Model, type: ObjectType) -> frozenset[str]:
    """Return the capabilities of a type, and of the type that it belongs to."""
    owners = [model[type.owner[1]]] if type.owner else []
    return frozenset(each.capability for each in (type, *owners))


def _bind(handler: _Handler, backing: Backing, type: ObjectType) -> Callable[[Call], Awaitable[object]]:
    async def run(call: Call) -> object:
        try:
            return await handler(backing, type, call)
        except Unavailable as error:
            raise MethodError(MethodErrorType.SERVER_UNAVAILABLE, f"Nothing was done: {error}") from None

    return run
