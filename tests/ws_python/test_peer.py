"""Tests of ws_python.peer: what is its own; all else is in test_endpoint.py and test_server.py."""

from __future__ import annotations

from ws_python import Error, WebSocketPeer, WebSocketServer

from tests.ws_python.driving import RawClient, poll_until


def test_without_a_server_it_is_nobody() -> None:
    peer = WebSocketPeer()
    assert (peer.peer_id, peer.send("x"), peer.close()) == (0, Error.ERR_CONNECTION_ERROR, Error.OK)
    assert peer.latency == 0.0


def test_it_is_whole_when_it_is_shown(server: WebSocketServer) -> None:
    """Make, bind, register, show, announce: whoever sees it first can use it, and what it sent comes after."""
    seen: list[object] = []

    class Showing(WebSocketServer):
        def _show_peer(self, peer: WebSocketPeer) -> None:
            seen.append((peer.peer_id > 0, self.get_peer(peer.peer_id) is peer, peer.send("welcome")))
            self.poll()

    showing = Showing()
    showing.bind_address = "localhost"
    assert showing.listen(0) == 0
    showing.client_connected.connect(lambda peer_id: seen.append("connected"))
    showing.message_received.connect(lambda peer_id, message: seen.append(message))
    raw = RawClient(showing.get_local_port())
    raw.protocol.send_request(raw.protocol.connect())
    raw.protocol.state = raw.protocol.state.OPEN
    raw.protocol.send_text(b"early")
    raw.flush()
    poll_until(lambda: "early" in seen, showing)
    assert seen == [(True, True, Error.OK), "connected", "early"]
    raw.close()


def test_its_id_is_kept_after_it_left(server: WebSocketServer, raw: RawClient) -> None:
    ((peer_id, peer),) = server.peers.items()
    raw.close()
    poll_until(lambda: server.get_peer_count() == 0, server)
    assert (peer.peer_id, peer.get_close_code()) == (peer_id, 1006)
