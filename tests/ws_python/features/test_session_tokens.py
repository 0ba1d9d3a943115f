"""Whose a session is: clients that speak the layer and not by its rules, with tokens that are not theirs, or none."""

from __future__ import annotations

import pytest
from websockets.frames import Opcode
from ws_python import WebSocketServer
from ws_python.protocol.session import SUBPROTOCOL, new_token

from ..driving import RawClient, listening, named, poll_until, record
from .test_sessions import cut, greet, heard, in_session, is_active, names, welcomed


@pytest.fixture
def server() -> WebSocketServer:
    return listening(session_timeout=30.0)


class TestHostile:
    """A raw client that speaks the layer, and not by the rules."""

    @staticmethod
    def _raw(server: WebSocketServer) -> RawClient:
        raw = RawClient(server.get_local_port(), subprotocols=[SUBPROTOCOL])
        raw.shake_hands(server)
        return raw

    def test_a_token_that_was_guessed_or_used_up_gets_nothing(self, server: WebSocketServer) -> None:
        log = record(server)
        client, peer_id = in_session(server)
        first = client._session._token
        cut(client)
        poll_until(lambda: named(log, "client_resumed") != [] and is_active(client), server, client)
        # As soon as the client shows that it has the new one.
        poll_until(lambda: len(server._sessions._by_peer[peer_id].tokens) == 1, server, client)
        for token in (first, "x" * 22, client._session._token[:-1]):
            raw = self._raw(server)
            greet(raw, resume=token, received=0)
            poll_until(lambda: server.get_peer_count() == 2, server, client)
            assert is_active(client)
            (other,) = set(server.get_peer_ids()) - {peer_id}
            server.disconnect_peer(other)
            poll_until(lambda: raw.receive().eof and server.get_peer_count() == 1, server, client)  # noqa: B023
            raw.close()
        assert server.get_statistics()["counts"]["session_unknown"] == 3

    def test_the_first_token_ends_when_the_welcome_is_acknowledged(self, server: WebSocketServer) -> None:
        token = new_token()
        first = self._raw(server)
        greet(first, token=token)
        peer_id = welcomed(first, server)["id"]
        again = self._raw(server)
        greet(again, resume=token, received=0)
        assert welcomed(again, server)["id"] == peer_id
        assert welcomed(again, server)["resumed"] is True
        again.send(Opcode.TEXT, b"\x10a0\n")
        poll_until(lambda: len(server._sessions._by_peer[peer_id].tokens) == 1, server)
        thief = self._raw(server)
        greet(thief, resume=token, received=0)
        assert welcomed(thief, server)["id"] != peer_id
        assert welcomed(thief, server)["resumed"] is False
        assert server.get_peer_count() == 2
        for raw in (first, again, thief):
            raw.close()

    @pytest.mark.parametrize("token", ["", "x" * 21, "x" * 23, "x" * 21 + "/", "x" * 21 + "\u00e9"])
    def test_a_token_that_is_none_is_refused(
        self, server: WebSocketServer, caplog: pytest.LogCaptureFixture, token: str
    ) -> None:
        log = record(server)
        raw = self._raw(server)
        greet(raw, token=token)
        poll_until(lambda: raw.receive().eof, server)
        assert server.get_statistics()["connections_closed"] == {1008: 1}
        assert server.get_statistics()["counts"]["session_refused"] == 1
        assert names(log) == []
        (line,) = [line.getMessage() for line in caplog.records]
        assert not token or token not in line
        raw.close()

    def test_a_token_is_that_of_one_session(self, server: WebSocketServer, caplog: pytest.LogCaptureFixture) -> None:
        client, peer_id = in_session(server)
        log = record(server)
        token = new_token()
        first, raw, other = (self._raw(server) for _ in range(3))
        greet(first, token=token)
        assert welcomed(first, server)["resumed"] is False
        greet(raw, token=token)
        poll_until(lambda: raw.receive().eof, server, client)
        assert server.get_statistics()["connections_closed"] == {1008: 1}
        assert server.get_peer_count() == 2
        assert names(log) == ["client_connected"]
        assert len(caplog.records) == 1
        assert token not in caplog.text
        greet(other, token=client._session._token)  # Of a session that has begun with another one.
        poll_until(lambda: other.receive().eof, server, client)
        assert (server.get_peer_count(), is_active(client), server.has_peer(peer_id)) == (2, True, True)
        for each in (first, raw, other):
            each.close()

    def test_who_comes_twice_in_vain_has_one_session(self, server: WebSocketServer) -> None:
        """The first answer was lost."""
        log = record(server)
        token = new_token()
        answers = []
        for _ in range(2):
            lost = self._raw(server)
            greet(lost, resume=token, received=7)
            answers.append(welcomed(lost, server))
            cut(server.peers[answers[-1]["id"]])
            poll_until(lambda: lost.receive().eof, server)  # noqa: B023
            lost.close()
            server.send(0, "for it")
        raw = self._raw(server)
        greet(raw, resume=answers[1]["session"], received=0)
        poll_until(lambda: len(heard(raw)) == 3, server)
        assert heard(raw)[1:] == ["for it", "for it"]
        assert [answer["resumed"] for answer in (*answers, welcomed(raw, server))] == [False, False, True]
        assert {answer["id"] for answer in answers} == {*server.get_peer_ids()}
        assert len(named(log, "client_connected")) == 1
        assert server.get_statistics()["counts"]["session_unknown"] == 1
        raw.close()

    def test_a_hello_that_is_late_begins_nothing(self, server: WebSocketServer) -> None:
        """Its client came back sooner over another way."""
        token = new_token()
        late, sooner = self._raw(server), self._raw(server)
        greet(sooner, resume=token, received=0)
        peer_id = welcomed(sooner, server)["id"]
        sooner.send(Opcode.TEXT, b"\x10a0\n")
        poll_until(lambda: len(server._sessions._by_peer[peer_id].tokens) == 1, server)
        greet(late, token=token)
        poll_until(lambda: late.receive().eof, server)
        assert server.get_peer_ids() == [peer_id]
        late.close()
        sooner.close()

    @pytest.mark.parametrize("first", [b"hello", b"\x10w{}\n", b"\x10hx\n", b"\x10q1 x\n"])
    def test_who_does_not_say_hello_is_closed(self, server: WebSocketServer, first: bytes) -> None:
        log = record(server)
        raw = self._raw(server)
        raw.send(Opcode.TEXT, first)
        poll_until(lambda: server.get_statistics()["connections_open"] == 0, server)
        assert names(log) == []
        assert server.get_statistics()["connections_closed"] == {1002: 1}
        raw.close()

    def test_who_says_nothing_is_closed(self) -> None:
        server = listening(session_timeout=30.0, handshake_timeout=0.2)
        raw = self._raw(server)
        poll_until(lambda: server.get_statistics()["connections_open"] == 0, server)
        assert server.get_peer_count() == 0
        raw.close()

    def test_who_claims_to_have_what_was_not_sent_loses_the_session(self, server: WebSocketServer) -> None:
        log = record(server)
        client, peer_id = in_session(server, reconnect_delay=60.0)
        token = client._session._token
        cut(client)
        poll_until(lambda: named(log, "client_interrupted") != [], server)
        raw = self._raw(server)
        greet(raw, resume=token, received=9)
        poll_until(lambda: named(log, "client_disconnected") == [(peer_id,)], server)
        assert server.get_statistics()["counts"]["session_mismatch"] == 1
        raw.close()
        client.close()

    def test_the_authorizer_is_asked_again(self, server: WebSocketServer) -> None:
        client, peer_id = in_session(server)
        heard = record(client)
        log = record(server)
        server.authorizer = lambda _request: False
        cut(client)
        poll_until(lambda: named(heard, "connection_closed") != [], server, client)
        assert named(log, "client_resumed") == []
        assert client.status == client.Status.STATUS_IDLE
        assert server.has_peer(peer_id)

    def test_a_token_is_nowhere_in_the_log(self, server: WebSocketServer, caplog: pytest.LogCaptureFixture) -> None:
        client, _ = in_session(server)
        token = client._session._token
        cut(client)
        poll_until(lambda: not is_active(client), server, client)
        poll_until(lambda: is_active(client), server, client)
        client.close()
        assert token not in caplog.text
