"""Sessions: a peer outlives its connection, and nothing is lost, doubled or out of order."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.frames import Opcode
from ws_python import Error, ReadyState, WebSocketClient, WebSocketRequest, WebSocketServer
from ws_python.connection.connection import Connection
from ws_python.features import client_session
from ws_python.loop.hub import hub
from ws_python.protocol.session import SUBPROTOCOL, Hello, Layer, new_token

from tests.clients.cutter import Cutter

from ..driving import RawClient, listening, named, poll_until, record

Log = list[tuple[object, ...]]


def in_session(server: WebSocketServer, **settings: Any) -> tuple[WebSocketClient, int]:
    """A client in a session of that server, and its peer id."""
    before = set(server.get_peer_ids())
    client = WebSocketClient()
    client.session = True
    client.reconnect_delay = 0.01
    for name, value in settings.items():
        setattr(client, name, value)
    assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/") == Error.OK
    poll_until(lambda: len(server.get_peer_ids()) > len(before) and client._session._token != "", server, client)
    (peer_id,) = set(server.get_peer_ids()) - before
    return client, peer_id


def greet(raw: RawClient, **fields: object) -> None:
    """A client whose hello is this."""
    raw.send(Opcode.TEXT, ("\x10h" + json.dumps({"v": 1, "buffer": 1000, **fields}) + "\n").encode())


def heard(raw: RawClient) -> list[str]:
    """What a client got in messages of text."""
    return [bytes(frame.data).decode() for frame in raw.receive().frames if frame.opcode is Opcode.TEXT]


def welcomed(raw: RawClient, server: WebSocketServer) -> dict[str, Any]:
    """What the server answers to the hello."""
    poll_until(lambda: heard(raw) != [], server)
    fields: dict[str, Any] = json.loads(heard(raw)[0][2:-1])
    return fields


def read_nothing_at_first(client: WebSocketClient) -> None:
    """No welcome reaches it over its first connection."""
    new_layer = client._new_layer

    def first_one(connection: Connection) -> Layer:
        connection.intake.throttle()
        client._new_layer = new_layer  # type: ignore[method-assign]
        return new_layer(connection)

    client._new_layer = first_one  # type: ignore[method-assign]


def cut(node: Any) -> None:
    """The connection breaks, of a client or a server's peer."""
    assert node._connection.link is not None
    node._connection.drop()


def is_active(client: WebSocketClient) -> bool:
    return client.status == WebSocketClient.Status.STATUS_ACTIVE


def names(log: Log) -> list[object]:
    return [name for name, *_ in log if name not in ("status_changed", "reconnecting", "connection_failed")]


@pytest.fixture
def server() -> WebSocketServer:
    return listening(session_timeout=30.0)


class TestOff:
    def test_with_a_server_without_sessions_nothing_is_different(self) -> None:
        server = listening()
        log = record(server)
        client = WebSocketClient()
        client.session = True
        heard = record(client)
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: server.get_peer_count() == 1 and is_active(client), server, client)
        assert client.get_selected_protocol() == ""
        client.send("\x10hello")
        server.send(0, "\x10w")
        poll_until(
            lambda: len(named(log, "message_received")) + len(named(heard, "message_received")) == 2, server, client
        )
        assert named(heard, "message_received") == [("\x10w",)]
        assert named(log, "message_received")[0][1] == "\x10hello"

    def test_a_client_without_it_is_served_as_ever(self, server: WebSocketServer) -> None:
        client = WebSocketClient()
        log = record(server)
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: server.get_peer_count() == 1 and is_active(client), server, client)
        cut(client)
        poll_until(lambda: server.get_peer_count() == 0, server, client)
        assert names(log) == ["client_connected", "client_disconnected"]

    def test_the_users_subprotocol_is_what_is_told(self) -> None:
        server = listening(session_timeout=30.0, supported_protocols=["chat", "game"])
        offered: list[list[str]] = []

        def authorizer(request: WebSocketRequest) -> bool:
            offered.append(request.subprotocols)
            return True

        server.authorizer = authorizer
        client, peer_id = in_session(server, supported_protocols=["game"])
        peer = server.get_peer(peer_id)
        assert peer is not None
        assert (client.get_selected_protocol(), peer.get_selected_protocol(), offered) == ("game", "game", [["game"]])


class TestCut:
    def test_the_same_peer_and_every_message_once_and_in_order(self, server: WebSocketServer) -> None:
        log = record(server)
        client, peer_id = in_session(server)
        heard = record(client)
        for round_ in range(5):
            for number in range(20):
                client.send(f"{round_} {number}")
                server.send(peer_id, f"{round_} {number}")
            if round_ % 2:
                cut(client)
            else:
                peer = server.get_peer(peer_id)
                assert peer is not None
                cut(peer)
            for number in range(20, 40):
                assert client.send(f"{round_} {number}") == Error.OK
                assert server.send(peer_id, f"{round_} {number}".encode()) == Error.OK
            poll_until(lambda r=round_: len(named(heard, "connection_resumed")) == r + 1, server, client)  # type: ignore[misc]
        poll_until(
            lambda: len(named(log, "message_received")) == 200 and len(named(heard, "message_received")) == 200,
            server,
            client,
        )
        expected = [f"{round_} {number}" for round_ in range(5) for number in range(40)]
        assert [message for _, message in named(log, "message_received")] == expected
        arrived = [
            message if isinstance(message, str) else message.decode() for (message,) in named(heard, "message_received")
        ]
        assert arrived == expected
        assert server.get_peer_ids() == [peer_id]
        assert [name for name in names(heard) if name != "message_received"] == [
            "connection_interrupted",
            "connection_resumed",
        ] * 5
        kept = [name for name in names(log) if name != "message_received"]
        assert kept == ["client_connected", *["client_interrupted", "client_resumed"] * 5]

    def test_told_as_resumed_before_what_is_sent_again(self, server: WebSocketServer) -> None:
        log = record(server)
        client, peer_id = in_session(server)
        peer = server.get_peer(peer_id)
        assert peer is not None
        cut(peer)
        poll_until(lambda: named(log, "client_interrupted") != [], server)
        client.send("meanwhile")
        poll_until(lambda: named(log, "message_received") != [], server, client)
        assert names(log) == ["client_connected", "client_interrupted", "client_resumed", "message_received"]

    def test_a_connection_that_is_half_open_is_replaced(self, server: WebSocketServer) -> None:
        """The server has not noticed yet that the old one is dead."""
        log = record(server)
        client, peer_id = in_session(server)
        old = server.peers[peer_id]._connection
        assert old is not None
        client.send("before")
        poll_until(lambda: named(log, "message_received") != [], server, client)
        # What the server would hear of the end of the old one does not come.
        assert client._connection is not None
        assert client._connection.link is not None
        old.intake.throttle()
        told = record(client)
        while old.outbox.amount() < 1 << 18:
            assert server.send(peer_id, bytes(1 << 16)) == Error.OK
            hub.writers.flush()
        assert server.send_latest(peer_id, "k", "newest") == Error.OK  # What waits to be replaced goes along.
        cut(client)
        client.send("after")
        poll_until(lambda: len(named(log, "message_received")) == 2, server, client)
        poll_until(lambda: ("message_received", "newest") in told, server, client)
        assert [message for _, message in named(log, "message_received")] == ["before", "after"]
        assert names(log)[2:] == ["client_interrupted", "client_resumed", "message_received"]
        assert old.phase.name == "GONE"
        assert server.get_statistics()["connections_open"] == 1

    def test_what_waits_is_counted_with_the_next_connection(
        self, server: WebSocketServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Or more than `max_queued_bytes` would wait of who comes back again and again."""
        client, peer_id = in_session(server)
        peer = server.peers[peer_id]
        old = peer._connection
        assert old is not None
        greeted = server._sessions.greeted

        def greeted_while_much_waits(connection: Connection, hello: Hello) -> None:
            old.intake.put(["x"] * 50, 50_000)
            greeted(connection, hello)

        monkeypatch.setattr(server._sessions, "greeted", greeted_while_much_waits)
        sizes: list[int] = []

        def note(*_: object) -> None:
            assert peer._connection is not None
            sizes.append(peer._connection.intake.size)

        server.message_received.connect(note)
        old.intake.throttle()  # The server does not notice that it is dead.
        cut(client)
        poll_until(lambda: len(sizes) == 50, server, client)
        assert peer._connection is not old
        assert min(sizes) >= 50_000

    def test_it_is_over_after_its_time(self) -> None:
        server = listening(session_timeout=0.2)
        log = record(server)
        client, peer_id = in_session(server, reconnect_delay=3.0)
        client.send("last")
        poll_until(lambda: named(log, "message_received") != [], server, client)
        cut(client)
        poll_until(lambda: named(log, "client_disconnected") != [], server)
        assert names(log) == ["client_connected", "message_received", "client_interrupted", "client_disconnected"]
        assert (server.get_peer_count(), server.has_peer(peer_id)) == (0, False)
        assert server.get_statistics()["counts"]["session_expired"] == 1
        client.close()

    def test_a_server_that_was_killed_says_so(self, server: WebSocketServer) -> None:
        port = server.get_local_port()
        client, peer_id = in_session(server)
        heard = record(client)
        cut(server.peers[peer_id])
        server.stop()
        another = WebSocketServer()
        another.bind_address, another.session_timeout = "localhost", 30.0
        assert another.listen(port) == Error.OK
        poll_until(lambda: named(heard, "connected_to_server") != [], server, another, client)
        assert names(heard) == ["connection_interrupted", "connection_closed", "connected_to_server", "reconnected"]
        assert another.get_statistics()["counts"]["session_unknown"] == 1
        assert client.get_statistics()["counts"]["sessions_not_resumed"] == 1
        client.send("hello")
        log = record(another)
        poll_until(lambda: named(log, "message_received") != [], another, client)

    def test_close_ends_it_at_once(self, server: WebSocketServer) -> None:
        log = record(server)
        client, peer_id = in_session(server)
        client.send("last")
        client.close(4000, "enough")
        poll_until(lambda: named(log, "client_disconnected") != [], server, client)
        assert names(log) == ["client_connected", "message_received", "client_disconnected"]
        other, other_id = in_session(server)
        heard = record(other)
        server.disconnect_peer(other_id, 4001)
        poll_until(lambda: named(heard, "connection_closed") != [], server, other)
        assert "connection_interrupted" not in names(heard)
        assert peer_id != other_id
        poll_until(lambda: server._sessions._by_token == {}, server, other)

    @pytest.mark.parametrize("closing", ["client", "server"])
    def test_when_it_is_over_nothing_is_open(self, server: WebSocketServer, closing: str) -> None:
        client, peer_id = in_session(server)
        peer = server.peers[peer_id]
        told: dict[str, tuple[object, object]] = {}
        server.client_disconnected.connect(lambda _: told.update(server=(peer.get_ready_state(), peer.send("x"))))
        client.connection_closed.connect(lambda: told.update(client=(client.get_ready_state(), client.send("x"))))
        if closing == "client":
            client.close()
        else:
            server.disconnect_peer(peer_id)
        poll_until(lambda: len(told) == 2, server, client)
        over = (ReadyState.STATE_CLOSED, Error.ERR_CONNECTION_ERROR)
        assert told == {"server": over, "client": over}

    def test_a_client_that_goes_away_is_not_waited_for(self, server: WebSocketServer) -> None:
        log = record(server)
        client, _ = in_session(server)
        client._shut_down()
        poll_until(lambda: named(log, "client_disconnected") != [], server, client)
        assert names(log) == ["client_connected", "client_disconnected"]

    def test_the_game_may_end_it_while_it_is_cut(self, server: WebSocketServer) -> None:
        log = record(server)
        ends: list[Callable[[int], Error]] = [server.disconnect_peer, lambda i: server.peers[i].close(1001)]
        for end in ends:
            client, peer_id = in_session(server, reconnect_delay=5.0)
            cut(client)
            poll_until(lambda: named(log, "client_interrupted") != [], server)
            assert end(peer_id) == Error.OK
            poll_until(lambda: named(log, "client_disconnected") != [], server)
            assert server.send(peer_id, "x") == Error.ERR_DOES_NOT_EXIST
            client.close()
            log.clear()

    def test_a_client_may_close_while_it_is_cut(self, server: WebSocketServer) -> None:
        client, _ = in_session(server, reconnect_delay=5.0)
        heard = record(client)
        cut(client)
        poll_until(lambda: named(heard, "connection_interrupted") != [], client)
        assert client.close() == Error.OK
        assert names(heard) == ["connection_interrupted", "connection_closed"]
        assert (client.status, client.send("x")) == (client.Status.STATUS_IDLE, Error.ERR_CONNECTION_ERROR)

    def test_stop_ends_those_that_are_cut_too(self, server: WebSocketServer) -> None:
        log = record(server)
        client, peer_id = in_session(server, reconnect_delay=5.0)
        cut(client)
        poll_until(lambda: named(log, "client_interrupted") != [], server)
        server.stop()
        assert named(log, "client_disconnected") == [(peer_id,)]
        assert server.get_peer_count() == 0

    def test_cut_before_the_welcome_came_back(self, server: WebSocketServer) -> None:
        """The client then has the token before, and the server has given it a new one."""
        log = record(server)
        client, peer_id = in_session(server)
        heard = record(client)
        for number in range(3):
            client.send(f"{number}")
            cut(client)
            # The server answers the hello; its welcome is lost.
            poll_until(lambda: named(log, "client_resumed") != [], server, client)
            log.clear()
        del number
        poll_until(lambda: len(named(heard, "connection_resumed")) >= 1 and is_active(client), server, client)
        assert server.get_peer_ids() == [peer_id]

    def test_cut_before_the_first_welcome_came(self, server: WebSocketServer) -> None:
        """A session begins with the hello."""
        log = record(server)
        for wait in (False, True):
            client = WebSocketClient()
            client.session = True
            client.reconnect_delay = 0.01
            told = record(client)
            read_nothing_at_first(client)
            client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
            poll_until(lambda: is_active(client) and server.get_peer_count() == 1, server, client)  # noqa: B023
            (peer_id,) = server.get_peer_ids()
            for word in ("first", "\x10second"):
                assert client.send(word) == server.send(peer_id, word) == Error.OK
            poll_until(
                lambda: len(named(log, "message_received")) == 1, server, client
            )  # What may be the layer's waits.
            cut(client)
            if wait:  # The server has noticed, or has not yet.
                poll_until(lambda: named(log, "client_interrupted") != [], server)
            assert client.send("third") == server.send(peer_id, "third") == Error.OK
            poll_until(
                lambda: len(named(log, "message_received")) == len(named(told, "message_received")) == 3,  # noqa: B023
                server,
                client,
            )
            expected = ["first", "\x10second", "third"]
            assert [message for (message,) in named(told, "message_received")] == expected
            assert [message for _, message in named(log, "message_received")] == expected
            assert [name for name in names(told) if name != "message_received"] == [
                "connected_to_server",
                "connection_interrupted",
                "connection_resumed",
            ]
            assert server.get_peer_ids() == [peer_id]
            client.close()
            poll_until(lambda: server.get_peer_count() == 0, server, client)
            log.clear()

    def test_cut_anywhere_behind_the_opening_handshake(self, server: WebSocketServer) -> None:
        """Where the hello arrives, the session goes on. Where it does not, no peer is left at the server."""
        server.client_connected.connect(lambda peer_id: [server.send(peer_id, word) for word in "xy"])
        outcomes = {self._cut_after(server, size) for size in range(600, 1200, 20)}
        assert outcomes >= {"nobody knows of it", "goes on"}

    @staticmethod
    def _cut_after(server: WebSocketServer, size: int) -> str:
        """What becomes of a connection that is cut after so many bytes."""
        log = record(server)
        client = WebSocketClient()
        client.session = client.auto_reconnect = True
        client.reconnect_delay = 0.01
        told = record(client)
        client.connected_to_server.connect(lambda: [client.send(word) for word in "ab"])
        with Cutter(server.get_local_port(), iter([size])) as cutter:
            client.connect_to_url(f"ws://127.0.0.1:{cutter.port}/")
            both = (log, told)
            poll_until(lambda: all(len(named(each, "message_received")) == 2 for each in both), server, client)
            assert [message for _, message in named(log, "message_received")] == ["a", "b"]
            assert [message for (message,) in named(told, "message_received")] == ["x", "y"]
            assert len(named(log, "client_connected")) == server.get_peer_count() == 1
            assert len(named(told, "connected_to_server")) == len(named(told, "connection_closed")) + 1
            client.close()
            server.disconnect_peer(server.get_peer_ids()[0])  # Its goodbye may have been cut.
            poll_until(lambda: server.get_peer_count() == 0, server, client)
        assert named(told, "connection_failed") == []  # Cut in the opening handshake, it is repeated at once.
        if len(named(told, "connected_to_server")) > 1:
            return "nobody knows of it"
        return "goes on" if named(told, "connection_resumed") else "cut when all was said"

    def test_the_offer_is_left_out_for_who_hangs_up_on_it_twice(self, server: WebSocketServer) -> None:
        for cuts, has_session in ((1, True), (2, False)):
            client = WebSocketClient()
            client.session = True
            told = record(client)
            with Cutter(server.get_local_port(), iter([0] * cuts)) as cutter:
                client.connect_to_url(f"ws://127.0.0.1:{cutter.port}/")
                poll_until(lambda: is_active(client) and server.get_peer_count() == 1, server, client)  # noqa: B023
                assert names(told) == ["connected_to_server"]
                assert client.get_statistics()["counts"] == {"session_offers_hung_up_on": cuts}
                assert client.get_selected_protocol() == ""
                assert (client.start_request("x").error != Error.ERR_UNAVAILABLE) == has_session
                client.close()
                poll_until(lambda: server.get_peer_count() == 0, server, client)

    def test_settings_that_went_bad_meanwhile_end_it(self, server: WebSocketServer) -> None:
        """It is asked again by itself: what is wrong then is told, and does not raise out of poll()."""
        client = WebSocketClient()
        client.session = True
        told = record(client)
        with Cutter(server.get_local_port(), iter([0])) as cutter:
            client.connect_to_url(f"ws://127.0.0.1:{cutter.port}/")
            client.handshake_headers = ["no header"]
            poll_until(lambda: named(told, "connection_failed") != [], server, client)
        assert client.status == client.Status.STATUS_IDLE
        assert "is not a header" in str(named(told, "connection_failed")[0])

    def test_a_server_that_does_not_come_back_before_it_was_welcome(
        self, server: WebSocketServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client_session, "_UNTOLD_TIMEOUT", 0.3)
        client = WebSocketClient()
        client.session = True
        client.reconnect_delay = 0.01
        told = record(client)
        read_nothing_at_first(client)
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: is_active(client) and server.get_peer_count() == 1, server, client)
        server.stop()
        cut(client)
        poll_until(lambda: named(told, "connection_closed") != [], server, client)
        assert names(told) == ["connected_to_server", "connection_interrupted", "connection_closed"]
        assert client.status == client.Status.STATUS_IDLE

    def test_latest_and_fragments_survive(self, server: WebSocketServer) -> None:
        log = record(server)
        client, _ = in_session(server)
        assert client.send_fragment("a", final=False) == Error.OK
        cut(client)
        assert client.send_fragment("b", final=True) == Error.OK
        assert client.send_latest("k", "old") == Error.OK
        assert client.send_latest("k", "new") == Error.OK
        poll_until(lambda: len(named(log, "message_received")) == 2, server, client)
        assert [message for _, message in named(log, "message_received")] == ["ab", "new"]


class TestSilence:
    """What else ends a connection for good only cuts a session, for a link that stalls looks the same."""

    def test_who_takes_nothing(self) -> None:
        server = listening(session_timeout=30.0, slow_peer_timeout=0.3, session_buffer_size=64 * 1024 * 1024)
        log = record(server)
        raw = RawClient(server.get_local_port(), receive_buffer=4096, subprotocols=[SUBPROTOCOL])
        raw.shake_hands(server)
        greet(raw, token=new_token())
        poll_until(lambda: server.get_peer_count() == 1, server)
        assert server.send(0, b"x" * 20_000_000) == Error.OK
        poll_until(lambda: named(log, "client_interrupted") != [], server)
        assert server.get_statistics()["connections_closed"] == {1006: 1}
        assert server.get_peer_count() == 1
        raw.close()

    def test_a_message_that_does_not_arrive_whole(self) -> None:
        server = listening(session_timeout=30.0, unfinished_timeout=0.2)
        log = record(server)
        raw = RawClient(server.get_local_port(), subprotocols=[SUBPROTOCOL])
        raw.shake_hands(server)
        greet(raw, token=new_token())
        raw.send(Opcode.TEXT, b"half", fin=False)
        poll_until(lambda: named(log, "client_interrupted") != [], server)
        assert names(log) == ["client_connected", "client_interrupted"]
        raw.close()


class TestFull:
    def test_busy_while_it_is_cut_and_drained_after(self) -> None:
        server = listening(session_timeout=30.0, session_buffer_size=10_000)
        log = record(server)
        client, peer_id = in_session(server, reconnect_delay=0.3)
        cut(client)
        poll_until(lambda: named(log, "client_interrupted") != [], server)
        sent = 0
        while (error := server.send(peer_id, b"x" * 1000)) == Error.OK:
            sent += 1
        assert (error, 5 <= sent <= 9) == (Error.ERR_BUSY, True)
        assert server.send(peer_id, b"x" * 20_000) == Error.ERR_OUT_OF_MEMORY
        heard = record(client)
        poll_until(lambda: named(log, "peer_drained") == [(peer_id,)], server, client)
        assert server.send(peer_id, b"y" * 1000) == Error.OK
        poll_until(lambda: len(named(heard, "message_received")) == sent + 1, server, client)

    def test_many_through_a_small_buffer(self) -> None:
        server = listening(session_timeout=30.0, session_buffer_size=4096)
        client, _ = in_session(server, session_buffer_size=4096)
        log = record(server)
        sent = 0

        def send() -> bool:
            nonlocal sent
            while sent < 500 and client.send(f"{sent}") == Error.OK:
                sent += 1
            return len(named(log, "message_received")) == 500

        poll_until(send, server, client)
        assert [message for _, message in named(log, "message_received")] == [f"{number}" for number in range(500)]

    def test_no_more_than_so_many_are_waited_for(self) -> None:
        server = listening(session_timeout=30.0, max_interrupted_sessions=2)
        log = record(server)
        clients = [in_session(server, reconnect_delay=60.0)[0] for _ in range(4)]
        for client in clients:
            cut(client)
        poll_until(lambda: len(named(log, "client_disconnected")) == 2, server)
        assert server.get_peer_count() == 2
        assert server.get_statistics()["counts"]["session_crowded_out"] == 2
        for client in clients:
            client.close()

    def test_no_more_memory_than_so_much(self) -> None:
        server = listening(session_timeout=30.0, max_session_memory=100_000)
        log = record(server)
        client, peer_id = in_session(server, reconnect_delay=60.0)
        other, other_id = in_session(server)
        cut(client)
        poll_until(lambda: named(log, "client_interrupted") != [], server)
        server.send(peer_id, b"x" * 200_000)
        poll_until(lambda: named(log, "client_disconnected") == [(peer_id,)], server, other)
        assert server.get_peer_ids() == [other_id]
        client.close()

    def test_that_holds_where_nobody_is_connected(self) -> None:
        server = listening(session_timeout=30.0, max_session_memory=100_000)
        log = record(server)
        client, peer_id = in_session(server, reconnect_delay=60.0)
        cut(client)
        poll_until(lambda: named(log, "client_interrupted") != [], server)
        poll_until(lambda: server._next_sweep is None, server)  # Nothing else looks any more.
        server.send(peer_id, b"x" * 200_000)
        poll_until(lambda: named(log, "client_disconnected") == [(peer_id,)], server)
        client.close()

    def test_and_for_who_reads_all_and_acknowledges_nothing(self) -> None:
        server = listening(session_timeout=30.0, max_session_memory=100_000)
        log = record(server)
        raw = RawClient(server.get_local_port(), subprotocols=[SUBPROTOCOL])
        raw.shake_hands(server)
        greet(raw, token=new_token())
        poll_until(lambda: server.get_peer_count() == 1, server)
        assert server.send(0, b"x" * 200_000) == Error.OK
        poll_until(lambda: bool(raw.receive()) and named(log, "client_disconnected") != [], server)
        assert server.get_statistics()["counts"]["session_memory"] == 1
        assert named(log, "client_interrupted") == []
        raw.close()


class TestSilentAndForeignServers:
    def test_with_one_that_agrees_to_anything(self) -> None:
        """As Node's `ws` does by default."""
        from ws_python.protocol.handshake_server import ServerHandshake

        class Agreeable(WebSocketServer):
            def _new_connection(self, timed_out: str = "") -> Any:
                connection = super()._new_connection(timed_out)
                handshake = connection.handshake
                assert isinstance(handshake, ServerHandshake)
                handshake._subprotocols = [SUBPROTOCOL]  # type: ignore[list-item]
                return connection

        server = Agreeable()
        server.bind_address = "localhost"
        # It does not know what it has agreed to.
        server._new_layer = lambda connection: None  # type: ignore[assignment,return-value]
        server.listen(0)
        log = record(server)
        client = WebSocketClient()
        client.session = True
        heard = record(client)
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: is_active(client) and server.get_peer_count() == 1, server, client)
        for message in ("plain", "\x10mine", "more"):
            assert client.send(message) == Error.OK
        server.send(0, "hi")
        poll_until(lambda: len(named(log, "message_received")) == 4, server, client)
        assert [message for _, message in named(log, "message_received")][1:] == ["plain", "\x10mine", "more"]
        assert named(heard, "message_received") == [("hi",)]
        cut(client)
        poll_until(lambda: named(heard, "connection_closed") != [], server, client)
        assert "connection_interrupted" not in names(heard)
