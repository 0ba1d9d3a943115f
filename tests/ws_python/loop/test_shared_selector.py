"""Tests of ws_python.loop.shared_selector: asyncio's files in the hub's own epoll, as on Windows, with real sockets."""

from __future__ import annotations

import asyncio
import selectors
import socket
from asyncio import AbstractEventLoop
from collections.abc import Iterator

import pytest
from ws_python import Error, WebSocketClient, WebSocketServer
from ws_python.loop.epoll import IS_AVAILABLE
from ws_python.loop.hub import hub
from ws_python.loop.shared_selector import SharedSelector

from tests.ws_python.driving import listening, poll_until

pytestmark = pytest.mark.skipif(not IS_AVAILABLE, reason="this system has no epoll")


@pytest.fixture(autouse=True)
def loop() -> Iterator[AbstractEventLoop]:
    before = hub.shares_epoll
    hub.shares_epoll = True
    yield hub.loop()
    hub.close(0.0)
    hub.shares_epoll = before


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    here.setblocking(False)
    yield here, there
    here.close()
    there.close()


Ends = tuple[socket.socket, socket.socket]


def turn(times: int = 3) -> None:
    for _ in range(times):
        hub.turn(0.0, 1.0)


def test_readers_and_writers_are_called_while_they_are_ready(loop: AbstractEventLoop, ends: Ends) -> None:
    here, there = ends
    read: list[bytes] = []
    wrote: list[int] = []
    loop.add_reader(here, lambda: read.append(here.recv(1)))
    turn()
    assert read == []
    there.send(b"xyz")
    turn()
    assert read == [b"x", b"y", b"z"]
    loop.add_writer(here, lambda: wrote.append(1))
    turn()
    assert len(wrote) == 3
    assert loop.remove_writer(here)
    there.send(b"w")
    turn()
    assert (len(wrote), read[3:]) == (3, [b"w"])
    assert loop.remove_reader(here) and not loop.remove_reader(here)
    there.send(b"v")
    turn()
    assert len(read) == 4


def test_a_turn_without_time_for_it_loses_nothing(loop: AbstractEventLoop, ends: Ends) -> None:
    """Neither what was found, nor that more was found since."""
    here, there = ends
    read: list[bytes] = []
    loop.add_reader(here, lambda: read.append(here.recv(1)))
    there.send(b"abcdef")
    for _ in range(3):
        loop.call_soon(lambda: None)
    for _ in range(60):
        hub.turn(0.0, 0.0)
    assert b"".join(read) == b"abcdef"


def test_a_turn_waits_for_it(loop: AbstractEventLoop, ends: Ends) -> None:
    here, there = ends
    read: list[bytes] = []
    loop.add_reader(here, lambda: read.append(here.recv(1)))
    there.send(b"x")
    hub.turn(3600.0, 1.0)
    assert read == [b"x"]


def test_another_thread_ends_a_wait(loop: AbstractEventLoop) -> None:
    task = loop.run_in_executor(None, lambda: 5)
    while not task.done():
        hub.turn(3600.0, 1.0)
    assert task.result() == 5


def test_streams_of_asyncio(loop: AbstractEventLoop) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(1_000_000))
        await writer.drain()
        writer.close()

    async def exchange() -> bytes:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(bytes(1_000_000))
        answer = await reader.read(-1)
        writer.close()
        server.close()
        return answer

    task = loop.create_task(exchange())
    while not task.done():
        hub.turn(1.0, 1.0)
    assert task.result() == bytes(1_000_000)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_and_a_client(host: str) -> None:
    server, client = listening(), WebSocketClient()
    server.message_received.connect(lambda peer_id, message: server.send(peer_id, message))
    received: list[object] = []
    client.message_received.connect(received.append)
    assert client.connect_to_url(f"ws://{host}:{server.get_local_port()}") == Error.OK
    poll_until(lambda: client.status == WebSocketClient.Status.STATUS_ACTIVE, client, server)
    client.send(bytes(1_000_000))
    poll_until(lambda: received == [bytes(1_000_000)], client, server)
    client.close()
    poll_until(lambda: server.get_peer_count() == 0, client, server)


def test_a_client_that_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    client = WebSocketClient()
    reasons: list[str] = []
    client.connection_failed.connect(reasons.append)
    assert client.connect_to_url(f"ws://127.0.0.1:{port}") == Error.OK
    poll_until(lambda: bool(reasons), client)
    assert "refuses connections" in reasons[0]


def test_the_selector_itself(ends: Ends) -> None:
    assert hub.epoll is not None
    selector = SharedSelector(hub.epoll)
    here, _ = ends
    key = selector.register(here, selectors.EVENT_READ, "data")
    assert selector.get_key(here) == selector.get_key(here.fileno()) == key
    with pytest.raises(KeyError):
        selector.register(here.fileno(), selectors.EVENT_READ)
    assert selector.modify(here, selectors.EVENT_WRITE, "other").data == "other"
    assert selector.get_key(here).events == selectors.EVENT_WRITE
    assert selector.unregister(here).data == "other"
    with pytest.raises(KeyError):
        selector.get_key(here)
    assert selector.select() == []
    selector.register(here, selectors.EVENT_READ)
    selector.close()
    assert not selector.get_map()


def test_closing_leaves_a_hub_that_starts_anew() -> None:
    server = WebSocketServer()
    for _ in range(3):
        assert server.listen(0) == Error.OK
        hub.close(0.0)
        assert server.status == WebSocketServer.Status.STATUS_IDLE
