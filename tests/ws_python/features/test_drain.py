"""Draining: nobody new, everybody leaves at his own moment, and who is in a session is told where to come back."""

from __future__ import annotations

import math
from concurrent.futures import Future
from typing import Any

import pytest
from ws_python import Error, WebSocketClient, WebSocketRequest, WebSocketServer
from ws_python.loop.hub import hub

from ..asyncio_programs import Run, connected_to, echoing, until
from ..driving import RawClient, listening, named, poll_until, record
from .test_sessions import in_session, is_active, names


@pytest.fixture
def server() -> WebSocketServer:
    return listening(session_timeout=30.0)


def connected(server: WebSocketServer, **settings: Any) -> WebSocketClient:
    """A client without a session."""
    before = server.get_peer_count()
    client = WebSocketClient()
    for name, value in settings.items():
        setattr(client, name, value)
    assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/") == Error.OK
    poll_until(lambda: server.get_peer_count() == before + 1 and is_active(client), server, client)
    return client


class TestPlain:
    def test_everybody_is_closed_with_1012_and_then_it_is_told(self, server: WebSocketServer) -> None:
        clients = [connected(server) for _ in range(20)]
        log = record(server)
        assert server.drain(0.3) == Error.OK
        assert log == []
        poll_until(lambda: named(log, "drain_finished") != [], server, *clients)
        assert log == [*log[:20], ("drain_finished",)]
        assert {name for name, *_ in log[:20]} == {"client_disconnected"}
        poll_until(lambda: not any(client.status for client in clients), *clients)
        assert {(client.get_close_code(), client.get_close_reason()) for client in clients} == {
            (1012, "the server restarts")
        }
        statistics = server.get_statistics()
        assert statistics["counts"]["drained_connections"] == 20
        assert statistics["connections_closed"] == {1012: 20}

    def test_each_has_a_moment_of_its_own(self, server: WebSocketServer) -> None:
        for _ in range(10):
            connected(server)
        hub.catch_up()
        begin = hub.deadlines.now
        server.drain(100.0)
        moments = [moment for moment, _ in server._drain._due]
        assert len({connection for _, connection in server._drain._due}) == 10
        for place, moment in enumerate(moments):
            assert begin + place * 10.0 <= moment <= hub.deadlines.now + (place + 1) * 10.0

    def test_what_was_sent_before_still_leaves(self, server: WebSocketServer) -> None:
        client = connected(server)
        heard = record(client)
        server.send(0, "x" * 1_000_000)
        server.send_latest(0, "state", "newest")
        server.drain(0.0)
        poll_until(lambda: named(heard, "connection_closed") != [], server, client)
        assert [len(message) for (message,) in named(heard, "message_received")] == [1_000_000, 6]

    def test_until_its_moment_comes_all_goes_on(self, server: WebSocketServer) -> None:
        client = connected(server)
        heard, log = record(client), record(server)
        server.drain(1000.0)
        client.send("up")
        server.send(0, "down")
        poll_until(lambda: named(heard, "message_received") + named(log, "message_received") != [], server, client)
        poll_until(lambda: len(named(heard, "message_received")) == 1, server, client)
        assert is_active(client)

    def test_nobody_new_comes_in(self, server: WebSocketServer) -> None:
        connected(server)
        server.drain(1000.0)
        client = WebSocketClient()
        heard, log = record(client), record(server)
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: named(heard, "connection_failed") != [], server, client)
        assert client._connection is not None
        assert "503" in named(heard, "connection_failed")[0][0]
        after = client._connection.handshake.header("Retry-After")
        assert 1 <= int(after) <= math.ceil(1000.0)
        assert named(log, "client_connected") == []
        assert server.get_statistics()["counts"]["refused_draining"] == 1

    def test_who_was_let_in_before_is_asked_at_once(self) -> None:
        asked: list[WebSocketRequest] = []
        server = listening()
        decided: Future[bool] = Future()

        def authorizer(request: WebSocketRequest) -> Future[bool]:
            asked.append(request)
            return decided

        server.authorizer = authorizer
        client = WebSocketClient()
        heard, log = record(client), record(server)
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: asked != [], server, client)
        server.drain(1000.0)
        poll_until(lambda: named(log, "drain_finished") != [], server, client)
        decided.set_result(True)
        poll_until(lambda: named(heard, "connection_closed") + named(log, "client_disconnected") != [], server, client)
        poll_until(lambda: not (client.status or server.get_peer_count()), server, client)
        assert client.get_close_code() == 1012
        assert names(log) == ["drain_finished", "client_connected", "client_disconnected"]

    def test_who_does_not_answer_holds_nothing_up(self) -> None:
        server = listening(close_timeout=0.1)
        raw = RawClient(server.get_local_port())
        raw.shake_hands(server)
        poll_until(lambda: server.get_peer_count() == 1, server)
        log = record(server)
        server.drain(0.0)
        poll_until(lambda: named(log, "drain_finished") != [], server)
        assert names(log) == ["client_disconnected", "drain_finished"]
        raw.close()

    def test_strangers_who_come_and_go_hold_nothing_up(self, server: WebSocketServer) -> None:
        raw = RawClient(server.get_local_port())  # It never sends its request.
        poll_until(lambda: len(server._connections) == 1, server)
        log = record(server)
        server.drain(0.0)
        poll_until(lambda: named(log, "drain_finished") != [], server)
        raw.close()

    def test_with_nobody_to_poll(self, run_once: Run) -> None:
        async def main() -> None:
            server = echoing()
            client, _ = await connected_to(server)
            log = record(server)
            assert server.drain(0.05) == Error.OK
            await until(lambda: named(log, "drain_finished") != [])
            assert names(log) == ["client_disconnected", "drain_finished"]
            await client.closed()
            server.stop()

        run_once(main())


class TestCalls:
    def test_an_empty_server_is_finished_in_the_next_poll(self, server: WebSocketServer) -> None:
        log = record(server)
        server.drain(1000.0)
        assert log == []
        poll_until(lambda: log != [], server)
        assert log == [("drain_finished",)]

    def test_again_with_less_time(self, server: WebSocketServer) -> None:
        clients = [connected(server) for _ in range(3)]
        log = record(server)
        server.drain(1000.0)
        server.drain(0.0)
        poll_until(lambda: named(log, "drain_finished") != [], server, *clients)
        server.poll()
        assert len(named(log, "drain_finished")) == 1
        server.drain(5.0)
        poll_until(lambda: len(named(log, "drain_finished")) == 2, server)

    def test_stop_ends_it_and_the_next_listen_takes_everybody(self, server: WebSocketServer) -> None:
        client = connected(server)
        log = record(server)
        server.drain(1000.0)
        port = server.get_local_port()
        server.stop()
        poll_until(lambda: client.status == 0, server, client)
        assert client.get_close_code() == 1001
        assert server.listen(port) == Error.OK
        connected(server)
        assert named(log, "drain_finished") == []

    def test_stopped_when_it_is_about_to_be_told(self, server: WebSocketServer) -> None:
        client = connected(server)
        log = record(server)
        server.client_disconnected.connect(lambda _: server.stop())
        server.drain(0.0)
        poll_until(lambda: server.status == 0, server, client)
        for _ in range(5):
            server.poll()
        assert named(log, "drain_finished") == []

    def test_stopped_when_it_waits_to_be_told(self, server: WebSocketServer) -> None:
        """The loop of both was turned, and one of them has delivered."""
        other = listening()
        log, others = record(server), record(other)
        server.drain(0.0)
        other.drain(0.0)
        poll_until(lambda: named(others, "drain_finished") != [], other)
        assert server._drain._finished is not None
        server.stop()
        server.listen(0)
        for _ in range(5):
            server.poll()
        assert named(log, "drain_finished") == []

    def test_from_inside_handlers(self, server: WebSocketServer) -> None:
        client = connected(server)
        log = record(server)
        server.message_received.connect(lambda *_: server.drain(0.0))
        server.drain_finished.connect(server.stop)
        client.send("drain")
        poll_until(lambda: server.status == 0, server, client)
        assert names(log)[-2:] == ["client_disconnected", "drain_finished"]

    def test_freed_meanwhile(self, server: WebSocketServer) -> None:
        client = connected(server)
        server.drain(0.0)
        server._shut_down()
        poll_until(lambda: client.status == 0, client)

    @pytest.mark.parametrize(
        ("arguments", "error", "line"),
        [
            ((-1.0,), Error.ERR_INVALID_PARAMETER, "from 0 to 86400, not -1.0"),
            ((math.nan,), Error.ERR_INVALID_PARAMETER, "from 0 to 86400"),
            ((math.inf,), Error.ERR_INVALID_PARAMETER, "from 0 to 86400"),
            ((1.0, "http://x/?token=abc"), Error.ERR_INVALID_PARAMETER, "is not a WebSocket URL"),
            ((1.0, "ws://x/" + "y" * 1100), Error.ERR_INVALID_PARAMETER, "at most"),
        ],
    )
    def test_errors(
        self,
        server: WebSocketServer,
        caplog: pytest.LogCaptureFixture,
        arguments: tuple[Any, ...],
        error: Error,
        line: str,
    ) -> None:
        assert server.drain(*arguments) == error
        (entry,) = caplog.records
        assert line in entry.getMessage()
        assert "abc" not in entry.getMessage()
        assert not server._drain._is_draining

    def test_without_listening(self, caplog: pytest.LogCaptureFixture) -> None:
        assert WebSocketServer().drain(1.0) == Error.ERR_UNCONFIGURED
        assert "call listen() first" in caplog.text


class TestSessions:
    def test_they_come_back_later_to_where_they_were(self, server: WebSocketServer) -> None:
        client, peer_id = in_session(server)
        heard, log = record(client), record(server)
        server.drain(0.5)
        poll_until(lambda: named(log, "drain_finished") != [] and named(heard, "reconnecting") != [], server, client)
        assert names(log) == ["client_interrupted", "drain_finished"]
        assert named(heard, "reconnecting") == [(1, pytest.approx(0.5, abs=0.4))]
        assert server.has_peer(peer_id)
        assert server.send(peer_id, "kept") == Error.OK
        assert server.get_statistics()["counts"]["drained_sessions"] == 1
        assert client.get_statistics()["counts"]["moves_followed"] == 1

    def test_they_go_where_they_are_sent(self, server: WebSocketServer) -> None:
        other = listening(session_timeout=30.0)
        client, _ = in_session(server, reconnect_delay=3600.0)  # What is asked counts, not this.
        heard = record(client)
        assert server.drain(0.0, f"ws://localhost:{other.get_local_port()}/there?token=abc") == Error.OK
        poll_until(lambda: named(heard, "connected_to_server") != [], server, other, client)
        assert names(heard) == ["connection_interrupted", "connection_closed", "connected_to_server", "reconnected"]
        assert client.get_request_path() == "/there?token=abc"
        assert other.get_peer_count() == 1
        # From then on it belongs there.
        other.peers[other.get_peer_ids()[0]]._connection.drop()  # type: ignore[union-attr]
        client.reconnect_delay = 0.01
        poll_until(lambda: named(heard, "connection_resumed") != [], other, client)

    def test_the_session_goes_on_where_it_is_known(self, server: WebSocketServer) -> None:
        """As after a cut: nothing is lost, doubled or out of order."""
        from ws_python.protocol.moves import Move

        client, peer_id = in_session(server, reconnect_delay=3600.0)
        heard, log = record(client), record(server)
        for round_ in range(3):
            client._reconnect.attempt = 0  # As if it had held.
            for number in range(50):
                client.send(f"{round_} {number}")
                server.send(peer_id, f"{round_} {number}")
                server.send_latest(peer_id, "state", f"{round_} {number}")
            connection = server.peers[peer_id]._connection
            assert connection is not None
            connection.outbox.send_layer(Move(0).pack())
            connection.interrupt(1012, "")
            for number in range(50, 60):
                assert client.send(f"{round_} {number}") == Error.OK
                assert server.send(peer_id, f"{round_} {number}") == Error.OK
            poll_until(lambda r=round_: len(named(heard, "connection_resumed")) == r + 1, server, client)  # type: ignore[misc]
        expected = [f"{round_} {number}" for round_ in range(3) for number in range(60)]
        poll_until(lambda: len(named(log, "message_received")) == 180, server, client)
        assert [message for _, message in named(log, "message_received")] == expected
        poll_until(lambda: named(heard, "message_received")[-1] == ("2 49",), server, client)
        arrived = [message for (message,) in named(heard, "message_received")]
        assert [message for place, message in enumerate(arrived) if message not in arrived[:place]] == expected
        assert len(arrived) == 183, "the newest state of each round, once"

    def test_it_is_closed_by_the_game_while_it_is_asked(self, server: WebSocketServer) -> None:
        client, peer_id = in_session(server)
        assert client._connection is not None
        client._connection.intake.throttle()  # It does not answer the close.
        log = record(server)
        server.drain(0.0)
        poll_until(lambda: server.peers[peer_id]._connection.phase.name == "CLOSING", server)  # type: ignore[union-attr]
        assert server.disconnect_peer(peer_id) == Error.OK
        client._connection.drop()
        poll_until(lambda: named(log, "client_disconnected") != [], server)
        assert "client_interrupted" not in names(log)
