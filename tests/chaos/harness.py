"""Hostile peers: raw sockets that say what they are told, the games that they attack, and what that costs a game."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect
from websockets.utils import accept_key, apply_mask

from tests.godot_process import ROOT, GodotProcess
from tests.ws_python.driving import DEADLINE, Polled, poll_until

# Beyond what a helper promises, a machine that is busy with other things may take this long.
PATIENCE = 30.0
# What a poll may take by default, in s. It ends what it holds in its hands, and processors differ: SLACK is for both.
MAX_POLL_TIME = 0.005
SLACK = 10
# `make chaos` raises it: how much larger crowds are than in `make test`.
SCALE = int(os.environ.get("CHAOS_SCALE", "1"))

MIB = 1024 * 1024
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
_HEAD_END = b"\r\n\r\n"


# --- what is said on the wire


def request(*headers: str, target: str = "/") -> bytes:
    """An opening handshake that a server has to accept."""
    lines = [
        f"GET {target} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def frame(opcode: Opcode, payload: bytes = b"", *, fin: bool = True, compressed: bool = False) -> bytes:
    """A frame of a client; `compressed` says that the payload begins a compressed message (RFC 7692 section 6)."""
    first, *_ = serialized = Frame(opcode, payload, fin).serialize(mask=True)
    return bytes([first | 0x40]) + serialized[1:] if compressed else serialized


def reset(sock: socket.socket) -> None:
    """End a connection without a word: the other side gets an RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def send_some(sock: socket.socket, data: memoryview | bytes) -> int:
    """How much of the data the system took without waiting."""
    try:
        return sock.send(data)
    except BlockingIOError:
        return 0


class Crowd:
    """Many raw peers of one server. They have asked for their handshake; wait_until_open() sees it answered."""

    def __init__(
        self, port: int, count: int, *headers: str, receive_buffer: int = 0, says: bytes | None = None
    ) -> None:
        self.sockets: list[socket.socket] = []
        self._unanswered: set[socket.socket] = set()
        self._port = port
        self._receive_buffer = receive_buffer
        self._first_words = request(*headers) if says is None else says
        self.join(count)

    def join(self, count: int) -> None:
        """More come; of those that nobody has accepted yet, the system holds some thousand."""
        for _ in range(count):
            sock = socket.socket()
            self.sockets.append(sock)
            self._unanswered.add(sock)
            if self._receive_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(("127.0.0.1", self._port))
            sock.sendall(self._first_words)
            sock.setblocking(False)

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_until_open(self, *nodes: Polled) -> Crowd:
        """Poll the nodes, where the server is in this process, until all are answered with 101."""
        unanswered = self._unanswered
        heads = dict.fromkeys(unanswered, b"")

        def all_answered() -> bool:
            for sock in list(unanswered):
                with contextlib.suppress(BlockingIOError):
                    data = sock.recv(4096)
                    assert data, f"closed in the handshake, after {heads[sock]!r}"
                    heads[sock] += data
                if _HEAD_END in heads[sock]:
                    assert heads[sock].startswith(b"HTTP/1.1 101 "), heads[sock]
                    unanswered.remove(sock)
            return not unanswered

        poll_until(all_answered, *nodes, deadline=PATIENCE)
        return self

    def send(self, data: bytes, *nodes: Polled) -> None:
        """Send all of the data on each connection, polling the nodes as often as the system has no room."""
        rest = dict.fromkeys(self.sockets, memoryview(data))

        def all_sent() -> bool:
            for sock, left in list(rest.items()):
                left = left[send_some(sock, left) :]
                if left:
                    rest[sock] = left
                else:
                    del rest[sock]
            return not rest

        poll_until(all_sent, *nodes, deadline=PATIENCE)

    def close(self) -> None:
        """All leave, at once."""
        for sock in self.sockets:
            sock.close()
        self.sockets.clear()
        self._unanswered.clear()


def _next_frame(said: bytes | bytearray, begin: int) -> tuple[int, bytes, int, int] | None:
    """Opcode, mask, where its payload begins and ends, of the frame that begins there; None unless it is whole."""
    if len(said) < begin + 2:
        return None
    length, at = said[begin + 1] & 0x7F, begin + 2
    if length >= 126:
        size = 2 if length == 126 else 8
        length, at = int.from_bytes(said[at : at + size], "big"), at + size
    mask = bytes(said[at : at + 4]) if said[begin + 1] & 0x80 else b""
    at += len(mask)
    return (said[begin] & 0x0F, mask, at, at + length) if len(said) >= at + length else None


def frames_in(said: bytes | bytearray) -> list[tuple[int, bytes]]:
    """The opcodes and payloads of the whole frames, masked or not, that these bytes hold."""
    found: list[tuple[int, bytes]] = []
    begin = 0
    while whole := _next_frame(said, begin):
        opcode, mask, at, begin = whole
        payload = bytes(said[at:begin])
        found.append((opcode, apply_mask(payload, mask) if mask else payload))
    return found


def read_to_end(sock: socket.socket, *nodes: Polled) -> bytes:
    """All that the other side says until its close frame, the end or a reset."""
    said = bytearray()
    begin = 0
    sock.setblocking(False)

    def at_end() -> bool:
        nonlocal begin
        try:
            while data := sock.recv(MIB):
                said.extend(data)
        except BlockingIOError:
            while whole := _next_frame(said, begin):
                opcode, _mask, _at, begin = whole
                if opcode == Opcode.CLOSE:
                    return True
            return False
        except ConnectionResetError:
            pass
        return True

    poll_until(at_end, *nodes)
    return bytes(said)


def close_code(said: bytes) -> int:
    """The code of the close frame that ends what was said; 1006 where it ends without one."""
    frames = frames_in(said)
    return int.from_bytes(frames[-1][1][:2], "big") if frames and frames[-1][0] == Opcode.CLOSE else 1006


class RawServer:
    """A server of one connection that answers the handshake and then says what it is told."""

    def __init__(self, *, receive_buffer: int = 0) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        if receive_buffer:
            self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.url = f"ws://127.0.0.1:{self._listening.getsockname()[1]}/"
        self.socket = self._listening

    def __enter__(self) -> RawServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self._listening.close()

    def accept(self, *nodes: Polled) -> None:
        """Answer the next client; nodes in this process are polled meanwhile."""
        self._listening.setblocking(False)
        heard = bytearray()

        def asked() -> bool:
            with contextlib.suppress(BlockingIOError):
                if self.socket is self._listening:
                    self.socket, _ = self._listening.accept()
                    self.socket.setblocking(False)
                heard.extend(self.socket.recv(4096))
            return _HEAD_END in heard

        poll_until(asked, *nodes, deadline=PATIENCE)
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", heard)
        assert key
        self.socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(key[1].decode()).encode() + _HEAD_END
        )


# --- what it costs


class Timed:
    """Polls a node, and keeps the processor time of its longest poll, in s: a busy machine adds nothing to it."""

    def __init__(self, node: Polled) -> None:
        self._node = node
        self.longest = 0.0

    def poll(self) -> None:
        start = time.thread_time()
        self._node.poll()
        self.longest = max(self.longest, time.thread_time() - start)

    def assert_bounded(self, max_poll_time: float = MAX_POLL_TIME) -> None:
        """Fail if a poll took much longer than it may."""
        taken, limit = self.longest, SLACK * max_poll_time
        assert taken <= limit, f"a poll took {taken * 1000:.0f} ms of a processor, more than {limit * 1000:.0f} ms"


def memory(pid: int, what: str = "VmRSS") -> float:
    """What a process holds now (VmRSS) or held at most (VmHWM), in MiB."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith(what + ":"):
                return int(line.split()[1]) / 1024
    raise AssertionError(f"process {pid} has no {what}")


def processor_time(pid: int) -> float:
    """What a process has used of all processors so far, in s."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_sockets(pid: int) -> int:
    """How many sockets a process holds."""
    count = 0
    for entry in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            count += os.readlink(f"/proc/{pid}/fd/{entry}").startswith("socket:")
    return count


def wait_until_settled(pid: int, limit: float) -> float:
    """Wait until a process holds no more than limit MiB, and return what it holds then or at the deadline."""
    end = time.monotonic() + DEADLINE
    while (held := memory(pid)) > limit and time.monotonic() < end:
        time.sleep(0.05)
    return held


# --- a game that is attacked


class Game:
    """A headless game with a WebSocketServer (game.gd), and a well-behaved client of it that asks how it does."""

    def __init__(
        self, *, within: Sequence[str] = (), script: str = "tests/chaos/game.gd", **properties: object
    ) -> None:
        """`properties` are set on the server; `echo` makes the game send each message back. `within`: GodotProcess."""
        options = [f"{name}={json.dumps(value)}" for name, value in properties.items()]
        with contextlib.ExitStack() as opened:
            arguments = ["--script", f"res://{script}", "--", *options]
            self.process = opened.enter_context(GodotProcess(arguments, within=within))
            self.port = int(self.process.wait_for(r"^port (\d+)$", PATIENCE)[1])
            self.witness = opened.enter_context(self.connect())
            self._opened = opened.pop_all()
        # Of all reports since it was last set: processor time, in s.
        self.longest_frame = 0.0

    def __enter__(self) -> Game:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    def connect(self, **options: Any) -> ClientConnection:
        """A well-behaved client, which also answers pings."""
        url = f"ws://127.0.0.1:{self.port}"
        connection: ClientConnection = connect(url, open_timeout=PATIENCE, ping_interval=None, **options)
        return connection

    def ask(self, command: str, *arguments: object) -> Any:
        """Have the game do something, as game.gd lists it, and return what it answers."""
        self.witness.send(" ".join(["!" + command, *map(str, arguments)]))
        while True:
            answer = self.witness.recv(PATIENCE)
            if isinstance(answer, str) and answer.startswith("!"):
                return json.loads(answer[1:])

    def report(self) -> dict[str, Any]:
        """What game.gd has counted."""
        report: dict[str, Any] = self.ask("report")
        self.longest_frame = max(self.longest_frame, report["longest_frame"])
        return report

    def wait_for(self, name: str, value: object) -> dict[str, Any]:
        """Wait until a value of the game's report is this one, as long as it changes from time to time."""
        seen, end = None, 0.0
        while (report := self.report())[name] != value:
            if report[name] != seen:
                seen, end = report[name], time.monotonic() + PATIENCE
            assert time.monotonic() < end, f"{name} is {report[name]}, not {value}, in {report}"
            time.sleep(0.02)
        return report

    def assert_bounded(self) -> None:
        """Fail if a frame, since the report before, took much more of a processor than a poll may."""
        self.report()
        taken, limit = self.longest_frame, SLACK * MAX_POLL_TIME
        assert taken <= limit, f"a frame took {taken * 1000:.0f} ms of a processor, more than {limit * 1000:.0f} ms"

    def memory(self) -> float:
        """What it holds now, in MiB."""
        return memory(self.pid)

    def peak(self) -> float:
        """The most that it ever held, in MiB."""
        return memory(self.pid, "VmHWM")

    def errors(self) -> list[str]:
        """The lines of its log that tell an error or a warning, or belong to a traceback."""
        return [line for line in self.process.log.splitlines() if re.search(r"ERROR|WARNING|Traceback|^\s+File ", line)]


@contextlib.contextmanager
def program(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Another process, waited for until it has printed the line "ready", which is ended, also where it is stopped."""
    child = subprocess.Popen([*command], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        assert child.stdout.readline().strip() == "ready"
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def python(code: str, *arguments: object) -> tuple[str, ...]:
    """The command line of a Python program."""
    return (sys.executable, "-c", code, *map(str, arguments))
