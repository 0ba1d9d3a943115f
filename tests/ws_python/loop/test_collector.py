"""Tests of ws_python.loop.collector, and that connections leave nothing for the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from ws_python import WebSocketClient, WebSocketServer
from ws_python.connection.connection import Connection
from ws_python.loop.collector import Collector

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
