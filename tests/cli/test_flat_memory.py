"""Results of any length are printed as they come, and dropped."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import pytest

from jmap_oauth.cli.client import Call, Client
from jmap_oauth.cli.connection import Connection
from jmap_oauth.cli.objects import query
from tests.cli.shell import Shell
from tests.support.served import ADMIN_KEY


class Long(Client):
    """A client of a server that answers a query with one page of its own, again and again, so many times."""

    def __init__(self, url: str, pages: int) -> None:
        super().__init__(Connection(url, ADMIN_KEY))
        self._left = pages

    def calls(self, calls: Sequence[Call]) -> list[dict[str, Any]]:
        self._left -= 1
        ids = [f"i{number}" for number in range(500)] if self._left >= 0 else []
        rows = [{"id": id, "clientId": f"client {id}", "description": "d" * 100} for id in ids]
        return [{"ids": ids, "total": 1_000_000}, {"list": rows}]


def peak(url: str, pages: int, as_json: bool) -> int:
    """Return the bytes that a query of so many pages takes at most."""
    with Long(url, pages) as client, open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        _ = client.schema, client.session  # asked for beforehand, and no part of what is measured
        tracemalloc.start()
        query(client, "OAuthClient", json=as_json)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most


@pytest.mark.parametrize("as_json", [False, True])
def test_ten_thousand_rows_take_the_memory_of_two_thousand(shell: Shell, as_json: bool) -> None:
    peak(shell.url, 1, as_json)  # loads what is needed
    assert peak(shell.url, 20, as_json) < 1.2 * peak(shell.url, 4, as_json)
