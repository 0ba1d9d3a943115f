"""Interoperability with the `websockets` package, with compression offered by it and declined by us."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.interop import scenario

SUBPROTOCOLS = [Subprotocol(name) for name in scenario.SUBPROTOCOLS]


def talk(url: str) -> None:
    with connect(url, subprotocols=SUBPROTOCOLS, max_size=None) as connection:
        assert connection.subprotocol == scenario.SUBPROTOCOLS[0]
        assert connection.response is not None
        assert connection.response.headers["X-Greeting"] == "hi"
        for message in scenario.MESSAGES:
            connection.send(message)
            assert connection.recv() == message
        assert connection.ping(b"are you there?").wait(10)
        connection.close(scenario.CLOSE_CODE, scenario.CLOSE_REASON)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (scenario.CLOSE_CODE, scenario.CLOSE_REASON)


def echo(connection: ServerConnection) -> None:
    for message in connection:
        if message == scenario.GOODBYE:
            connection.close(scenario.CLOSE_CODE, scenario.CLOSE_REASON)
        else:
            connection.send(message)


@pytest.fixture
def port() -> Iterator[int]:
    """Where `websockets` echoes."""
    server = serve(
        echo,
        "127.0.0.1",
        0,
        subprotocols=SUBPROTOCOLS,
        max_size=None,
        process_response=lambda _connection, _request, response: response.headers.update({"X-Greeting": "hi"}),
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.socket.getsockname()[1]
    server.shutdown()
    thread.join()


def test_our_server_with_their_client(settings: str) -> None:
    scenario.serve_their_client(talk, settings)


def test_our_client_with_their_server(port: int, settings: str) -> None:
    scenario.talk_to_their_server(port, settings)
