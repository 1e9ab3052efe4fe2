"""Objects of a server, a page at a time: memory holds one page however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jmap_oauth.cli.client import Client, MethodFailure
from jmap_oauth.cli.schema import Type
from jmap_oauth.cli.terminal import Failure
from jmap_oauth.protocol.errors import MethodErrorType

_PAGE = 500

Object = dict[str, Any]


class Pages:
    """The results of a query. `total` is how many there are, known once the first page is there."""

    def __init__(
        self,
        client: Client,
        type: Type,
        *,
        filter: Mapping[str, Any] | None = None,
        sort: Sequence[Mapping[str, Any]] = (),
        properties: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> None:
        self.total = 0
        self._client = client
        self._type = type
        self._query = {"filter": filter, "sort": list(sort)}
        self._properties = None if properties is None else ["id", *properties]
        self._left = limit
        self._is_last = False

    def __iter__(self) -> Iterator[list[Object]]:
        """Yield the pages; each is asked for when it is wanted."""
        ids, objects = self._page(position=0, calculateTotal=True)
        while objects:
            yield objects
            if self._is_last or self._left == 0:
                return
            ids, objects = self._page_after(ids)

    def _page_after(self, ids: Sequence[str]) -> tuple[list[str], list[Object]]:
        """Return the page behind these results, of which the last may be gone meanwhile."""
        for anchor in reversed(ids):
            try:
                return self._page(anchor=anchor, anchorOffset=1)
            except MethodFailure as error:
                if error.type != MethodErrorType.ANCHOR_NOT_FOUND:
                    raise
        raise Failure("the results changed too much while they were read: ask again")

    def _page(self, **window: Any) -> tuple[list[str], list[Object]]:
        size = min(_PAGE, self._client.limit("maxObjectsInGet"))
        limit = size if self._left is None else min(size, self._left)
        query = {**self._query, **window, "limit": limit}
        reference = {"resultOf": "c0", "name": f"{self._type.name}/query", "path": "/ids"}
        found, got = self._client.calls(
            [
                (f"{self._type.name}/query", query),
                (f"{self._type.name}/get", {"#ids": reference, "properties": self._properties}),
            ]
        )
        self.total = found.get("total", self.total)
        ids = list(found["ids"])
        self._is_last = len(ids) < min(limit, found.get("limit", limit))
        if self._left is not None:
            self._left -= len(ids)
        return ids, list(got["list"])


def get_all(client: Client, type: Type, ids: Sequence[str], properties: Sequence[str] | None = None) -> list[Object]:
    """Return objects by their ids, in batches; those that are not there are left out."""
    size = min(_PAGE, client.limit("maxObjectsInGet"))
    names = None if properties is None else ["id", *properties]
    return [
        each
        for start in range(0, len(ids), size)
        for each in client.call(f"{type.name}/get", ids=ids[start : start + size], properties=names)["list"]
    ]


def find_id(client: Client, type: Type, text: str) -> str:
    """Return the id of an object that is named by its id, or as `property=value`, such as `clientId=webmail`.

    Raises:
        Failure: no object, or several, have that value.
    """
    from jmap_oauth.cli.fields import read_filter

    if "=" not in text:
        return text
    ids = client.call(f"{type.name}/query", filter=read_filter(type, [text]), limit=2)["ids"]
    if len(ids) != 1:
        raise Failure(f"{type.short} {text} {'not found' if not ids else 'stands for several: name one by its id'}")
    return str(ids[0])
