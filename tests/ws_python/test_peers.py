"""Tests of ws_python.peers: by its id, a peer and its outbox."""

from __future__ import annotations

import random
import sys
import threading

from ws_python import Error, WebSocketClient, WebSocketPeer, WebSocketServer
from ws_python.connection.meter import Meter
from ws_python.connection.outbox import Outbox
from ws_python.peers import Peers
from ws_python.protocol.prepared import PreparedMessage

from tests.ws_python.driving import RawClient, poll_until


def test_added_and_removed() -> None:
    peers, peer = Peers(), WebSocketPeer()
    peers.add(5, peer, Outbox(None, Meter(), 1000))
    assert peers.by_id == {5: peer}
    peers.remove(5)
    peers.remove(5)
    assert peers.by_id == {}


def test_who_cannot_be_sent_a_message_is_named() -> None:
    peers = Peers()
    for peer_id in (5, 6, 7):
        peers.add(peer_id, WebSocketPeer(), Outbox(None, Meter(), 1000))  # Not open.
    failed = peers.send_prepared(PreparedMessage("x"), 6)
    assert failed == [(5, Error.ERR_CONNECTION_ERROR), (7, Error.ERR_CONNECTION_ERROR)]


def test_an_unknown_peer_is_told_once(server: WebSocketServer, caplog: object) -> None:
    for _ in range(600):
        assert server.send(77, "x") == Error.ERR_DOES_NOT_EXIST
    assert len(caplog.messages) == 1  # type: ignore[attr-defined]
    for peer_id in range(100, 300):
        server.send(peer_id, "x")
    assert len(server._told_unknown) <= 64


def test_a_removed_peer_gets_nothing_more(server: WebSocketServer, raw: RawClient) -> None:
    (peer_id,) = server.get_peer_ids()
    server._peers.remove(peer_id)
    assert server.send(0, "x") == Error.OK
    for _ in range(5):
        server.poll()
    assert raw.receive().frames == []
    poll_until(lambda: raw.receive().frames == [], server)


def test_sent_to_all_while_another_thread_frees_peers(server: WebSocketServer) -> None:
    """Compressing lets it run; ids that come and go there are as nodes that a game frees."""
    clients = [WebSocketClient() for _ in range(6)]
    server.compression_min_size = 0
    for client in clients:
        client.compression_min_size = 0
        assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/") == Error.OK
    poll_until(lambda: server.get_peer_count() == len(clients), server, *clients)
    peer = server.get_peer(server.get_peer_ids()[0])
    assert peer is not None and peer._connection is not None
    outbox = peer._connection.outbox
    is_over = threading.Event()

    def come_and_go() -> None:
        while not is_over.is_set():
            server._peers.add(5, peer, outbox)
            server._peers.remove(5)

    interval = sys.getswitchinterval()
    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        sys.setswitchinterval(1e-6)
        for _ in range(50):
            assert server.send(0, random.randbytes(1500) * 20) == Error.OK
            server.poll()
            for client in clients:
                client.poll()
    finally:
        sys.setswitchinterval(interval)
        is_over.set()
        thread.join()
