"""Tests of ws_python.features.admission, and of the seam that it is on: Feature.admit."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from ws_python import WebSocketClient, WebSocketServer
from ws_python.connection.connection import Connection
from ws_python.features.feature import LATER, Answer, Feature, Later

from tests.ws_python.driving import named, poll_until, record


class Doorkeeper(Feature):
    """Answers by the path of the request."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.waiting: list[Connection] = []

    def admit(self, connection: Connection, request: Any) -> Answer | Later | None:
        if request.path == "/later":
            self.waiting.append(connection)
            return LATER
        if request.path == "/health":
            return Answer(HTTPStatus.OK, "fine", [("X-Health", "fine")])
        return None


class Server(WebSocketServer):
    FEATURES = (*WebSocketServer.FEATURES, Doorkeeper)


def start(path: str) -> tuple[Server, Doorkeeper, WebSocketClient]:
    server, client = Server(), WebSocketClient()
    server.bind_address = "localhost"
    assert server.listen(0) == 0
    assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}{path}") == 0
    (keeper,) = [feature for feature in server._features if isinstance(feature, Doorkeeper)]
    return server, keeper, client


def test_nothing_against_it_opens_the_connection() -> None:
    server, _, client = start("/")
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)


def test_a_server_may_refuse_everybody() -> None:
    server, _, client = start("/")
    server.refuse_new_connections = True
    log = record(client)
    poll_until(lambda: bool(named(log, "connection_failed")), server, client)
    assert "HTTP 503" in named(log, "connection_failed")[0][0]


def test_a_feature_may_answer_in_place_of_the_server() -> None:
    server, _, client = start("/health")
    log, seen = record(client), record(server)
    poll_until(lambda: bool(named(log, "connection_failed")) and bool(named(seen, "handshake_failed")), server, client)
    assert "HTTP 200" in named(log, "connection_failed")[0][0]
    assert client.get_handshake_header("X-Health") == "fine"
    assert server.get_peer_count() == 0


def test_a_feature_may_answer_later() -> None:
    server, keeper, client = start("/later")
    poll_until(lambda: bool(keeper.waiting), server, client)
    for _ in range(50):
        server.poll()
        client.poll()
    assert client.status == client.Status.STATUS_CONNECTING
    keeper.waiting[0].answer(None)
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE and server.get_peer_count() == 1, server, client)


def test_a_feature_may_refuse_later() -> None:
    server, keeper, client = start("/later")
    log = record(client)
    poll_until(lambda: bool(keeper.waiting), server, client)
    keeper.waiting[0].answer(Answer(HTTPStatus.FORBIDDEN, "You are not on the list."))
    poll_until(lambda: bool(named(log, "connection_failed")), server, client)
    assert "HTTP 403" in named(log, "connection_failed")[0][0]


def test_an_answer_that_comes_too_late_is_none() -> None:
    server, keeper, client = start("/later")
    server.handshake_timeout = 0.1
    poll_until(lambda: bool(keeper.waiting), server, client)
    client.close()
    seen = record(server)
    poll_until(lambda: bool(named(seen, "handshake_failed")), server, client)
    keeper.waiting[0].answer(None)
    for _ in range(10):
        server.poll()
    assert server.get_peer_count() == 0
