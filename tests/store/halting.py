"""Work that stands still in the thread of its connection, and callers that go away."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from jmap_oauth.model.definition import GLOBAL
from jmap_oauth.store.interface import Changes, Reader, Saved, Writer
from tests.support.stores import make_widget
from tests.support.widget import WIDGET


class Halt:
    """Work that stops in the thread of its connection until it is released."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._released = threading.Event()
        self.is_stopped = False

    def stop(self) -> None:
        self.is_stopped = True
        self._entered.set()
        self._released.wait(60)
        self.is_stopped = False

    async def entered(self) -> None:
        assert await asyncio.to_thread(self._entered.wait, 60)

    def release(self) -> None:
        self._released.set()

    async def read(self, reader: Reader) -> list[int]:
        """Count the widgets before and after the stop."""
        before = await reader.count(WIDGET, GLOBAL)
        self.stop()
        return [before, await reader.count(WIDGET, GLOBAL)]

    async def write(self, writer: Writer) -> None:
        await writer.apply(WIDGET, Changes(created=[Saved(make_widget("halted", None))]))
        self.stop()


async def cancel(task: asyncio.Future[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
