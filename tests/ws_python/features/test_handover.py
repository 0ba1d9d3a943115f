"""Hand-over: the next process goes on with sessions and sockets, or the one that runs does, whatever goes wrong."""

from __future__ import annotations

import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Opcode
from ws_python import Error, WebSocketClient, WebSocketReply, WebSocketServer
from ws_python.features import handover, taking_over
from ws_python.protocol.handover import (
    ASK,
    GIVEN,
    NO,
    STATE,
    TAKEN,
    Frame,
    State,
    pack,
    unpack_state,
)
from ws_python.protocol.session import SUBPROTOCOL, new_token

from ..driving import RawClient, listening, named, poll_until, poll_while, record
from ..handing_over import (
    PATIENCE,
    SETTINGS,
    Process,
    Start,
    calling,
    client_of,
    events,
    hear,
    letter_of,
    needs_handover,
    state_of,
)
from .test_multiplayer import Player, playing
from .test_sessions import cut, greet, in_session, names, welcomed

pytestmark = needs_handover


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "handover.sock")


@pytest.fixture
def start(path: str) -> Iterator[Start]:
    """Starts servers that hand over at `path`, and waits until they listen."""
    started: list[Process] = []

    def begin(*nodes: Any, pass_fds: tuple[int, ...] = (), waits: bool = True, **settings: Any) -> Process:
        started.append(Process({"handover_path": path, **settings}, pass_fds=pass_fds))
        return started[-1].begun(*nodes) if waits else started[-1]

    yield begin
    for process in started:
        process.close()


class TestNext:
    def test_sessions_go_on_from_one_process_to_the_next(self, start: Start) -> None:
        process = start(data={"round": 1})
        client = client_of(process)
        heard = record(client)
        (peer_id,) = process.ask("get_peer_ids")
        for turn in range(2, 5):
            number = len(named(heard, "message_received"))
            client.send(f"?{turn} before")
            process.until(lambda n=number: len(named(heard, "message_received")) == n + 1, client)  # type: ignore[misc]
            following = start(client, port=process.port, data={"round": turn})
            assert named(following.log, "listening")[0][:2] == (0, process.port)
            process.until(lambda p=process: named(p.log, "handed_over") != [], client)  # type: ignore[misc]
            client.send(f"?{turn} after")
            following.until(lambda n=number: len(named(heard, "message_received")) == n + 2, client)  # type: ignore[misc]
            assert process.ask("get_peer_ids") == []
            assert not [name for name, *_ in process.log if name in ("client_disconnected", "drain_finished")]
            assert events(following)[:4] == [
                ("taken_over", {"round": turn - 1}),
                ("client_connected", peer_id),
                ("client_interrupted", peer_id),
                ("client_resumed", peer_id),
            ]
            process.quit(client)
            assert process.errors == []
            process = following
        assert (
            names(heard) == ["message_received", "connection_interrupted", "connection_resumed", "message_received"] * 3
        )
        assert named(heard, "message_received") == [(f"?{t} {w}",) for t in range(2, 5) for w in ("before", "after")]
        statistics = process.ask("get_statistics")["counts"]
        assert statistics["taken_over"] == statistics["sessions_taken_over"] == statistics["sessions_resumed"] == 1
        client.close()
        process.until(lambda: named(process.log, "client_disconnected") == [(peer_id,)], client)

    def test_what_is_on_the_way_comes_once_and_in_order(self, start: Start) -> None:
        process = start()
        clients = [client_of(process) for _ in range(5)]
        logs = [record(client) for client in clients]
        ids = process.ask("get_peer_ids")
        sent = 0

        def send(count: int) -> None:
            nonlocal sent
            for _ in range(count):
                sent += 1
                for client in clients:
                    client.send(f"?{sent} " + "x" * (sent % 300))

        for _ in range(3):
            send(50)
            following = start(port=process.port, waits=False)
            while not named(following.log, "listening"):
                send(1)
                for client in clients:
                    client.poll()
                time.sleep(0.005)
            send(50)
            process.until(lambda p=process: named(p.log, "handed_over") != [], *clients)  # type: ignore[misc]
            process.quit(*clients)
            process = following
        process.until(lambda: all(len(named(log, "message_received")) == sent for log in logs), *clients)
        for log in logs:
            numbers = [int(message[1:].split()[0]) for (message,) in named(log, "message_received")]
            assert numbers == list(range(1, sent + 1))
            assert "connection_closed" not in names(log)
        assert process.ask("get_peer_ids") == ids

    def test_requests_of_both_sides(self, start: Start) -> None:
        process = start()
        client = client_of(process)
        client.handle("echo", lambda value: value)
        (peer_id,) = process.ask("get_peer_ids")
        never, echo = client.start_request("never", 1), client.start_request("echo", 2)
        process.tell("ask", peer_id, "echo", 3)
        process.until(lambda: echo.is_completed and named(process.log, "reply") != [], client)
        silent = WebSocketReply()
        client.handle("later", lambda _value: silent)
        process.tell("ask", peer_id, "later", 4)
        process.until(lambda: client._dialogue.handled == 1, client)
        following = start(client, port=process.port)
        # Who has asked there does not wait for ever, nor does who has asked here; numbers go on.
        process.until(lambda: never.is_completed and len(named(process.log, "reply")) == 2, client)
        assert (never.error, never.message) == (Error.ERR_UNAVAILABLE, taking_over._NOT_ANSWERED)
        assert named(process.log, "reply") == [(0, 3), (Error.ERR_CONNECTION_ERROR, None)]
        silent._complete(Error.OK, "", "nobody waits for that")
        again = client.start_request("echo", 5)
        following.tell("ask", peer_id, "echo", 6)
        following.until(lambda: again.is_completed and named(following.log, "reply") != [], client)
        assert (again.error, again.data) == (Error.OK, 5)
        assert named(following.log, "reply") == [(0, 6)]

    def test_what_a_game_stored_goes_along_if_it_is_a_value(self, start: Start) -> None:
        process = start()
        client = client_of(process)
        (peer_id,) = process.ask("get_peer_ids")
        process.ask("set_data", peer_id, {"name": "Zoe"})
        client.auto_reconnect = False
        following = start(port=process.port)  # The client is not polled, and does not come back.
        assert following.ask("request_of", peer_id) == ["/room?seat=1", "Zoe", "127.0.0.1", {"name": "Zoe"}]
        assert following.ask("send", peer_id, "for when it is back") == Error.OK
        heard = record(client)
        following.until(lambda: named(heard, "message_received") == [("for when it is back",)], client)

    def test_a_peer_that_was_away_stays_away(self, start: Start) -> None:
        process = start(session_buffer_size=1_000_000)
        client = client_of(process)
        (peer_id,) = process.ask("get_peer_ids")
        cut(client)
        process.until(lambda: named(process.log, "client_interrupted") != [])
        for number in range(10):
            process.ask("send", peer_id, f"{number}" * 10_000)
        process.ask("send_latest", peer_id, "key", "old")
        process.ask("send_latest", peer_id, "key", "new")
        following = start(port=process.port)
        heard = record(client)
        following.until(lambda: len(named(heard, "message_received")) == 11, client)
        assert named(heard, "message_received") == [*((f"{n}" * 10_000,) for n in range(10)), ("new",)]

    def test_a_unix_socket_goes_along_with_its_file(self, start: Start, tmp_path: Path) -> None:
        address = f"unix:{tmp_path}/game.sock"
        process = start(bind_address=address)
        client = WebSocketClient()
        client.session = True
        assert client.connect_to_url(address) == Error.OK
        process.until(lambda: client._session._token != "", client)
        file = os.stat(tmp_path / "game.sock")
        heard = record(client)
        following = start(client, bind_address=address)
        process.quit(client)
        following.until(lambda: named(heard, "connection_resumed") != [], client)
        assert os.path.samestat(os.stat(tmp_path / "game.sock"), file)
        following.ask("stop")
        assert not (tmp_path / "game.sock").exists() and not (tmp_path / "handover.sock").exists()

    def test_of_inherited_sockets_the_sessions_go_along(self, start: Start) -> None:
        with socket.create_server(("127.0.0.1", 0)) as inherited:
            address, numbers = f"fd:{inherited.fileno()}", (inherited.fileno(),)
            process = start(bind_address=address, pass_fds=numbers)
            client = client_of(process)
            heard = record(client)
            following = start(client, bind_address=address, pass_fds=numbers)
            following.until(lambda: named(heard, "connection_resumed") != [], client)
            assert following.port == process.port
            assert named(process.log, "handed_over") == [()]

    def test_another_port_is_opened_anew(self, start: Start) -> None:
        process = start()
        client_of(process)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            failed = start(port=taken.getsockname()[1])
            assert named(failed.log, "listening")[0][0] == Error.ERR_ALREADY_IN_USE
            # Nothing was given up for it.
            assert len(process.ask("get_peer_ids")) == 1 and named(process.log, "handed_over") == []
            assert process.ask("is_listening")
            port = taken.getsockname()[1]
        following = start(port=port)
        assert named(following.log, "listening")[0][:2] == (0, port)
        assert len(following.ask("get_peer_ids")) == 1
        process.until(lambda: named(process.log, "handed_over") != [])

    def test_one_that_is_killed_leaves_the_next_one_alone(self, start: Start) -> None:
        process = start()
        client_of(process)
        process.kill()
        following = start(port=process.port)
        assert named(following.log, "listening")[0][:2] == (0, process.port)
        assert following.ask("get_peer_ids") == []

    def test_one_that_stands_still_is_not_waited_for_for_ever(self, start: Start) -> None:
        process = start()
        os.kill(process.pid, signal.SIGSTOP)
        try:
            failed = start(port=process.port, handover_timeout=0.1, patience=0.2)
            assert named(failed.log, "listening")[0][0] == Error.ERR_ALREADY_IN_USE
            failed.until(lambda: failed.errors != [])
            assert "did not answer in time" in failed.errors[0]
        finally:
            os.kill(process.pid, signal.SIGCONT)
        # It has heard of that, and hands over to who waits.
        following = start(port=process.port)
        assert named(following.log, "listening")[0][0] == Error.OK


def running(path: str, **settings: Any) -> WebSocketServer:
    return listening(**(SETTINGS | {"bind_address": "localhost", "handover_path": path} | settings))


def goes_on(server: WebSocketServer, client: WebSocketClient) -> None:
    """All is as before: who is there is there, and others come in."""
    heard, log = record(client), record(server)
    client.send("up")
    server.send(0, "down")
    other, _ = in_session(server)
    poll_until(
        lambda: len(named(log, "message_received")) == len(named(heard, "message_received")) == 1, server, client
    )
    assert names(heard) == ["message_received"]
    assert named(log, "handed_over") == []
    other.close()
    poll_until(lambda: server.get_peer_count() == 1, server, client, other)


class TestGiving:
    def test_all_is_told(self, path: str) -> None:
        server = running(path)
        server.handover_data = lambda: {"level": 3}
        client, peer_id = in_session(server, handshake_headers=["X-Name: Zoe"])
        away, _ = in_session(server)
        plain = WebSocketClient()
        plain.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: server.get_peer_count() == 3, server, plain)
        cut(away)
        poll_until(lambda: len(server._sessions._interrupted) == 1, server)
        server.peers[peer_id].request.data = ["a", 1]  # type: ignore[union-attr]
        server.send(peer_id, "one")
        server.send(0, b"two")
        server.send_latest(peer_id, "k", "latest")
        log, heard, ended = record(server), record(client), record(plain)

        def take() -> State:
            with calling(path) as line:
                line.send(pack(ASK))
                frame = hear(line)
                assert frame is not None
                state = unpack_state(frame)
                sockets = [line.take_socket() for _ in range(state.sockets + 1)]
                assert [each.getsockname() for each in sockets][-1] == path
                assert {each.getsockname()[1] for each in sockets[:-1]} == {server.get_local_port()}
                line.send(pack(TAKEN))
                assert letter_of(hear(line)) == GIVEN
                assert hear(line) is None
                for each in sockets:
                    each.close()
                return state

        state = poll_while(take, server)
        assert (state.address, state.port, state.data) == ("localhost", plain.get_connected_port(), '{"level":3}')
        peers = {peer.peer_id: peer for peer in state.peers}
        assert len(peers) == 2
        peer = peers[peer_id]
        assert (peer.request["path"], peer.host, peer.data) == ("/", "127.0.0.1", '["a",1]')
        assert "X-Name: Zoe" in peer.request["fields"]
        assert peer.kept[peer.written - peer.acknowledged :] == [] and peer.kept[-1] == "latest"
        # Here all has ended.
        assert [name for name, *_ in log] == ["client_disconnected", "status_changed", "handed_over"] or [
            name for name, *_ in log
        ] == ["status_changed", "client_disconnected", "handed_over"]
        assert server.get_peer_ids() == [] and not server.is_listening()
        assert os.path.exists(path)
        poll_until(lambda: named(ended, "connection_closed") != [], server, plain)
        assert plain.get_close_code() == 1012
        poll_until(lambda: names(heard)[-1:] == ["connection_interrupted"], server, client)
        assert named(heard, "message_received") == [("one",), (b"two",), ("latest",)]
        counts = server.get_statistics()["counts"]
        assert (counts["handed_over"], counts["sessions_handed_over"]) == (1, 2)
        os.unlink(path)

    def test_what_was_not_delivered_goes_along(self, path: str) -> None:
        server = running(path, max_poll_time=0.001)
        client, _ = in_session(server)
        told: list[str] = []
        states: list[State] = []

        def slow(_id: int, message: str) -> None:
            told.append(message)
            time.sleep(0.002)  # So that a poll delivers one, and the others wait.

        def take() -> None:
            with calling(path) as line:
                line.send(pack(ASK))
                frame = hear(line)
                assert frame is not None
                states.append(unpack_state(frame))
                line.send(pack(TAKEN))
                hear(line)

        server.message_received.connect(slow)
        for number in range(1000):
            client.send(f"{number}")
        poll_until(lambda: told != [], client, server)
        asking = threading.Thread(target=take)
        asking.start()
        poll_until(lambda: not server.is_listening(), server, deadline=PATIENCE)
        asking.join()
        (peer,) = states[0].peers
        assert peer.arrived != []
        assert told + peer.arrived == [f"{number}" for number in range(peer.received)]
        os.unlink(path)

    @pytest.mark.parametrize("until", ["asked", "half told", "told"])
    def test_a_next_process_that_dies_changes_nothing(
        self, path: str, until: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = running(path)
        client, _ = in_session(server)

        def die() -> None:
            with calling(path) as line:
                line.send(pack(ASK))
                if until == "told":
                    hear(line)
                elif until == "half told":
                    line.receive(1)

        poll_while(die, server)
        poll_until(lambda: server._handover._asker is None, server, client)
        goes_on(server, client)
        if until != "asked":
            assert server.get_statistics()["counts"]["handovers_failed"] == 1
            assert "the next process has ended" in caplog.text

    def test_one_that_dies_while_others_are_half_open(self, path: str) -> None:
        server = running(path)
        client, _ = in_session(server)
        raw = RawClient(server.get_local_port())  # It never says what it wants.
        poll_until(lambda: len(server._connections) == 2, server)
        with calling(path) as line:
            line.send(pack(ASK))
            poll_until(lambda: server._handover._next is not None and server._handover._asker.has_asked, server)  # type: ignore[union-attr]
        poll_until(lambda: server._handover._asker is None, server)
        goes_on(server, client)
        raw.close()

    def test_one_that_is_too_slow_is_told_no_in_time(self, path: str, caplog: pytest.LogCaptureFixture) -> None:
        server = running(path, handover_timeout=0.2)
        client, _ = in_session(server)

        def wait() -> Frame | None:
            with calling(path) as line:
                line.send(pack(ASK))
                hear(line)
                return hear(line)

        frame = poll_while(wait, server)
        assert frame is not None and frame.letter == NO
        assert "handover_timeout" in frame.head["reason"] and "handover_timeout" in caplog.text
        goes_on(server, client)

    def test_one_that_does_not_read_is_not_waited_for(self, path: str) -> None:
        server = running(path, handover_timeout=0.2, session_buffer_size=64 * 1024 * 1024)
        client, peer_id = in_session(server)
        cut(client)
        poll_until(lambda: len(server._sessions._interrupted) == 1, server)
        assert server.send(peer_id, b"x" * 16_000_000) == Error.OK
        with calling(path) as line:
            line.send(pack(ASK))
            poll_until(lambda: server.get_statistics()["counts"].get("handovers_failed") == 1, server)
        assert server.is_listening()
        heard = record(client)
        poll_until(lambda: named(heard, "message_received") != [], server, client)

    def test_a_late_word_is_none(self, path: str) -> None:
        """What it says in the middle of what it is told is no answer to it; nor is another word."""
        server = running(path)
        client, _ = in_session(server)
        for word in (pack(GIVEN), b"x" * 100):

            def speak(word: bytes = word) -> Frame | None:
                with calling(path) as line:
                    line.send(pack(ASK))
                    hear(line)
                    line.send(word)
                    return hear(line)

            frame = poll_while(speak, server)
            assert frame is None or frame.letter == NO
            goes_on(server, client)

    def test_what_clients_say_does_not_keep_it_from_handing_over(self, path: str) -> None:
        """Whatever they make up, the next process takes it for what a server hands over."""
        server = running(path)
        raws = []

        def comes(**hello: object) -> tuple[RawClient, int]:
            raw = RawClient(server.get_local_port(), subprotocols=[SUBPROTOCOL])
            raw.shake_hands(server)
            raws.append(raw)
            greet(raw, **hello)
            return raw, welcomed(raw, server)["id"]

        # As often as they like, they come back with the first token of a session that has a newer one by now.
        token = new_token()
        raw, peer_id = comes(token=token)
        raw.send(Opcode.TEXT, b"\x10a0\n")
        poll_until(lambda: len(server._sessions._by_peer[peer_id].tokens) == 1, server)
        ids = {peer_id} | {comes(resume=token, received=0)[1] for _ in range(2)}
        # The highest numbers that there are, and higher ones.
        for number in (2**53 - 1, 10**16 - 1):
            raw, peer_id = comes(token=new_token())
            ids.add(peer_id)
            raw.send(Opcode.TEXT, f"\x10q{number} a\n".encode())
            poll_until(lambda: raw.receive().eof or len(raw.frames) > 1, server)  # noqa: B023
        with calling(path) as line:
            state = poll_while(lambda: state_of(line), server)
        peers = {peer.peer_id: peer for peer in state.peers}
        assert len(ids) == 5 and peers.keys() <= ids and len(peers) >= 4
        for raw in raws:
            raw.close()

    @pytest.mark.parametrize("is_away", [False, True])
    def test_players_of_the_multiplayer_see_the_server_go(self, start: Start, path: str, is_away: bool) -> None:
        """What the engines at both ends have agreed on is known to this process only."""
        server = running(path, multiplayer_path="/mp")
        players = Player(server)
        player = playing(server, "/mp", session=True)
        poll_until(lambda: players.log != [] and player.log != [], players, player)
        client, peer_id = in_session(server)
        log = record(server)
        if is_away:
            cut(server.peers[players.log[0][1]])
            poll_until(lambda: named(log, "client_interrupted") != [], server)
        following = start(players, client, bind_address="localhost", multiplayer_path="/mp", plays=True)
        following.until(lambda: named(following.log, "client_resumed") != [], client)
        assert named(following.log, "client_connected") == [(peer_id,)]
        following.until(lambda: len(player.log) == 3, player)
        assert [name for name, *_ in player.log] == ["peer_connected", "peer_disconnected", "peer_connected"]
        assert player.packets == []
        assert len(named(following.log, "client_connected")) == 2
        assert sorted(named(log, "client_disconnected")) == [(players.log[0][1],)]

    @pytest.mark.parametrize("word", [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", pack(TAKEN), pack(ASK) + b"more"])
    def test_who_asks_wrongly_is_not_heard(self, path: str, word: bytes) -> None:
        server = running(path)
        client, _ = in_session(server)

        def speak() -> list[Frame | None]:
            with calling(path) as line:
                line.send(word)
                return [hear(line)]

        (frame,) = poll_while(speak, server)
        assert frame is None or frame.letter in (NO, STATE)
        poll_until(lambda: server._handover._asker is None, server)
        goes_on(server, client)

    def test_who_asks_nothing_holds_nobody_up(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(handover, "_ASKING_TIME", 0.1)
        server = running(path)
        client, _ = in_session(server)
        with calling(path) as line:
            assert poll_while(lambda: hear(line), server) is None
        goes_on(server, client)

    def test_one_at_a_time(self, path: str) -> None:
        server = running(path)
        with calling(path) as first, calling(path) as second:
            poll_until(lambda: server._handover._asker is not None, server)
            frame = poll_while(lambda: hear(second), server)
            assert frame is not None and frame.head["reason"] == "another process takes over already"
            assert poll_while(lambda: state_of(first), server).peers == []

    def test_a_process_of_another_user_is_not_heard(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        server = running(path)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        real = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: real + 1)
        with calling(path) as line:
            frame = poll_while(lambda: hear(line), server)
        assert frame is not None and frame.head["reason"] == "it is of another user"
        assert server._handover._asker is None

    def test_stop_and_free_in_the_middle(self, path: str) -> None:
        for end in ("stop", "_shut_down"):
            server = running(path)
            raw = RawClient(server.get_local_port())
            poll_until(lambda s=server: len(s._connections) == 1, server)  # type: ignore[misc]
            with calling(path) as line:
                line.send(pack(ASK))
                poll_until(lambda s=server: s._handover._asker is not None and s._handover._asker.has_asked, server)  # type: ignore[misc]
                getattr(server, end)()
                assert poll_while(lambda line=line: hear(line), server) is None  # type: ignore[misc]
            assert not os.path.exists(path)
            raw.close()

    @pytest.mark.parametrize("does", ["stop", "raise", "object"])
    def test_handover_data_may_do_anything(self, path: str, does: str, caplog: pytest.LogCaptureFixture) -> None:
        server = running(path)

        def data() -> object:
            if does == "raise":
                raise RuntimeError("no")
            if does == "stop":
                server.stop()
            return object()

        server.handover_data = data

        def speak() -> Frame | None:
            with calling(path) as line:
                line.send(pack(ASK))
                return hear(line)

        frame = poll_while(speak, server)
        if does == "stop":
            assert frame is None and not server.is_listening()
        else:
            assert frame is not None and "handover_data failed" in frame.head["reason"]
            assert server.is_listening() and "this process goes on" in caplog.text

    def test_a_fault_of_ours_changes_nothing(
        self, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = running(path)
        client, _ = in_session(server)
        monkeypatch.setattr(server._handover, "_told", None)

        def speak() -> Frame | None:
            with calling(path) as line:
                line.send(pack(ASK))
                return hear(line)

        frame = poll_while(speak, server)
        assert letter_of(frame) == NO and "this process goes on" in caplog.text
        goes_on(server, client)

    def test_who_is_in_the_opening_handshake_comes_in_or_is_told_to_come_again(
        self, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = running(path)
        raw = RawClient(server.get_local_port())
        poll_until(lambda: len(server._connections) == 1, server)

        def take() -> None:
            with calling(path) as line:
                line.send(pack(ASK))
                hear(line)
                line.send(pack(TAKEN))
                hear(line)

        poll_while(take, server)
        raw.socket.settimeout(PATIENCE)
        answer = poll_while(lambda: raw.socket.recv(4096), server)
        assert answer.startswith(b"HTTP/1.1 503") and b"Retry-After: 1" in answer
        raw.close()
        os.unlink(path)
