"""A link of either kind, connected over loopback with a socket that a test has."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable

import trustme
from typing_extensions import Buffer
from websockets.frames import Frame, Opcode
from ws_python.connection.inbox import Inbox, Sink
from ws_python.connection.intake import Intake
from ws_python.connection.meter import Meter
from ws_python.connection.outbox import Outbox
from ws_python.loop.hub import hub
from ws_python.net.asyncio_link import AsyncioLink, address_of
from ws_python.net.link import Link, Receiver
from ws_python.net.plain_tcp import PlainLink
from ws_python.net.simulated_link import SimulatedLink
from ws_python.net.simulation import WebSocketSimulation
from ws_python.net.tls_link import TlsLink
from ws_python.protocol.codec import Codec

AUTHORITY = trustme.CA()


def shakes_hands(there: ssl.SSLSocket) -> bool:
    """Whether the handshake is done."""
    try:
        there.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


class Ear(Receiver):
    """Notes what a link gives that reads elsewhere."""

    def __init__(self) -> None:
        self.received = b""
        self.ends = 0

    def receive(self, data: Buffer) -> None:
        self.received += data

    def ended(self) -> None:
        self.ends += 1

    def writable(self) -> None:
        pass


class FrameEar(Sink):
    """Notes the payload of frames: what reads from the system itself needs a compiled receiver, such as an Intake."""

    def __init__(self, link: Link) -> None:
        self._received = b""
        self.ends = 0
        self._inbox = Inbox(self, lambda: None)
        meter = Meter()
        self.intake = Intake(self, self._inbox.waiting, Outbox(self, meter, 1000), meter, 1_000_000)
        self.intake.codec, self.intake.link = Codec(server=False), link

    @property
    def received(self) -> bytes:
        self._inbox.deliver(float("inf"))
        return self._received

    def message(self, source: Intake, message: str | bytes) -> None:
        assert isinstance(message, bytes)
        self._received += message

    def input_ended(self) -> None:
        self.ends += 1

    def input_changed(self) -> None:
        pass


class Pair:
    """`link` on one side, the socket `there` on the other."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.there = socket.create_connection(listening.getsockname())
            here, address = listening.accept()
        self.there.settimeout(10)
        here.setblocking(False)
        hub.loop()
        self.ear: Ear | FrameEar = Ear()
        self.receiver: Receiver = self.ear
        self.simulation = WebSocketSimulation()
        if "asyncio" not in kind:
            assert hub.epoll is not None
            self.link: Link = PlainLink(here, hub.epoll)
            self.link.host, self.link.port = address_of(address)
            self.made(self.link)
        else:
            self.link = AsyncioLink(self.made)
            below = self.link
            task = hub.start_task(hub.loop().connect_accepted_socket(lambda: below, here))
            self.turn_until(task.done)
        if kind.startswith("tls"):
            self.shake_hands()

    def made(self, link: Link) -> None:
        """The link is there: above it, there are a simulation, TLS, and somebody who receives."""
        if "simulated" in self.kind:
            link = SimulatedLink(link)
            link.for_all = self.simulation
        if self.kind.startswith("tls"):
            AUTHORITY.issue_cert("localhost").configure_cert(server := ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
            link = TlsLink(link, server, lambda error: (str(error), False), server=True)
        self.link = link
        if self.kind != "by_asyncio":
            self.ear = FrameEar(link)
            self.receiver = self.ear.intake
        link.receiver = self.receiver

    def shake_hands(self) -> None:
        AUTHORITY.configure_trust(client := ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        there = client.wrap_socket(self.there, server_hostname="localhost", do_handshake_on_connect=False)
        there.setblocking(False)
        self.turn_until(lambda: shakes_hands(there))
        self.link.write(b"")  # It takes nothing before its own side of the handshake is done.
        self.turn_until(lambda: not self.link.is_blocked)
        there.settimeout(10)
        self.there = there

    def send(self, data: bytes) -> None:
        """Have the link receive it."""
        self.there.sendall(data if self.kind == "by_asyncio" else Frame(Opcode.BINARY, data).serialize(mask=False))

    def read(self, size: int) -> bytes:
        """What the other side reads, while the link is turned; nothing at the end."""
        end = time.monotonic() + 10
        self.there.settimeout(0.005)
        try:
            while time.monotonic() < end:
                with contextlib.suppress(TimeoutError):
                    return self.there.recv(size)
                hub.turn(0.0, 1.0)
            raise TimeoutError
        finally:
            self.there.settimeout(10)

    def turn(self, count: int) -> None:
        for _ in range(count):
            hub.turn(0.0, 1.0)

    def turn_until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end, "the condition did not come true in time"
            hub.turn(0.01, 1.0)

    def close(self) -> None:
        self.link.drop()
        self.there.close()
