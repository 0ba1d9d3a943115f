"""Behind real reverse proxies, HAProxy and nginx, where this machine has them: whom a peer is told to be."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from ws_python import WebSocketServer

from tests.ws_python.driving import named, poll_until, poll_while, record

# The proxies are 127.0.0.1 to the server; a client is another address of this machine.
PROXY, CLIENT = "127.0.0.1", "127.0.0.5"
PATIENCE = 30.0

HAPROXY = """
defaults
    mode {mode}
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    {option}
frontend front
    bind 127.0.0.1:{port}
    default_backend back
backend back
    server game {upstream} {send}
"""
NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://{upstream};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_set_header Host $http_host;
            {headers}
        }}
    }}
}}
"""
USUAL = """
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto https;
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    # nginx as root works as another user, who may not see pytest's folders.
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        yield Path(path)


@pytest.fixture
def listening(folder: Path) -> Iterator[WebSocketServer]:
    server = WebSocketServer()
    server.bind_address = "127.0.0.1"
    server.trusted_proxies = [PROXY, "unix:"]
    assert server.listen(0) == 0
    yield server
    server.stop()


@contextlib.contextmanager
def started(program: str, config: str, folder: Path, **values: object) -> Iterator[int]:
    """The port of a proxy that has begun to listen."""
    if not shutil.which(program):
        pytest.skip(f"this machine has no {program}")
    with socket.create_server((PROXY, 0)) as free:
        port = free.getsockname()[1]
    path = folder / "config"
    path.write_text(config.format(port=port, folder=folder, **values))
    command = (
        [program, "-f", str(path), "-db"] if program == "haproxy" else [program, "-c", str(path), "-p", str(folder)]
    )
    with open(folder / "log", "w+") as log:
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield wait_until_listening(child, port, folder)
        finally:
            child.terminate()
            child.wait(PATIENCE)


def wait_until_listening(child: subprocess.Popen[bytes], port: int, folder: Path) -> int:
    def listens() -> bool:
        assert child.poll() is None, (folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex((PROXY, port)) == 0

    poll_until(listens, deadline=PATIENCE)
    return port


def through(port: int, **headers: str) -> contextlib.AbstractContextManager[ClientConnection]:
    """A client of the server, through the proxy at that port; both lie on this machine."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return connect(f"ws://127.0.0.1:{port}/", source_address=(CLIENT, 0), additional_headers=names, proxy=None)


def check_peer(server: WebSocketServer, port: int, *, knows_port: bool, **headers: str) -> str:
    """Whom the server takes a client for. The URL that it was asked for."""
    seen: list[tuple[str, int]] = []
    urls: list[str] = []

    def note(peer_id: int) -> None:
        peer = server.get_peer(peer_id)
        assert peer is not None
        seen.append((peer.get_connected_host(), peer.get_connected_port()))
        urls.append(peer.get_requested_url())

    server.client_connected.connect(note)

    def visit() -> int:
        with through(port, **headers) as client:
            own: int = client.local_address[1]
            return own

    own_port = poll_while(visit, server, deadline=PATIENCE)
    poll_until(lambda: bool(seen), server)
    assert seen == [(CLIENT, own_port if knows_port else 0)]
    server.client_connected.disconnect(note)
    return urls[0]


@pytest.mark.parametrize("mode", ["tcp", "http"])
@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl-cn"])
def test_haproxy_with_the_proxy_protocol(listening: WebSocketServer, folder: Path, mode: str, send: str) -> None:
    upstream = f"127.0.0.1:{listening.get_local_port()}"
    with started("haproxy", HAPROXY, folder, mode=mode, option="", upstream=upstream, send=send) as port:
        check_peer(listening, port, knows_port=True)
        check_peer(listening, port, knows_port=True, X_Forwarded_For="192.0.2.66")


def test_haproxy_looks_whether_the_server_is_there(listening: WebSocketServer, folder: Path) -> None:
    """With LOCAL headers, and connections that it closes at once: they fail, as the proxy's own."""
    log = record(listening)
    upstream = f"127.0.0.1:{listening.get_local_port()}"
    send = "send-proxy-v2 check inter 100ms"
    with started("haproxy", HAPROXY, folder, mode="tcp", option="", upstream=upstream, send=send) as port:
        poll_until(lambda: len(named(log, "handshake_failed")) >= 3, listening, deadline=PATIENCE)
        check_peer(listening, port, knows_port=True)
    failures = {reason for (reason,) in named(log, "handshake_failed")}
    assert all(reason.startswith(f"{PROXY}: ") for reason in failures), failures
    assert not any("PROXY header" in reason for reason in failures), failures


def test_haproxy_with_x_forwarded_for(listening: WebSocketServer, folder: Path) -> None:
    upstream = f"127.0.0.1:{listening.get_local_port()}"
    with started(
        "haproxy", HAPROXY, folder, mode="http", option="option forwardfor", upstream=upstream, send=""
    ) as port:
        check_peer(listening, port, knows_port=False)
        check_peer(listening, port, knows_port=False, X_Forwarded_For="192.0.2.66")


def test_nginx_with_the_usual_headers(listening: WebSocketServer, folder: Path) -> None:
    upstream = f"127.0.0.1:{listening.get_local_port()}"
    with started("nginx", NGINX, folder, upstream=upstream, headers=USUAL) as port:
        url = check_peer(listening, port, knows_port=False)
        assert url == f"wss://127.0.0.1:{port}/"
        check_peer(listening, port, knows_port=False, X_Forwarded_For="192.0.2.66", X_Real_IP="192.0.2.66")


def test_nginx_through_a_unix_socket(listening: WebSocketServer, folder: Path) -> None:
    listening.stop()
    with socket.socket(socket.AF_UNIX) as inherited:
        path = folder / "game.sock"
        inherited.bind(str(path))
        path.chmod(0o666)
        listening.bind_address = f"fd:{inherited.fileno()}"
        assert listening.listen() == 0
        with started("nginx", NGINX, folder, upstream=f"unix:{path}:", headers=USUAL) as port:
            check_peer(listening, port, knows_port=False, X_Forwarded_For="192.0.2.66")


def test_what_nginx_does_not_remove_is_not_believed(listening: WebSocketServer, folder: Path) -> None:
    """It sets one header, and passes on what the client says in another one."""
    log = record(listening)
    upstream = f"127.0.0.1:{listening.get_local_port()}"
    headers = "proxy_set_header X-Real-IP $remote_addr;"
    with started("nginx", NGINX, folder, upstream=upstream, headers=headers) as port:
        check_peer(listening, port, knows_port=False)
        for name in ("X_Forwarded_For", "Forwarded"):
            value = "for=192.0.2.66" if name == "Forwarded" else "192.0.2.66"

            def try_it(name: str = name, value: str = value) -> None:
                with pytest.raises(InvalidStatus) as refused, through(port, **{name: value}):
                    pass
                assert refused.value.response.status_code == 400

            poll_while(try_it, listening, deadline=PATIENCE)
    poll_until(lambda: len(named(log, "handshake_failed")) == 2, listening)
    assert all("contradict" in reason for (reason,) in named(log, "handshake_failed"))
