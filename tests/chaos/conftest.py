"""A server in this process, whose polls can be timed, and as many open files as a crowd needs."""

from __future__ import annotations

import contextlib
import gc
import resource
import socket
from collections.abc import Iterator

import pytest
from ws_python import WebSocketServer

from tests.chaos.machine import Cable, Unavailable
from tests.ws_python.conftest import closed_hub

__all__ = ["closed_hub"]


@pytest.fixture(autouse=True, scope="session")
def _many_open_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(autouse=True, scope="module")
def _own_garbage_only() -> Iterator[None]:
    """What pytest holds is not collected again and again within the polls that are timed."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def server() -> Iterator[WebSocketServer]:
    """A server that listens on a free port of this machine, with what it has by default."""
    server = WebSocketServer()
    server.bind_address = "localhost"
    assert server.listen(0) == 0
    yield server
    server.stop()


@pytest.fixture
def cable() -> Iterator[Cable]:
    """A network on a cable that can be pulled, where one can be made."""
    with contextlib.ExitStack() as opened:
        try:
            connected = opened.enter_context(Cable())
        except Unavailable as error:
            pytest.skip(str(error))
        yield connected


@pytest.fixture
def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
