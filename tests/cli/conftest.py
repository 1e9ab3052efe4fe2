"""A server for the client commands of a module; tests keep apart by the names that they use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.support.served import QUICK_FLAGS, serve_process


@pytest.fixture(scope="module")
def served_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_process(tmp_path_factory.mktemp("server"), *QUICK_FLAGS) as server:
        yield server.url


@pytest.fixture
def shell(tmp_path: Path, served_url: str) -> Shell:
    return Shell(tmp_path, served_url)
