"""Tests of ws_python.loop.collector, and that connections leave nothing for the garbage collector."""

from __future__ import annotations

import gc
import select
import weakref
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from ws_python import WebSocketClient, WebSocketServer
from ws_python.connection.connection import Connection
from ws_python.loop.collector import Collector

from tests.chaos.harness import Crowd, request
from tests.ws_python.driving import poll_until


@pytest.fixture
def collector() -> Iterator[Collector]:
    yield Collector()
    gc.unfreeze()


def test_what_lives_is_set_aside_when_many_have_come_and_comes_back_when_all_are_gone(collector: Collector) -> None:
    gc.unfreeze()
    for _ in range(255):
        collector.opened()
    assert gc.get_freeze_count() == 0
    collector.opened()
    assert gc.get_freeze_count() > 1000
    for _ in range(255):
        collector.closed()
    assert gc.get_freeze_count() > 1000
    collector.closed()
    assert gc.get_freeze_count() == 0


def test_few_connections_set_nothing_aside(collector: Collector) -> None:
    for _ in range(200):
        collector.opened()
        collector.closed()
        collector.opened()
        collector.closed()
    assert gc.get_freeze_count() == 0


class _Circle:
    def __init__(self) -> None:
        self.itself = self


def test_what_is_young_and_garbage_is_not_set_aside(collector: Collector) -> None:
    circle = _Circle()
    there = weakref.ref(circle)
    del circle
    assert there() is not None
    for _ in range(256):
        collector.opened()
    assert there() is None


SAID = {
    "a handshake": request(),
    "no handshake": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no HTTP": b"\xffnonsense\r\n\r\n",
    "a bad header": request("no header"),
    "half a request": request()[:20],
    "a handshake, and an invalid frame": request() + b"\xff" * 20,
}


@pytest.mark.parametrize("said", SAID)
def test_who_comes_and_goes_leaves_no_garbage(said: str, server: WebSocketServer) -> None:
    def come_and_go() -> None:
        with Crowd(server.get_local_port(), 1, says=SAID[said]) as crowd:
            if said != "half a request":
                poll_until(lambda: bool(select.select(crowd.sockets, [], [], 0)[0]), server)
        poll_until(lambda: not server._connections, server)

    def alive() -> Counter[str]:
        kinds = (type(each) for each in gc.get_objects())
        return Counter(
            kind.__qualname__ for kind in kinds if str(kind.__module__).startswith(("ws_python", "websockets"))
        )

    come_and_go()  # What is made once.
    gc.collect()
    gc.disable()
    try:
        before = alive()
        come_and_go()
        # Not what a collection tells: it does not count circles that a generator's end has broken.
        poll_until(lambda: alive() <= before, server)
    finally:
        gc.enable()


@pytest.mark.parametrize("how", ["close", "stop", "refused", "abandoned"])
def test_a_connection_that_is_over_is_freed_without_the_collector(
    how: str, server: WebSocketServer, client: WebSocketClient, url: str
) -> None:
    server.refuse_new_connections = how == "refused"
    ends: list[Any] = []
    client.connection_failed.connect(ends.append)
    gc.collect()
    gc.disable()
    try:
        assert client.connect_to_url(url) == 0
        poll_until(lambda: bool(ends) or server.get_peer_count() == 1 == client.status - 1, server, client)
        if how == "close":
            client.close()
            poll_until(lambda: client.status == client.Status.STATUS_IDLE, server, client)
        elif how == "stop":
            server.stop()
            poll_until(lambda: client.status == client.Status.STATUS_IDLE, client)
        elif how == "abandoned":
            client._end()
        client._connection = None
        poll_until(lambda: not [each for each in gc.get_objects() if type(each) is Connection], server, client)
    finally:
        gc.enable()
