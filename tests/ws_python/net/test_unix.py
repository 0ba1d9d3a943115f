"""Tests of ws_python.net.unix: servers and clients on Unix sockets."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.sync.client import unix_connect
from websockets.sync.server import ServerConnection, unix_serve
from websockets.uri import parse_uri
from ws_python import Error, WebSocketClient, WebSocketServer
from ws_python.declare.errors import CannotListen
from ws_python.loop.hub import hub
from ws_python.net.plain_tcp import PlainLink
from ws_python.net.unix import UnixDoor, UnixSocketSettings, checked_path

from tests.ws_python.driving import named, poll_until, poll_while, record, socket_of

grp = pytest.importorskip("grp", reason="Windows has no Unix sockets in Python: see test_other_systems.py")
pwd = pytest.importorskip("pwd")

ROOT = Path(__file__).parents[3]
IS_ROOT = os.geteuid() == 0
NOBODY = 65534

LISTENING = """
import sys, time
sys.path.insert(0, sys.argv[1])
from ws_python import WebSocketServer
server = WebSocketServer()
server.bind_address = sys.argv[2]
print(int(server.listen()), flush=True)
while True:
    server.poll()
    time.sleep(0.001)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short: pytest's own may leave no room for a socket's."""
    with tempfile.TemporaryDirectory(prefix="ws") as path:
        os.chmod(path, 0o755)
        yield Path(path)


@pytest.fixture
def path(folder: Path) -> Path:
    return folder / "a game's.sock"


def listening(path: object, **settings: str) -> WebSocketServer:
    server = new_server(path, **settings)
    assert server.listen() == Error.OK
    return server


def new_server(path: object, **settings: str) -> WebSocketServer:
    server = WebSocketServer()
    server.bind_address = f"unix:{path}"
    for name, value in settings.items():
        setattr(server, name, value)
    return server


def connect(server: WebSocketServer, url: str) -> WebSocketClient:
    client = WebSocketClient()
    assert client.connect_to_url(url) == Error.OK
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE and server.get_peer_count() > 0, server, client)
    return client


def failure(url: str, timeout: float = 10.0) -> tuple[str, WebSocketClient]:
    client = WebSocketClient()
    client.connect_timeout = timeout
    log = record(client)
    assert client.connect_to_url(url) == Error.OK
    poll_until(lambda: named(log, "connection_failed") != [], client, deadline=30)
    return str(named(log, "connection_failed")[0][0]), client


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def leave_stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fsencode(path))


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights that root has."""
    if not IS_ROOT:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.usefixtures("network")
class TestConnections:
    def test_messages_go_both_ways(self, path: Path) -> None:
        server = listening(path)
        log = record(server)
        client = connect(server, f"unix:{path}")
        heard = record(client)
        large = os.urandom(5_000_000)
        client.max_message_size = server.max_message_size = len(large)
        client.send("text")
        (peer_id,) = server.get_peer_ids()
        poll_until(lambda: named(log, "message_received") == [(peer_id, "text")], server, client)
        server.send(peer_id, large)
        poll_until(lambda: named(heard, "message_received") == [(large,)], server, client)
        client.close(4000, "enough")
        poll_until(lambda: server.get_peer_count() == 0, server, client)
        assert named(log, "client_disconnected") == [(peer_id,)]

    def test_each_side_calls_the_other_by_the_socket(self, path: Path) -> None:
        server = listening(path)
        client = connect(server, f"unix:{path}:/chat?room=1&at=12:/30")
        peer = server.get_peer(server.get_peer_ids()[0])
        assert peer is not None
        for endpoint in (peer, client):
            assert (endpoint.get_connected_host(), endpoint.get_connected_port()) == (f"unix:{path}", 0)
        assert peer.get_request_path() == "/chat?room=1&at=12:/30"
        assert peer.get_handshake_header("Host") == "localhost"
        assert peer.get_requested_url() == "ws://localhost/chat?room=1&at=12:/30"
        assert client.get_requested_url() == f"unix:{path}:/chat?room=1&at=12:/30"

    def test_the_way_is_the_fast_one_where_there_is_one(self, path: Path) -> None:
        server = listening(path)
        client = connect(server, f"unix:{path}")
        peer = server.get_peer(server.get_peer_ids()[0])
        assert peer is not None
        for endpoint in (peer, client):
            assert endpoint._connection is not None
            assert isinstance(endpoint._connection.link, PlainLink) == (hub.epoll is not None)

    def test_who_does_not_become_a_client_is_named_by_the_socket(self, path: Path) -> None:
        server = listening(path)
        log = record(server)
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(os.fsencode(path))
        poll_until(lambda: named(log, "handshake_failed") != [], server)
        assert named(log, "handshake_failed")[0][0].startswith(f"unix:{path}: the connection was closed")

    def test_a_server_that_restarts_is_found_again(self, path: Path) -> None:
        server = listening(path)
        client = WebSocketClient()
        client.auto_reconnect = True
        client.reconnect_delay = 0.01
        log = record(client)
        assert client.connect_to_url(f"unix:{path}") == Error.OK
        poll_until(lambda: len(named(log, "connected_to_server")) == 1, server, client)
        server.stop()
        poll_until(lambda: len(named(log, "connection_failed")) > 0, server, client)
        assert server.listen() == Error.OK
        poll_until(lambda: len(named(log, "connected_to_server")) == 2, server, client)

    def test_a_full_queue_is_waited_for(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as others:
            busy.bind(os.fsencode(path))
            busy.listen(0)
            for _ in range(10):
                other = others.enter_context(socket.socket(socket.AF_UNIX))
                other.setblocking(False)
                if other.connect_ex(os.fsencode(path)) == errno.EAGAIN:
                    break
            else:
                pytest.fail("the queue has no end")
            client = WebSocketClient()
            assert client.connect_to_url(f"unix:{path}") == Error.OK
            for _ in range(50):
                client.poll()
            assert client.get_ready_state() == client.State.STATE_CONNECTING
            assert client._connection is not None and client._connection.link is None
            busy.accept()[0].close()
            poll_until(lambda: client._connection is not None and client._connection.link is not None, client)
            client.close()

    def test_a_queue_that_stays_full_ends_in_time(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as others:
            busy.bind(os.fsencode(path))
            busy.listen(0)
            for _ in range(3):
                other = others.enter_context(socket.socket(socket.AF_UNIX))
                other.setblocking(False)
                other.connect_ex(os.fsencode(path))
            reason, _ = failure(f"unix:{path}", timeout=0.2)
        assert reason.endswith(f"the server at unix:{path} did not answer in time; check it, and connect_timeout")

    def test_closed_while_it_waits_it_leaves_no_socket(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as others:
            busy.bind(os.fsencode(path))
            busy.listen(0)
            for _ in range(3):
                other = others.enter_context(socket.socket(socket.AF_UNIX))
                other.setblocking(False)
                other.connect_ex(os.fsencode(path))
            client = WebSocketClient()
            hub.loop()
            before = len(os.listdir("/proc/self/fd"))
            assert client.connect_to_url(f"unix:{path}") == Error.OK
            client.poll()
            client.close()
            poll_until(lambda: not hub.tasks, client)
            assert len(os.listdir("/proc/self/fd")) == before

    def test_a_name_of_linux_takes_the_place_of_a_file(self) -> None:
        name = f"@ws_python-test-{os.getpid()}"
        server = listening(name)
        client = connect(server, f"unix:{name}:/x")
        assert client.get_connected_host() == f"unix:{name}"
        assert new_server(name).listen() == Error.ERR_ALREADY_IN_USE
        server.stop()
        again = listening(name)
        again.stop()

    def test_last_words_arrive_before_a_broken_end(self, path: Path) -> None:
        server = listening(path)
        log = record(server)
        with socket.socket(socket.AF_UNIX) as rude:
            rude.connect(os.fsencode(path))
            protocol = ClientProtocol(parse_uri("ws://localhost/"))
            protocol.send_request(protocol.connect())
            rude.sendall(b"".join(protocol.data_to_send()))
            poll_until(lambda: server.get_peer_count() == 1, server)
            server.send(0, b"what it never reads")
            server.poll()
            rude.sendall(Frame(Opcode.TEXT, b"last words").serialize(mask=True))
        poll_until(lambda: server.get_peer_count() == 0, server)
        names = [entry[0] for entry in log]
        assert names.index("message_received") < names.index("client_disconnected")
        assert named(log, "message_received")[0][1] == "last words"

    def test_a_client_of_websockets(self, path: Path) -> None:
        server = listening(path)
        server.message_received.connect(server.send)

        def talk() -> object:
            with unix_connect(str(path), "ws://localhost/chat") as client:
                client.send("hello")
                return client.recv()

        assert poll_while(talk, server) == "hello"

    def test_a_server_of_websockets(self, path: Path) -> None:
        def echo(connection: ServerConnection) -> None:
            connection.send(f"{connection.request and connection.request.path} {connection.recv()}")  # type: ignore[str-bytes-safe]

        server = unix_serve(echo, str(path))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            client = WebSocketClient()
            client.tls_trusted_ca = str(path.with_suffix(".pem"))
            log = record(client)
            client.connected_to_server.connect(lambda: client.send("hello"))
            assert client.connect_to_url(f"ws+unix:{path}:/chat") == Error.OK
            poll_until(lambda: named(log, "connection_closed") != [], client)
            assert named(log, "message_received") == [("/chat hello",)]
        finally:
            server.shutdown()
            thread.join()

    def test_a_proxy_is_for_networks(self, path: Path) -> None:
        server = listening(path)
        client = WebSocketClient()
        client.proxy = "http://127.0.0.1:1"
        assert client.connect_to_url(f"unix:{path}") == Error.OK
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)


class TestTls:
    def test_it_goes_through_a_unix_socket(self, path: Path) -> None:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        authority.cert_pem.write_to_path(path.with_suffix(".pem"))
        server = unix_serve(lambda connection: connection.send(connection.recv()), str(path), ssl=context)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            client = WebSocketClient()
            client.tls_trusted_ca = str(path.with_suffix(".pem"))
            log = record(client)
            client.connected_to_server.connect(lambda: client.send("hello"))
            assert client.connect_to_url(f"wss+unix:{path}:/chat") == Error.OK
            poll_until(lambda: named(log, "message_received") == [("hello",)], client)
            assert client.get_connected_host() == f"unix:{path}"
            poll_until(lambda: named(log, "connection_closed") != [], client)
        finally:
            server.shutdown()
            thread.join()


class TestHeartbeat:
    def test_a_slow_reader_is_not_taken_for_a_dead_one(self, path: Path) -> None:
        server = listening(path)
        server.heartbeat_interval = 0.1
        server.heartbeat_timeout = 0.4
        client = connect(server, f"unix:{path}")
        log = record(server)
        peer = server.get_peer(server.get_peer_ids()[0])
        assert peer is not None and peer._connection is not None and peer._connection.link is not None
        assert client._connection is not None and client._connection.link is not None
        link = peer._connection.link
        with socket_of(client._connection.link) as slow:
            client._connection.link.pause()
            peer.send(b"x" * 2_000_000)
            poll_until(lambda: link.unconfirmed() > 0, server)
            start = hub.deadlines.now
            while hub.deadlines.now < start + 1.2:
                with contextlib.suppress(BlockingIOError):
                    slow.recv(20_000)  # A tenth of what the system holds in twice the timeout.
                poll_until(lambda at=hub.deadlines.now + 0.05: hub.deadlines.now > at, server)  # type: ignore[misc]
            assert named(log, "client_disconnected") == []

    def test_a_dead_one_is_dropped(self, path: Path) -> None:
        server = listening(path)
        server.heartbeat_interval = 0.1
        server.heartbeat_timeout = 0.2
        client = connect(server, f"unix:{path}")
        assert client._connection is not None and client._connection.link is not None
        client._connection.link.pause()
        poll_until(lambda: server.get_peer_count() == 0, server)


class TestTheFile:
    def test_it_is_there_as_long_as_the_server_listens(self, path: Path) -> None:
        server = listening(path)
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert server.get_local_port() == 0
        assert server.is_listening()
        server.stop()
        assert not path.exists()
        listening(path).stop()
        assert not path.exists()

    def test_it_is_removed_when_the_program_ends(self, path: Path) -> None:
        listening(path)
        hub.close()
        assert not path.exists()

    def test_listening_twice_is_told_with_the_path(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        server = listening(path)
        assert server.listen() == Error.ERR_ALREADY_IN_USE
        assert f"already listening on unix:{path}; call stop() first" in caplog.text

    @pytest.mark.parametrize(("mode", "expected"), [("", 0o600), ("660", 0o660), ("0666", 0o666), ("0o640", 0o640)])
    def test_its_mode_is_as_set_whatever_the_umask(self, path: Path, mode: str, expected: int) -> None:
        before = os.umask(0o027)
        try:
            server = new_server(path)
            if mode:
                server.unix_socket_mode = mode
            assert server.listen() == Error.OK
        finally:
            os.umask(before)
        assert mode_of(path) == expected

    @pytest.mark.parametrize("mode", ["x", "", "888", "1777", "6", "rw-------", "-600"])
    def test_a_bad_mode_is_refused(self, path: Path, mode: str, caplog: pytest.LogCaptureFixture) -> None:
        assert new_server(path, unix_socket_mode=mode).listen() == Error.ERR_INVALID_PARAMETER
        assert f'listen: unix_socket_mode "{mode}" is no octal file permission; write it like "660"' in caplog.text
        assert not path.exists()

    def test_it_belongs_to_whom_it_is_given(self, path: Path) -> None:
        user, group = (NOBODY, NOBODY) if IS_ROOT else (os.getuid(), os.getgid())
        names = (pwd.getpwuid(user).pw_name, grp.getgrgid(group).gr_name)
        for owner in (f"{user}:{group}", ":".join(names), names[0], f":{names[1]}"):
            server = listening(path, unix_socket_owner=owner)
            found = path.stat()
            assert found.st_uid == (os.getuid() if owner.startswith(":") else user), owner
            assert found.st_gid == (group if ":" in owner else os.getgid()), owner
            assert mode_of(path) == 0o600
            server.stop()
            assert not path.exists()

    @pytest.mark.parametrize("owner", ["no such user", ":no such group", "\ud800", ":a\0b", "1:2:3", "99999999999"])
    def test_an_unknown_owner_is_refused(self, path: Path, owner: str, caplog: pytest.LogCaptureFixture) -> None:
        assert new_server(path, unix_socket_owner=owner).listen() == Error.ERR_INVALID_PARAMETER
        assert "listen: unix_socket_owner: this machine has no" in caplog.text
        assert not path.exists()

    def test_it_cannot_be_given_away_without_rights(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        os.chmod(folder, 0o777)
        with as_nobody():
            assert new_server(folder / "s", unix_socket_owner="0").listen() == Error.ERR_UNAUTHORIZED
        assert "this user may not give it to unix_socket_owner; use a group that it is in" in caplog.text
        assert os.listdir(folder) == []

    def test_who_may_not_connect_is_told_so(self, folder: Path) -> None:
        server = listening(folder / "s")
        with as_nobody():
            if not IS_ROOT:
                os.chmod(folder / "s", 0o000)
            reason, client = failure(f"unix:{folder}/s")
        assert reason.endswith(f"this user may not connect to unix:{folder}/s; see unix_socket_mode and "
                               "unix_socket_owner of the server")  # fmt: skip
        assert client._counts["unix_socket_forbidden"] == 1
        server.stop()

    def test_nobody_can_connect_before_it_has_its_own_rights(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = []
        chmod = os.chmod
        monkeypatch.setattr(os, "chmod", lambda *given: (seen.append(mode_of(path)), chmod(*given)))  # type: ignore[func-returns-value]
        before = os.umask(0)
        try:
            listening(path, unix_socket_mode="660")
        finally:
            os.umask(before)
        assert seen == [0o600]
        assert mode_of(path) == 0o660


class TestWhatIsThereAlready:
    def test_a_dead_socket_is_replaced(self, path: Path) -> None:
        leave_stale(path)
        server = listening(path)
        connect(server, f"unix:{path}")

    def test_that_of_a_killed_server_is_replaced(self, path: Path) -> None:
        command = [sys.executable, "-c", LISTENING, str(ROOT / "python"), f"unix:{path}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "0\n"
            assert new_server(path).listen() == Error.ERR_ALREADY_IN_USE
            other.send_signal(signal.SIGKILL)
        assert path.exists()
        server = listening(path)
        connect(server, f"unix:{path}")

    def test_that_of_a_living_server_is_left_alone(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        server = listening(path)
        log = record(server)
        second = new_server(path)
        caplog.clear()
        assert second.listen() == Error.ERR_ALREADY_IN_USE
        (told,) = caplog.messages
        assert told == (
            f"listen: cannot listen on unix:{path}: a server listens there already; stop it, or choose another path"
        )
        second.stop()
        client = connect(server, f"unix:{path}")
        assert named(log, "handshake_failed") == [], "asking does not disturb it"
        client.close()

    @pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
    def test_a_living_socket_of_another_kind_is_left_alone(self, path: Path, kind: int) -> None:
        with socket.socket(socket.AF_UNIX, kind) as other:
            other.bind(os.fsencode(path))
            assert new_server(path).listen() == Error.ERR_ALREADY_IN_USE
            assert path.exists()

    @pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
    def test_what_is_no_socket_is_left_alone(self, path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
        if kind == "file":
            path.write_text("of the player")
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to("nowhere")
        assert new_server(path).listen() == Error.ERR_ALREADY_IN_USE
        assert "there is a file that is no socket; choose another path" in caplog.text
        assert path.is_symlink() or path.exists()
        assert kind != "file" or path.read_text() == "of the player"

    def test_another_servers_is_not_removed(self, path: Path) -> None:
        server = listening(path)
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(os.fsencode(path))
            server.stop()
            assert path.exists()

    def test_one_that_is_gone_is_not_missed(self, path: Path) -> None:
        server = listening(path)
        path.unlink()
        server.stop()
        assert not path.exists()

    def test_of_many_that_start_at_once_one_gets_it(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        unlink = os.unlink
        # Time enough for the others to find a dead socket, too.
        monkeypatch.setattr(os, "unlink", lambda name: (time.sleep(0.002), unlink(name)))  # type: ignore[func-returns-value]
        for _ in range(10):
            leave_stale(path)
            doors = [UnixDoor(f"unix:{path}", UnixSocketSettings()) for _ in range(4)]
            together = threading.Barrier(len(doors))
            opened: list[tuple[UnixDoor, socket.socket]] = []
            refused: list[Error] = []

            def start(door: UnixDoor) -> None:
                together.wait()  # noqa: B023 - they are joined below
                try:
                    opened.append((door, door.open()))  # noqa: B023
                except CannotListen as error:
                    refused.append(error.code)  # noqa: B023

            threads = [threading.Thread(target=start, args=(door,)) for door in doors]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for door, bound in opened:
                door.remove()
                bound.close()
            assert (len(opened), refused) == (1, [Error.ERR_ALREADY_IN_USE] * 3)
            assert not path.exists()

    def test_a_folder_that_somebody_keeps_locked_holds_nobody_up(self, path: Path) -> None:
        import fcntl

        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            leave_stale(path)
            listening(path).stop()
            assert not path.exists()
        finally:
            os.close(descriptor)


class TestWhereNoneCanBe:
    def test_a_folder_that_is_not_there(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        assert new_server(folder / "none/s").listen() == Error.ERR_DOES_NOT_EXIST
        assert f"cannot listen on unix:{folder}/none/s: its folder does not exist; make it first" in caplog.text

    def test_a_folder_that_is_a_file(self, folder: Path) -> None:
        (folder / "file").touch()
        assert new_server(folder / "file/s").listen() == Error.ERR_DOES_NOT_EXIST

    def test_a_folder_that_one_may_not_write_to(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        if not IS_ROOT:
            os.chmod(folder, 0o500)
        with as_nobody():
            assert new_server(folder / "s").listen() == Error.ERR_UNAUTHORIZED
        assert "this user may not make files in that folder; choose another" in caplog.text

    def test_a_dead_socket_of_another_user(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        if not IS_ROOT:
            pytest.skip("takes two users")
        os.chmod(folder, 0o777)
        leave_stale(folder / "s")
        os.chmod(folder / "s", 0o600)
        with as_nobody():
            assert new_server(folder / "s").listen() == Error.ERR_UNAUTHORIZED
        assert "there is a socket of another user's, of a dead server or not; remove it" in caplog.text
        assert (folder / "s").exists()

    def test_a_system_without_unix_sockets(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = new_server(path)
        hub.loop()  # Which has a pair of sockets of that kind.
        monkeypatch.delattr(socket, "AF_UNIX")
        assert server.listen() == Error.ERR_UNAVAILABLE
        assert "this system has no Unix sockets; use an address and a port" in caplog.text
        assert failure(f"unix:{path}")[0].endswith("this system has no Unix sockets; use a ws:// URL")

    @pytest.mark.parametrize(
        "path", ["", "game.sock", "./game.sock", "/", "@", "user://game.sock", "/a\0b", "/a\nb", f"/{'ä' * 54}"]
    )
    def test_a_bad_path_is_refused_on_both_sides(self, path: str, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.ERROR)
        assert new_server(path).listen() == Error.ERR_INVALID_PARAMETER
        client = WebSocketClient()
        assert client.connect_to_url(f"unix:{path}") == Error.ERR_INVALID_PARAMETER
        for line in caplog.messages:
            assert line.isprintable()
            assert line.startswith(("listen: ", "connect_to_url: "))

    def test_the_longest_path_serves(self, folder: Path) -> None:
        path = f"{folder}/{'x' * (107 - len(str(folder)) - 1)}"
        assert len(path) == 107
        server = listening(path)
        connect(server, f"unix:{path}")
        with pytest.raises(ValueError, match="more than 107 bytes; choose a shorter one"):
            checked_path(path + "x")

    def test_leading_slashes_are_one(self, path: Path) -> None:
        server = listening(f"//{path}")
        client = connect(server, f"unix://{path}")
        assert client.get_connected_host() == f"unix:{path}"
        assert path.exists()

    def test_nobody_listens(self, path: Path) -> None:
        reason, client = failure(f"unix:{path}:/chat?token=secret")
        assert reason == (
            f"unix:{path}:/chat?token=…: "
            f"there is no socket at unix:{path}; check that the server is running, and its path"
        )
        assert client._counts["unix_socket_refused"] == 1
        leave_stale(path)
        assert "nobody listens at unix:" in failure(f"unix:{path}")[0]
        path.unlink()
        path.write_text("a file")
        assert "nobody listens at unix:" in failure(f"unix:{path}")[0]

    def test_a_socket_of_another_kind(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind(os.fsencode(path))
            assert f"unix:{path} cannot be reached: Protocol wrong type for socket" in failure(f"unix:{path}")[0]
