"""Links of each kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ws_python.loop.hub import hub

from tests.ws_python.net.links import Pair


@pytest.fixture
def plain() -> Iterator[Pair]:
    """Plain TCP past asyncio."""
    if not hub.uses_epoll:
        pytest.skip("only Linux has epoll")
    pair = Pair("plain")
    yield pair
    pair.close()


@pytest.fixture(params=["tls", "tls by asyncio"])
def secured(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """TLS over each of the others."""
    pair = Pair(request.param)
    yield pair
    pair.close()


@pytest.fixture
def by_asyncio() -> Iterator[Pair]:
    """Plain TCP by asyncio."""
    pair = Pair("by_asyncio")
    yield pair
    pair.close()
