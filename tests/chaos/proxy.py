"""A proxy between nodes that does to their bytes what it is told: delays, splits, cuts, stalls, garbage, silence.

It has a door for each client, so that each has a fate of its own. What happens is a Mishap, which is armed for a
direction of the door's connection, the one that is open or the next one, and comes after so many further bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

# Directions: from the client to the server, and back.
UP, DOWN = "up", "down"
_CHUNK = 65536
_HEAD_END = b"\r\n\r\n"
_Result = TypeVar("_Result")


class Frames:
    """Where the frames of one direction end, behind the HTTP head (RFC 6455 section 5.2)."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._is_http = True
        self._payload_left = 0

    @property
    def at_end(self) -> bool:
        """Whether all that was fed ends with a whole frame, or with the HTTP head."""
        return not (self._is_http or self._header or self._payload_left)

    @property
    def step(self) -> int:
        """How many bytes may be fed until it is worth asking again."""
        return self._payload_left or 1

    def feed(self, data: bytes | memoryview) -> None:
        """Take in what goes by."""
        data = bytes(data)
        while data:
            if self._is_http:
                data = self._feed_http(data)
            elif self._payload_left:
                taken = min(self._payload_left, len(data))
                self._payload_left -= taken
                data = data[taken:]
            else:
                self._header.append(data[0])
                data = data[1:]
                self._end_header()

    def _feed_http(self, data: bytes) -> bytes:
        self._header += data
        end = self._header.find(_HEAD_END)
        if end < 0:
            del self._header[:-3]
            return b""
        rest = bytes(self._header[end + len(_HEAD_END) :])
        self._header.clear()
        self._is_http = False
        return rest

    def _end_header(self) -> None:
        header = self._header
        if len(header) < 2:
            return
        length = header[1] & 0x7F
        extended = {126: 2, 127: 8}.get(length, 0)
        if len(header) < 2 + extended + (4 if header[1] & 0x80 else 0):
            return
        self._payload_left = int.from_bytes(header[2 : 2 + extended], "big") if extended else length
        header.clear()


class Way:
    """One direction of a connection."""

    def __init__(self, link: Link, source: socket.socket, sink: socket.socket) -> None:
        self.link = link
        self.frames = Frames()
        # For mishaps to change.
        self.is_silent = False
        self.held_until = 0.0
        self.latency = (0.0, 0.0, 0.0)
        self.split_left = 0
        self.inserted = b""
        self._source, self._sink = source, sink
        self._passed = 0
        self._due: list[tuple[int, Mishap]] = []

    def arm(self, mishap: Mishap, after: int) -> None:
        """Have it happen when so many further bytes have passed."""
        if after == 0 and not isinstance(mishap, Garbage):
            mishap.happen(self)
            return
        self._due.append((self._passed + after, mishap))
        self._due.sort(key=lambda due: due[0])

    def calm(self) -> None:
        """Nothing happens any more, but silence goes on: what is lost is lost."""
        self._due.clear()
        self.held_until = 0.0
        self.latency = (0.0, 0.0, 0.0)
        self.split_left = 0

    async def carry(self) -> None:
        """Pass on what comes until its end."""
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self._source, _CHUNK):
            rest = memoryview(data)
            while rest:
                self._happen()
                piece = rest[: self._piece(len(rest))]
                rest = rest[len(piece) :]
                await self._pass_on(bytes(piece))
            self._happen()
        if not self.is_silent:
            with contextlib.suppress(OSError):
                self._sink.shutdown(socket.SHUT_WR)

    def half_close(self) -> None:
        """The one who receives sees the end; what still comes for it is gone."""
        self.is_silent = True
        with contextlib.suppress(OSError):
            self._sink.shutdown(socket.SHUT_WR)

    def _happen(self) -> None:
        while self._due and self._due[0][0] <= self._passed:
            _, mishap = self._due[0]
            if isinstance(mishap, Garbage) and not self.frames.at_end:
                return
            del self._due[0]
            mishap.happen(self)

    def _piece(self, available: int) -> int:
        size = min(available, 1) if self.split_left else available
        if self._due:
            left = self._due[0][0] - self._passed
            # What waits for the end of a frame goes on step by step.
            size = min(size, left if left > 0 else self.frames.step)
        return size

    async def _pass_on(self, piece: bytes) -> None:
        loop = asyncio.get_running_loop()
        while (wait := self.held_until - loop.time()) > 0:
            await asyncio.sleep(min(wait, 0.05))
        least, most, until = self.latency
        if loop.time() < until:
            await asyncio.sleep(random.uniform(least, most))
        self._passed += len(piece)
        self.split_left = max(0, self.split_left - len(piece))
        self.frames.feed(piece)
        inserted, self.inserted = self.inserted, b""
        if not self.is_silent:
            await loop.sock_sendall(self._sink, inserted + piece)


class Link:
    """A connection of a client, and the one to the server that belongs to it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets = (client, server)
        self.ways = {UP: Way(self, client, server), DOWN: Way(self, server, client)}
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Pass on what both say until both have ended, or one of them without a word."""
        self._tasks = [asyncio.create_task(way.carry()) for way in self.ways.values()]
        try:
            await asyncio.gather(*self._tasks)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self.cut("close")

    def cut(self, how: str) -> None:
        """End both connections: "reset" (RST) or "close" (FIN)."""
        for sock in self._sockets:
            if how == "reset" and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for task in self._tasks:
            task.cancel()
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            if sock.fileno() >= 0:
                loop.remove_reader(sock)
                loop.remove_writer(sock)
                sock.close()


class Door:
    """Where one client comes in. Its methods are called in the thread of the proxy."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._listening = socket.create_server((proxy.host, 0))
        self._listening.setblocking(False)
        self.port = int(self._listening.getsockname()[1])
        self.links: list[Link] = []
        # While time is before these, who comes is thrown out, or waits.
        self.refuses_until = 0.0
        self.mute_until = 0.0
        self._for_next: list[tuple[str, Mishap, int]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def arm(self, way: str, mishap: Mishap, after: int, *, on_next: bool = False) -> None:
        """Have it happen to the connection that is open, if there is one, or else to the next one."""
        if self.links and not on_next:
            self.links[-1].ways[way].arm(mishap, after)
        else:
            self._for_next.append((way, mishap, after))

    def cut(self, how: str) -> None:
        """End all connections."""
        for link in list(self.links):
            link.cut(how)

    def calm(self) -> None:
        """Nothing happens any more."""
        self.refuses_until = self.mute_until = 0.0
        self._for_next.clear()
        for link in self.links:
            for way in link.ways.values():
                way.calm()

    async def serve(self) -> None:
        """Take in who comes, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self._listening)
            task = asyncio.create_task(self._take_in(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take_in(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < self.mute_until:
            await asyncio.sleep(0.02)
        server = socket.socket()
        server.setblocking(False)
        try:
            if loop.time() < self.refuses_until or not self._proxy.target:
                raise ConnectionRefusedError
            await loop.sock_connect(server, ("127.0.0.1", self._proxy.target))
        except OSError:
            server.close()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            return
        link = Link(client, server)
        self.links.append(link)
        for way, mishap, after in self._for_next:
            link.ways[way].arm(mishap, after)
        self._for_next.clear()
        try:
            await link.run()
        finally:
            self.links.remove(link)

    async def close(self) -> None:
        """End it with all that came in."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listening.close()


class Proxy:
    """All doors, in a thread of their own."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        # The port of the server; 0 while there is none.
        self.target = 0
        self.doors: list[Door] = []
        self._serving: list[asyncio.Task[None]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.set_doors(0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set_doors(self, count: int) -> list[int]:
        """End all that is there, and make so many new doors; their ports."""
        return self._wait_for(self._set_doors(count))

    def call(self, function: Callable[[], _Result]) -> _Result:
        """Call it in the thread of the proxy, and wait for that."""

        async def called() -> _Result:
            return function()

        return self._wait_for(called())

    def now(self) -> float:
        """The time that doors and ways go by."""
        return self._loop.time()

    def calm(self) -> None:
        """Nothing happens any more to what is open, nor to what comes."""

        def calm() -> None:
            for door in self.doors:
                door.calm()

        self.call(calm)

    def _wait_for(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _set_doors(self, count: int) -> list[int]:
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        for door in self.doors:
            await door.close()
        self.doors = [Door(self) for _ in range(count)]
        self._serving = [asyncio.create_task(door.serve()) for door in self.doors]
        return [door.port for door in self.doors]


# --- what happens to bytes


class Mishap:
    """Happens to a direction of a connection."""

    def happen(self, way: Way) -> None:
        """Called between two bytes, in the thread of the proxy."""
        raise NotImplementedError


@dataclass(frozen=True)
class Cut(Mishap):
    """The connection ends for both: "reset", "close"; or "half": for the one who receives here."""

    how: str

    def happen(self, way: Way) -> None:
        """See Mishap."""
        if self.how == "half":
            way.half_close()
        else:
            way.link.cut(self.how)


@dataclass(frozen=True)
class Stall(Mishap):
    """Nothing goes through for so many seconds."""

    seconds: float

    def happen(self, way: Way) -> None:
        """See Mishap."""
        way.held_until = asyncio.get_running_loop().time() + self.seconds


@dataclass(frozen=True)
class Delay(Mishap):
    """For so many seconds, all that comes waits between `least` and `most` seconds."""

    least: float
    most: float
    seconds: float

    def happen(self, way: Way) -> None:
        """See Mishap."""
        way.latency = (self.least, self.most, asyncio.get_running_loop().time() + self.seconds)


@dataclass(frozen=True)
class Split(Mishap):
    """So many bytes go one by one."""

    count: int

    def happen(self, way: Way) -> None:
        """See Mishap."""
        way.split_left = self.count


@dataclass(frozen=True)
class Garbage(Mishap):
    """Between two frames there are bytes that are none: within one they would be a message, if not the one sent."""

    seed: int
    count: int

    def happen(self, way: Way) -> None:
        """See Mishap."""
        # Reserved bits and a reserved opcode: wherever it stands, that is a protocol error (RFC 6455 section 5.2).
        way.inserted = b"\xff\xff" + random.Random(self.seed).randbytes(self.count)


@dataclass(frozen=True)
class Silence(Mishap):
    """What is sent never comes, in this direction or in both, and nobody is told."""

    both: bool

    def happen(self, way: Way) -> None:
        """See Mishap."""
        for each in way.link.ways.values() if self.both else (way,):
            each.is_silent = True
