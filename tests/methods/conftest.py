from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.stores import BACKENDS, OpenStore
from tests.support.widgets import Client, Widgets, open_widgets


@pytest.fixture(params=BACKENDS)
def open_store(request: pytest.FixtureRequest) -> OpenStore:
    return BACKENDS[request.param]


@pytest.fixture
async def widgets(tmp_path: Path, open_store: OpenStore) -> AsyncIterator[Widgets]:
    async with open_widgets(tmp_path, open_store=open_store) as opened:
        yield opened


@pytest.fixture
def root(widgets: Widgets) -> Client:
    """A caller without a team, with every permission."""
    return widgets.client()


@pytest.fixture
async def red(widgets: Widgets) -> Client:
    """A caller of one team."""
    return await widgets.team("red")


@pytest.fixture
async def blue(widgets: Widgets) -> Client:
    """A caller of another team."""
    return await widgets.team("blue")
