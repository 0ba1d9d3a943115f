"""A server and a client, polled or in a running loop, ended with everything they opened when the test is over."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest
from ws_python import WebSocketClient, WebSocketServer
from ws_python.loop.hub import hub

from tests.ws_python.asyncio_programs import LOOPS, Run, run_in
from tests.ws_python.driving import DEADLINE, IS_WINE, RawClient, poll_until


@pytest.fixture(autouse=True)
def closed_hub() -> Iterator[None]:
    """Every test starts with a fresh event loop and leaves none."""
    yield
    hub.close(0.0)


@pytest.fixture(params=["epoll", "asyncio"])
def network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Sockets watched as on Linux, and as on systems without epoll."""
    assert hub.uses_epoll, "on Linux"
    hub.uses_epoll = request.param == "epoll"
    yield
    hub.uses_epoll = True


@pytest.fixture
def server() -> WebSocketServer:
    """A server that listens on a free port of this machine."""
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.max_message_size = 16 * 1024 * 1024  # As a client's.
    assert server.listen(0) == 0
    return server


@pytest.fixture
def client() -> WebSocketClient:
    """An idle client."""
    client = WebSocketClient()
    if IS_WINE:  # There, reading what the system trusts takes longer than a client usually waits.
        client.connect_timeout = DEADLINE
    return client


@pytest.fixture
def url(server: WebSocketServer) -> str:
    """Where `server` listens."""
    return f"ws://127.0.0.1:{server.get_local_port()}/"


@pytest.fixture
def pair(server: WebSocketServer, client: WebSocketClient, url: str) -> tuple[WebSocketServer, WebSocketClient, int]:
    """The server, the client connected to it, and its peer id."""
    assert client.connect_to_url(url) == 0
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE and server.get_peer_count() == 1, server, client)
    return server, client, server.get_peer_ids()[0]


@pytest.fixture
def raw(server: WebSocketServer) -> Iterator[RawClient]:
    """A bare socket connected to `server`, through the opening handshake."""
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    yield raw
    raw.close()


@pytest.fixture(params=["asyncio", "asyncio, without epoll", *sorted({*LOOPS} - {"asyncio"})])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a main() to its end, in each kind of loop, with and without epoll."""
    loop, _, without_epoll = request.param.partition(",")
    usual = hub.uses_epoll
    hub.uses_epoll = usual and not without_epoll
    yield lambda main: run_in(LOOPS[loop], main)
    hub.uses_epoll = usual


@pytest.fixture
def run_once() -> Run:
    """Runs a main() in asyncio's loop, for what is the same in all."""
    return lambda main: run_in(LOOPS["asyncio"], main)


@pytest.fixture
def quiet_asyncio(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Asyncio has nothing to complain of: no task was lost, no callback has raised."""
    with caplog.at_level(logging.WARNING, "asyncio"):
        yield
        gc.collect()
    assert [entry.getMessage() for entry in caplog.records if entry.name == "asyncio"] == []
