from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client.wire import Wire, serving


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A loopback server for transports that misbehave."""
    with serving() as server:
        yield server
