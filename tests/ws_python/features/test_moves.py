"""A client that is asked to come back later or elsewhere: what it heeds, and what it does not."""

from __future__ import annotations

import pytest
from ws_python import Error, WebSocketServer
from ws_python.protocol.moves import Move
from ws_python.protocol.session import MOVE, LayerMessage

from ..driving import listening, named, poll_until, record
from .test_sessions import in_session, is_active, names


@pytest.fixture
def server() -> WebSocketServer:
    return listening(session_timeout=30.0)


def ask(server: WebSocketServer, peer_id: int, message: LayerMessage, code: int = 1012) -> None:
    """As a server that drains."""
    connection = server.peers[peer_id]._connection
    assert connection is not None
    connection.outbox.send_layer(message)
    connection.interrupt(code, "")


def test_it_is_heeded_up_to_a_bound(server: WebSocketServer) -> None:
    client, peer_id = in_session(server, reconnect_retry_after_max=0.0)
    heard = record(client)
    ask(server, peer_id, Move(3_600_000).pack())
    poll_until(lambda: named(heard, "connection_resumed") != [], server, client)


def test_servers_that_send_it_to_each_other_are_not_asked_again_and_again(server: WebSocketServer) -> None:
    client, peer_id = in_session(server, reconnect_delay=0.5)
    heard = record(client)
    ask(server, peer_id, Move(0).pack())
    poll_until(lambda: named(heard, "connection_resumed") != [], server, client)
    assert named(heard, "reconnecting") == [(1, 0.0)]
    ask(server, peer_id, Move(0).pack())
    poll_until(lambda: len(named(heard, "reconnecting")) == 2, server, client)
    assert named(heard, "reconnecting")[1] == (2, pytest.approx(0.5, abs=0.3))


@pytest.mark.parametrize("url", ["unix:/run/docker.sock", "http://h/?token=abc", "ws://h:99999/?token=abc", "://"])
def test_it_does_not_go_everywhere(server: WebSocketServer, url: str, caplog: pytest.LogCaptureFixture) -> None:
    client, peer_id = in_session(server)
    heard = record(client)
    ask(server, peer_id, Move(0, url).pack())
    poll_until(lambda: named(heard, "connection_resumed") != [], server, client)
    (entry,) = caplog.records
    assert "where this client does not go" in entry.getMessage()
    assert "abc" not in entry.getMessage()
    assert client.get_statistics()["counts"]["moves_refused"] == 1


def test_what_cannot_be_read_is_told_once_and_ignored(
    server: WebSocketServer, caplog: pytest.LogCaptureFixture
) -> None:
    client, peer_id = in_session(server)
    heard = record(client)
    ask(server, peer_id, LayerMessage(MOVE, "soon", ""))
    poll_until(lambda: named(heard, "connection_resumed") != [], server, client)
    assert "milliseconds" in caplog.text
    assert client.get_statistics()["counts"]["moves_unreadable"] == 1


def test_it_says_nothing_of_later_cuts(server: WebSocketServer) -> None:
    """The server has asked, and then the connection that was asked has lasted after all."""
    client, peer_id = in_session(server, reconnect_delay=0.05)
    heard = record(client)
    ask(server, peer_id, Move(0).pack())
    poll_until(lambda: named(heard, "connection_resumed") != [], server, client)
    connection = server.peers[peer_id]._connection
    assert connection is not None
    connection.drop()
    poll_until(lambda: len(named(heard, "connection_resumed")) == 2, server, client)
    assert client.get_statistics()["counts"]["moves_followed"] == 1


def test_a_close_that_is_no_cut_ends_the_session_all_the_same(server: WebSocketServer) -> None:
    client, peer_id = in_session(server)
    heard = record(client)
    ask(server, peer_id, Move(0).pack(), 4000)
    poll_until(lambda: named(heard, "connection_closed") != [], server, client)
    assert not is_active(client)
    assert "reconnecting" not in [name for name, *_ in heard]


def test_closed_while_it_waits(server: WebSocketServer) -> None:
    client, peer_id = in_session(server)
    heard = record(client)
    ask(server, peer_id, Move(60_000).pack())
    poll_until(lambda: named(heard, "reconnecting") != [], server, client)
    assert client.close() == Error.OK
    assert names(heard) == ["connection_interrupted", "connection_closed"]


def test_connecting_anew_is_to_where_the_game_says(server: WebSocketServer) -> None:
    other = listening(session_timeout=30.0)
    client, peer_id = in_session(server)
    heard = record(client)
    ask(server, peer_id, Move(0, f"ws://127.0.0.1:{other.get_local_port()}/").pack())
    poll_until(lambda: named(heard, "connected_to_server") != [], server, other, client)
    client.close()
    poll_until(lambda: client.status == 0, server, other, client)
    before = server.get_peer_count()
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
    poll_until(lambda: is_active(client), server, other, client)
    assert server.get_peer_count() >= before
