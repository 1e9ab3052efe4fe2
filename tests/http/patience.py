"""Time for a client and a server that share an event loop: it goes on only while neither has anything to do."""

from __future__ import annotations

import asyncio
from typing import Any

STEP, TICK = 0.01, 1e-6
"""Seconds by which the clock goes on, at most and at least, before all who are due are looked after."""


def count_only_idle_time() -> None:
    """Give the running loop a clock that stands still while the machine keeps it from its work.

    What a test does before a time is over is then done before it, however long the machine takes.
    """
    loop: Any = asyncio.get_running_loop()
    if "time" in vars(loop):
        return  # it has this clock
    selector, select, now = loop._selector, loop._selector.select, loop.time()

    def wait(timeout: float | None = None) -> Any:
        nonlocal now
        seconds = STEP if timeout is None else min(timeout, STEP)
        events = select(seconds)
        now += TICK if events else max(seconds, TICK)
        return events

    selector.select = wait
    loop.time = lambda: now
