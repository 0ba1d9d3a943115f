"""Tests of ws_python.net.inherited: sockets that this process was started with. In the engine: tests/ws_godot."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ws_python import Error, WebSocketServer
from ws_python.net.inherited import is_inherited

from tests.godot_process import ROOT
from tests.ws_python.driving import poll_until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows hands no sockets over")

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
# A program with a server that is started with sockets; says on which port, and serves until its input ends.
PROGRAM = """
import select, sys
from ws_python import WebSocketServer
server = WebSocketServer()
server.bind_address = sys.argv[1]
code = server.listen(0)
print(code, server.get_local_port(), flush=True)
while not select.select([0], [], [], 0.002)[0]:
    server.poll()
server.stop()
"""
# Becomes the program behind it, started with descriptors as systemd starts one: from number 3 on.
AS_SYSTEMD = """
import os, sys
numbers = [os.dup(int(number)) for number in sys.argv[1].split(",")]
copies = [os.dup2(number, 100 + i) for i, number in enumerate(numbers)]
for i, copy in enumerate(copies):
    os.dup2(copy, 3 + i)
os.closerange(3 + len(copies), 256)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(copies)))
os.execvp(sys.argv[2], sys.argv[2:])
"""


@contextlib.contextmanager
def connected(address: object, server: WebSocketServer) -> Iterator[socket.socket]:
    """A raw peer of a server."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as client:
        client.connect(address)  # type: ignore[arg-type]
        client.sendall(REQUEST)
        wait_for_answer(client, server)
        yield client


def wait_for_answer(client: socket.socket, server: WebSocketServer) -> None:
    client.setblocking(False)
    heard = bytearray()

    def answered() -> bool:
        with contextlib.suppress(BlockingIOError):
            heard.extend(client.recv(4096))
        return heard.startswith(b"HTTP/1.1 101 ") and b"\r\n\r\n" in heard

    poll_until(answered, server)


@pytest.fixture(params=["tcp", "unix"])
def inherited(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A listening socket of somebody else's."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as opened:
        if request.param == "tcp":
            yield opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        else:
            listening = opened.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(str(Path(folder) / "socket"))
            listening.listen()
            yield listening


def server_on(listening: socket.socket) -> WebSocketServer:
    server = WebSocketServer()
    server.bind_address = f"fd:{listening.fileno()}"
    return server


@pytest.mark.parametrize("address", ["systemd", "fd:0", "fd:3", "fd:12345"])
def test_what_names_a_socket(address: str) -> None:
    assert is_inherited(address)


@pytest.mark.parametrize(
    "address", ["fd:", "fd:-1", "fd:03", "fd:x", "fd:3 ", "fd:\u0663", "fd:9999999999", "systemd:1", "", "*"]
)
def test_what_names_none(address: str) -> None:
    assert not is_inherited(address)
    if address != "*":
        server = WebSocketServer()
        server.bind_address = address
        assert server.listen(0) == Error.ERR_INVALID_PARAMETER


def test_an_inherited_socket_takes_connections(inherited: socket.socket, network: None) -> None:
    server = server_on(inherited)
    assert server.listen() == 0
    name = inherited.getsockname()
    assert server.get_local_port() == (name[1] if isinstance(name, tuple) else 0)
    with connected(name, server):
        poll_until(lambda: server.get_peer_count() == 1, server)
    server.stop()


def test_stop_leaves_it_open_for_the_next_listen(inherited: socket.socket, network: None) -> None:
    server = server_on(inherited)
    assert server.listen() == 0
    server.stop()
    os.fstat(inherited.fileno())
    # Who comes meanwhile waits, as before the start of the program.
    with socket.socket(inherited.family) as client:
        client.connect(inherited.getsockname())
        client.sendall(REQUEST)
        assert server.listen() == 0
        wait_for_answer(client, server)
    server.stop()


def test_one_that_does_not_listen_yet() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = server_on(bound)
        assert server.listen() == 0
        with connected(bound.getsockname(), server):
            pass
        server.stop()


def test_programs_that_are_started_do_not_inherit_it(inherited: socket.socket) -> None:
    inherited.set_inheritable(True)
    server = server_on(inherited)
    assert server.listen() == 0
    said = subprocess.run(
        ("ls", "-l", "/proc/self/fd"), close_fds=False, capture_output=True, text=True, check=True
    ).stdout
    assert "/dev/null" in said or "pipe:" in said, "it is a list"
    assert f"socket:[{os.fstat(inherited.fileno()).st_ino}]" not in said
    server.stop()


def refused(address: str, caplog: pytest.LogCaptureFixture) -> tuple[Error, str]:
    """The error of listen() and the one line that it logs."""
    server = WebSocketServer()
    server.bind_address = address
    caplog.clear()
    before = len(os.listdir("/proc/self/fd"))
    error = server.listen(0)
    assert len(os.listdir("/proc/self/fd")) == before
    (line,) = caplog.messages
    assert line.startswith(f"listen: cannot listen on {address}: ")
    assert "\n" not in line
    assert not server.is_listening()
    return error, line


def test_what_is_no_socket_to_listen_on(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    error, line = refused("fd:999999", caplog)
    assert (error, "is not open" in line) == (Error.ERR_INVALID_PARAMETER, True)
    with open(tmp_path / "file", "w") as file:
        error, line = refused(f"fd:{file.fileno()}", caplog)
    assert (error, "is no socket" in line) == (Error.ERR_INVALID_PARAMETER, True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        error, line = refused(f"fd:{datagrams.fileno()}", caplog)
    assert (error, "is no stream socket" in line) == (Error.ERR_INVALID_PARAMETER, True)
    for one, other in (socket.socketpair(),):
        with one, other:
            error, line = refused(f"fd:{one.fileno()}", caplog)
    assert (error, "is one connection" in line) == (Error.ERR_INVALID_PARAMETER, True)


def test_two_servers_do_not_share_one(inherited: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    first = server_on(inherited)
    assert first.listen() == 0
    error, line = refused(f"fd:{inherited.fileno()}", caplog)
    assert (error, "another server" in line) == (Error.ERR_ALREADY_IN_USE, True)
    first.stop()
    second = server_on(inherited)
    assert second.listen() == 0
    second.stop()


@pytest.mark.parametrize(
    ("count", "pid"),
    [(None, None), ("1", None), ("1", "1"), ("0", "own"), ("x", "own"), ("-1", "own"), ("99999", "own"), (None, "own")],
)
def test_not_started_by_systemd(
    count: str | None, pid: str | None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("LISTEN_FDS", count), ("LISTEN_PID", str(os.getpid()) if pid == "own" else pid)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    error, line = refused("systemd", caplog)
    assert error == Error.ERR_UNAVAILABLE
    assert "LISTEN_FDS" in line


@contextlib.contextmanager
def program(*command: str, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), **options.pop("env", {})}  # type: ignore[dict-item]
    child = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload]
    try:
        yield child
        child.stdin.close()
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def as_systemd(numbers: Sequence[int]) -> tuple[str, ...]:
    """What stands in front of a command to start it with these descriptors."""
    return (sys.executable, "-c", AS_SYSTEMD, ",".join(map(str, numbers)))


def heard_by(client: socket.socket) -> bytes:
    client.settimeout(30)
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += client.recv(4096)
    return heard


def test_all_sockets_of_a_unit(tmp_path: Path) -> None:
    with contextlib.ExitStack() as opened:
        one, two = (opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2))
        with socket.socket(socket.AF_UNIX) as third:
            third.bind(str(tmp_path / "socket"))
            third.listen()
            all_three = [one.fileno(), two.fileno(), third.fileno()]
            command = (*as_systemd(all_three), sys.executable, "-c", PROGRAM, "systemd")
            with program(*command, pass_fds=all_three) as child:
                assert child.stdout.readline().split() == [b"0", str(one.getsockname()[1]).encode()]  # type: ignore[union-attr]
                for listening in (one, two, third):
                    with socket.socket(listening.family) as client:
                        client.connect(listening.getsockname())
                        client.sendall(REQUEST)
                        assert heard_by(client).startswith(b"HTTP/1.1 101 ")


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="this machine has no systemd")
def test_started_by_systemds_own_tool(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    tool = ("systemd-socket-activate", "-E", "PYTHONPATH", "-l", path)
    with program(*tool, sys.executable, "-c", PROGRAM, "systemd", stderr=subprocess.DEVNULL) as child:
        with socket.socket(socket.AF_UNIX) as client:

            def connects() -> bool:
                # The first connection starts the program, and waits for it.
                return client.connect_ex(path) == 0

            poll_until(connects, deadline=30)
            client.sendall(REQUEST)
            assert heard_by(client).startswith(b"HTTP/1.1 101 ")
        assert child.stdout.readline().split() == [b"0", b"0"]  # type: ignore[union-attr]


def test_one_that_somebody_else_shuts_down(
    inherited: socket.socket, network: None, caplog: pytest.LogCaptureFixture
) -> None:
    server = server_on(inherited)
    assert server.listen() == 0
    with connected(inherited.getsockname(), server):
        inherited.shutdown(socket.SHUT_RDWR)
        poll_until(lambda: server._counts["failed_to_accept"] == 1, server)
        for _ in range(50):
            server.poll()
        assert server.get_peer_count() == 1
    (line,) = caplog.messages
    assert line.startswith("no more connections on port ")
    server.stop()


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("said", [b"PROXY TCP4 192.0.2.7 127.0.0.1 5000 80\r\n", b""])
def test_a_proxy_behind_a_unix_socket(inherited: socket.socket, network: None, trusted: bool, said: bytes) -> None:
    """The entry "unix:" in trusted_proxies; who comes by TCP is not meant by it."""
    server = server_on(inherited)
    server.trusted_proxies = ["unix:"] if trusted else ["127.0.0.2"]
    hosts: list[str] = []

    def note(peer_id: int) -> None:
        peer = server.get_peer(peer_id)
        assert peer is not None
        hosts.append(peer.get_connected_host())

    server.client_connected.connect(note)
    assert server.listen() == 0
    is_believed = trusted and inherited.family == socket.AF_UNIX
    request = said + REQUEST.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 198.51.100.9\r\n\r\n")
    with socket.socket(inherited.family) as client:
        client.connect(inherited.getsockname())
        client.sendall(request)
        if said and not is_believed:
            failed: list[str] = []
            server.handshake_failed.connect(failed.append)
            poll_until(lambda: bool(failed), server)
        else:
            wait_for_answer(client, server)
            poll_until(lambda: bool(hosts), server)
            told = "192.0.2.7" if said else "198.51.100.9"
            own = "127.0.0.1" if inherited.family == socket.AF_INET else ""
            assert hosts == [told if is_believed else own]
    server.stop()
