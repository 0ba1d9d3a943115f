"""Tests of ws_python.features.feature: what a feature that somebody writes is told, and when."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from ws_python import Error, WebSocketServer
from ws_python.connection.connection import Connection
from ws_python.declare.errors import BadSetting
from ws_python.declare.settings import setting, settings_of
from ws_python.features.feature import Feature
from ws_python.net.link import Link

from tests.ws_python.driving import RawClient, poll_until


class Watching(Feature):
    """Notes what it is told, and gives each connection an allowance."""

    def __init__(self, node: object) -> None:
        super().__init__(node)
        self.told: list[str] = []

    def begin(self) -> None:
        self.told.append("begin")
        if self.node.strictness > 5:
            raise BadSetting(Error.ERR_BUSY, "too strict")

    def end(self) -> None:
        self.told.append("end")

    def carry(self, link: Link) -> Link:
        self.told.append("carry")
        return link

    def sweep_period(self) -> float:
        return 0.01

    def opened(self, connection: Connection) -> None:
        assert not self.node.peers, "before the user is told"
        connection.meter.allowance = 100
        self.told.append("opened")

    def ponged(self, connection: Connection, payload: bytes) -> bool:
        self.told.append("ponged")
        return payload == b"secret"

    def closed(self, connection: Connection) -> None:
        self.told.append("closed")

    def sweep(self, now: float, connections: Collection[Connection]) -> None:
        if self.told[-1] != "sweep":
            self.told.append("sweep")
        assert len(connections) == 1

    def overdrawn(self, connection: Connection) -> None:
        connection.meter.allowance = 10_000
        self.told.append("overdrawn")


class WatchedSettings:
    strictness: int = setting(3, doc="A setting of a feature.")


class WatchedServer(WatchedSettings, WebSocketServer):
    FEATURES = (*WebSocketServer.FEATURES, Watching)


def test_what_a_feature_is_told() -> None:
    server = WatchedServer()
    server.bind_address = "localhost"
    assert server.listen(0) == 0
    watching = server._features[-1]
    assert isinstance(watching, Watching)
    pongs: list[bytes] = []
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: "sweep" in watching.told, server)
    (peer,) = server.peers.values()
    peer.pong_received.connect(pongs.append)
    raw.send_raw(b"\x82\xfe\x00\x80\0\0\0\0" + bytes(128))
    poll_until(lambda: "overdrawn" in watching.told, server)
    raw.send_raw(b"\x8a\x86\0\0\0\0secret" + b"\x8a\x85\0\0\0\0other")
    poll_until(lambda: bool(pongs), server)
    raw.close()
    poll_until(lambda: "closed" in watching.told, server)
    told = [what for what in watching.told if what != "sweep"]
    assert told == ["begin", "carry", "opened", "overdrawn", "ponged", "ponged", "closed"]
    assert pongs == [b"other"], "the other one was its own"


def test_its_settings_are_those_of_the_server() -> None:
    assert settings_of(WatchedServer)["strictness"].default == 3
    assert "strictness" not in settings_of(WebSocketServer)


def test_a_server_that_stops_tells_the_end_of_each() -> None:
    server = WatchedServer()
    server.bind_address = "localhost"
    assert server.listen(0) == 0
    watching = server._features[-1]
    assert isinstance(watching, Watching)
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    server.stop()
    assert watching.told[-2:] == ["closed", "end"]
    raw.close()


@pytest.mark.parametrize("reason", ["a feature", "the port"])
def test_a_server_that_cannot_listen_ends_what_it_began(server: WebSocketServer, reason: str) -> None:
    watched = WatchedServer()
    watched.bind_address = "localhost"
    watched.strictness = 6 if reason == "a feature" else 3
    error = watched.listen(0 if reason == "a feature" else server.get_local_port())
    assert error == (Error.ERR_BUSY if reason == "a feature" else Error.ERR_ALREADY_IN_USE)
    watching = watched._features[-1]
    assert isinstance(watching, Watching)
    assert watching.told == ["begin", "end"]
    assert not watched.is_listening()
