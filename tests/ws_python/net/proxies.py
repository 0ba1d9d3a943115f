"""Proxies on loopback, each connection on a thread of its own: HTTP CONNECT, SOCKS5, and ones that misbehave."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import select
import socket
import struct
import threading
from collections.abc import Callable

# Seconds: not everywhere is a thread that waits for sockets woken when another one closes them.
LOOK_AGAIN = 0.1


class Proxy:
    """Listens until it is closed; `serve` is called with each connection, on a thread."""

    def __init__(self, *, credentials: tuple[str, str] | None = None, host: str = "127.0.0.1") -> None:
        self.credentials = credentials
        #: Where names lead: others than these are resolved as usual.
        self.hosts: dict[str, str] = {}
        #: The hosts and ports that it was asked for, as they came.
        self.asked: list[tuple[str, int]] = []
        #: Bytes that went through it, in both directions.
        self.relayed = 0
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listening = socket.create_server((host, 0), family=self._family)
        self._listening.settimeout(LOOK_AGAIN)
        self._is_closed = False
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed = True
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listening.close()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                client, _ = self._listening.accept()
            except TimeoutError:
                continue
            client.setblocking(True)
            self._open.add(client)
            thread = threading.Thread(target=self._run, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, EOFError):
            self.serve(client)
        self._open.discard(client)

    def serve(self, client: socket.socket) -> None:
        raise NotImplementedError

    def reach(self, host: str, port: int) -> socket.socket:
        self.asked.append((host, port))
        reached = socket.create_connection((self.hosts.get(host, host), port), timeout=10)
        self._open.add(reached)
        return reached

    def relay(self, one: socket.socket, other: socket.socket) -> None:
        with other:
            while not self._is_closed:
                for ready in select.select([one, other], [], [], LOOK_AGAIN)[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    self.relayed += len(data)
                    (other if ready is one else one).sendall(data)


class HTTPProxy(Proxy):
    """CONNECT. `answer` replaces what it says to one that it lets through."""

    answer = b"HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\n\r\n"

    def serve(self, client: socket.socket) -> None:
        head = _read_until(client, b"\r\n\r\n").decode("ascii")
        line, *fields = head.split("\r\n")
        method, target, _ = line.split(" ")
        assert method == "CONNECT", line
        if self.credentials is not None:
            wanted = "Basic " + base64.b64encode(":".join(self.credentials).encode()).decode()
            if f"Proxy-Authorization: {wanted}" not in fields:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
                return
        assert f"Host: {target}" in fields, head
        host, _, port = target.rpartition(":")
        try:
            reached = self.reach(host.strip("[]"), int(port))
        except OSError:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nsorry")
            return
        client.sendall(self.answer)
        self.relay(client, reached)


class SOCKSProxy(Proxy):
    """SOCKS5. `reply` is what it answers in place of connecting, if it is not 0."""

    reply = 0

    def serve(self, client: socket.socket) -> None:
        version, count = _read(client, 2)
        assert version == 5
        methods = _read(client, count)
        wanted = 0 if self.credentials is None else 2
        if wanted not in methods:
            client.sendall(b"\x05\xff")
            return
        client.sendall(bytes([5, wanted]))
        if wanted == 2 and not self._is_let_in(client):
            return
        version, command, _, kind = _read(client, 4)
        assert (version, command) == (5, 1)
        if kind == 3:
            host = _read(client, _read(client, 1)[0]).decode("ascii")
        else:
            host = str(ipaddress.ip_address(_read(client, 4 if kind == 1 else 16)))
        (port,) = struct.unpack("!H", _read(client, 2))
        try:
            if self.reply:
                raise OSError
            reached = self.reach(host, port)
        except OSError:
            client.sendall(bytes([5, self.reply or 5, 0, 1, 0, 0, 0, 0, 0, 0]))
            return
        client.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        self.relay(client, reached)

    def _is_let_in(self, client: socket.socket) -> bool:
        _, size = _read(client, 2)
        user = _read(client, size).decode("ascii")
        password = _read(client, _read(client, 1)[0]).decode("ascii")
        good = (user, password) == self.credentials
        client.sendall(b"\x01\x00" if good else b"\x01\x01")
        return good


class OddProxy(Proxy):
    """Does what it is told with each connection."""

    def __init__(self, serve: Callable[[socket.socket], object]) -> None:
        self._serve = serve
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        self._serve(client)


def _read(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = client.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def _read_until(client: socket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        data += _read(client, 1)
    return data
