"""Taking over, from a process that the test plays: whatever that does, nothing is taken by halves."""

from __future__ import annotations

import os
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from ws_python import Error, WebSocketServer
from ws_python.features import handover, taking_over
from ws_python.net import handover as lines
from ws_python.protocol.handover import (
    GIVEN,
    NO,
    STATE,
    TAKEN,
    PeerState,
    State,
    pack,
    pack_state,
)

from ..driving import named, poll_until, poll_while, record
from ..handing_over import (
    PATIENCE,
    SETTINGS,
    calling,
    hear,
    letter_of,
    needs_handover,
    played,
    state_of,
)

pytestmark = needs_handover


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "handover.sock")


def next_server(path: str, **settings: Any) -> tuple[WebSocketServer, Error]:
    server = WebSocketServer()
    for name, value in (SETTINGS | {"handover_path": path, "handover_timeout": 1.0} | settings).items():
        setattr(server, name, value)
    return server, server.listen(0)


class TestTaking:
    def test_nobody_is_there(self, path: str) -> None:
        server, error = next_server(path)
        assert error == Error.OK
        assert stat.S_ISSOCK(os.stat(path).st_mode) and stat.S_IMODE(os.stat(path).st_mode) == 0o600
        server.stop()
        assert not os.path.exists(path)

    def test_the_file_of_a_server_that_is_dead_is_replaced(self, path: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
            dead.bind(path)
            dead.listen()
        server, error = next_server(path)
        assert error == Error.OK
        with calling(path) as line:
            assert poll_while(lambda: state_of(line), server).peers == []

    @pytest.mark.parametrize("bad", ["x.sock", "unix:/tmp/x", "/" + "x" * 200])
    def test_no_path(self, bad: str) -> None:
        assert next_server(bad)[1] == Error.ERR_INVALID_PARAMETER

    def test_no_folder(self, path: str, caplog: pytest.LogCaptureFixture) -> None:
        server, error = next_server(path + "/x/y")
        assert error == Error.ERR_DOES_NOT_EXIST and "handover_path" in caplog.text
        assert not server.is_listening()
        server.handover_path = ""
        assert server.listen(0) == Error.OK

    def test_a_file_that_is_no_socket(self, path: str) -> None:
        Path(path).write_text("mine")
        assert next_server(path)[1] == Error.ERR_ALREADY_IN_USE
        assert Path(path).read_text() == "mine"

    def test_another_server_of_this_process(self, path: str, caplog: pytest.LogCaptureFixture) -> None:
        first, _ = next_server(path)
        assert next_server(path)[1] == Error.ERR_ALREADY_IN_USE
        assert "another server of this process" in caplog.text
        first.stop()
        assert next_server(path)[1] == Error.OK

    def test_where_the_system_has_no_such_thing(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(handover, "IS_AVAILABLE", False)
        assert next_server(path)[1] == Error.ERR_UNAVAILABLE

    def test_one_that_says_no(self, path: str, caplog: pytest.LogCaptureFixture) -> None:
        def refuse(line: lines.Line) -> None:
            hear(line)
            line.say_last(pack(NO, {"reason": "it has its reasons"}))

        with played(path, refuse):
            server, error = next_server(path)
        assert error == Error.ERR_ALREADY_IN_USE and "it has its reasons" in caplog.text
        assert not server.is_listening()

    def test_one_that_dies_before_it_has_told_all_is_dead(self, path: str, caplog: pytest.LogCaptureFixture) -> None:
        whole = pack_state(State("127.0.0.1", 1, 1, 1.0, None, []))

        def die(line: lines.Line) -> None:
            hear(line)
            line.send(whole[:-1], sockets)
            sockets[1].close()
            os.unlink(path)
            line.close()

        with played(path, die) as sockets:
            server, error = next_server(path)
        assert error == Error.OK and "has ended while it handed over" in caplog.text
        assert record(server) == []
        poll_until(lambda: server.is_listening(), server)

    def test_one_that_hangs_up_each_time(self, path: str) -> None:
        with played(path, *[lines.Line.close] * 3):
            assert next_server(path)[1] == Error.ERR_ALREADY_IN_USE

    def test_one_that_is_silent(
        self, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(taking_over, "_PATIENCE", 0.1)
        over = threading.Event()

        def wait(line: lines.Line) -> None:
            over.wait(PATIENCE)
            line.close()

        with played(path, wait):
            _, error = next_server(path, handover_timeout=0.1)
            over.set()
        assert error == Error.ERR_ALREADY_IN_USE and "did not answer in time" in caplog.text

    @pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", pack(STATE), pack(GIVEN)])
    def test_one_that_is_something_else(self, path: str, said: bytes) -> None:
        def speak(line: lines.Line) -> None:
            hear(line)
            line.say_last(said)

        with played(path, speak):
            assert next_server(path)[1] == Error.ERR_INVALID_DATA

    def test_one_that_gives_no_sockets(self, path: str) -> None:
        def speak(line: lines.Line) -> None:
            hear(line)
            line.say_last(pack_state(State("127.0.0.1", 1, 1, 1.0, None, [])))

        with played(path, speak):
            assert next_server(path)[1] == Error.ERR_CANT_CONNECT

    @pytest.mark.parametrize("at_last", ["no", "death", "nonsense"])
    def test_what_it_says_at_last_counts(self, path: str, at_last: str, caplog: pytest.LogCaptureFixture) -> None:
        peer = PeerState(
            1234, [b"t" * 32], b"t" * 32, False, 3, 1, ["two", b"three", "four"], 5, ["came"], host="10.1.1.1"
        )

        def give(line: lines.Line) -> None:
            hear(line)
            tcp, _ = sockets
            line.send(pack_state(State("127.0.0.1", tcp.getsockname()[1], 1, 1.0, b"data", [peer])), sockets)
            assert letter_of(hear(line)) == TAKEN
            if at_last == "death":
                line.close()
            else:
                line.say_last(pack(NO, {"reason": "too late"}) if at_last == "no" else b"x" * 100)

        with played(path, give) as sockets:
            server, error = next_server(path)
            if at_last != "death":
                assert error == (Error.ERR_ALREADY_IN_USE if at_last == "no" else Error.ERR_INVALID_DATA)
                assert not server.is_listening() and not server.get_peer_ids()
                assert os.path.exists(path)
                with socket.create_connection(sockets[0].getsockname()):  # That one goes on.
                    sockets[0].accept()[0].close()
                return
            # What it had is nobody else's.
            assert error == Error.OK and server.get_local_port() == sockets[0].getsockname()[1]
        log = record(server)
        poll_until(lambda: named(log, "client_interrupted") != [], server)
        assert log == [
            ("taken_over", b"data"),
            ("client_connected", 1234),
            ("message_received", 1234, "came"),
            ("client_interrupted", 1234),
        ]
        assert server.peers[1234].get_connected_host() == "10.1.1.1"
        assert server.send(1234, "five") == Error.OK
        assert server.disconnect_peer(1234) == Error.OK
        poll_until(lambda: named(log, "client_disconnected") == [(1234,)], server)

    def test_without_sessions_none_go_on(self, path: str, caplog: pytest.LogCaptureFixture) -> None:
        peer = PeerState(1234, [b"t" * 32], b"t" * 32, False, 0, 0, [], 0, [])

        def give(line: lines.Line) -> None:
            hear(line)
            line.send(pack_state(State("127.0.0.1", sockets[0].getsockname()[1], 1, 1.0, None, [peer])), sockets)
            hear(line)
            line.say_last(pack(GIVEN))

        with played(path, give) as sockets:
            server, error = next_server(path, session_timeout=0.0)
        assert error == Error.OK and "session_timeout is 0" in caplog.text
        log = record(server)
        poll_until(lambda: log != [], server)
        assert log == [("taken_over", None)] and server.get_peer_ids() == []

    def test_who_does_not_come_back_is_gone(self, path: str) -> None:
        peer = PeerState(1234, [b"t" * 32], b"t" * 32, False, 0, 0, [], 0, [])

        def give(line: lines.Line) -> None:
            hear(line)
            line.send(pack_state(State("127.0.0.1", sockets[0].getsockname()[1], 1, 1.0, None, [peer])), sockets)
            hear(line)
            line.say_last(pack(GIVEN))

        with played(path, give) as sockets:
            server, _ = next_server(path, session_timeout=0.2)
        log = record(server)
        poll_until(lambda: named(log, "client_disconnected") != [], server)
        assert [name for name, *_ in log] == [
            "taken_over",
            "client_connected",
            "client_interrupted",
            "client_disconnected",
        ]
        assert server.get_statistics()["counts"]["session_expired"] == 1
