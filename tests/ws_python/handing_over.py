"""Processes of a server that hand over to each other, and ends of the line between them that a test plays."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ws_python import Error, WebSocketClient
from ws_python.net import handover as lines
from ws_python.protocol.handover import ASK, MAX_SIZE, Frame, FrameReader, State, pack, unpack_state

from .driving import named, poll_until

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
# Longer than a busy machine makes the other process wait.
SETTINGS: dict[str, Any] = {"session_timeout": 60.0, "handover_timeout": 60.0, "bind_address": "127.0.0.1"}

needs_handover = pytest.mark.skipif(not lines.IS_AVAILABLE, reason="this system hands no sockets over")


class Process:
    """A server in a process of its own: handed_server.py."""

    def __init__(self, settings: dict[str, Any], *, pass_fds: tuple[int, ...] = ()) -> None:
        program = [sys.executable, "-m", "tests.ws_python.handed_server", json.dumps(SETTINGS | settings)]
        path = os.pathsep.join([str(ROOT), str(ROOT / "python")])
        self._process = subprocess.Popen(
            program,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=pass_fds,
        )
        self.log: list[tuple[Any, ...]] = []
        self.errors: list[str] = []
        assert self._process.stdout is not None and self._process.stderr is not None
        told, complained = self._process.stdout, self._process.stderr
        self._threads = [
            threading.Thread(target=lambda: self.log.extend(tuple(json.loads(line)) for line in told)),
            threading.Thread(target=lambda: self.errors.extend(complained)),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def port(self) -> int:
        return int(named(self.log, "listening")[0][1])

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"

    def begun(self, *nodes: Any) -> Process:
        self.until(lambda: named(self.log, "listening") != [], *nodes)
        return self

    def until(self, condition: Callable[[], bool], *nodes: Any) -> None:
        try:
            poll_until(condition, *nodes, deadline=PATIENCE)
        except AssertionError:
            raise AssertionError(f"{self.log}\n{''.join(self.errors)}") from None

    def tell(self, *order: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def ask(self, *order: Any) -> Any:
        before = len(named(self.log, "obeyed"))
        self.tell(*order)
        self.until(lambda: len(named(self.log, "obeyed")) > before)
        return named(self.log, "obeyed")[before][1]

    def quit(self, *nodes: Any) -> None:
        self.tell("quit")
        self.until(lambda: self._process.poll() is not None, *nodes)
        assert self._process.returncode == 0, self.errors

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()  # type: ignore[union-attr]


Start = Callable[..., Process]


def client_of(process: Process, **settings: Any) -> WebSocketClient:
    """A client in a session of that process."""
    client = WebSocketClient()
    for name, value in (
        {"session": True, "reconnect_delay": 0.02, "handshake_headers": ["X-Name: Zoe"]} | settings
    ).items():
        setattr(client, name, value)
    assert client.connect_to_url(process.url + "room?seat=1") == Error.OK
    process.until(
        lambda: (
            client.status == WebSocketClient.Status.STATUS_ACTIVE
            and (not client.session or client._session._token != "")
        ),
        client,
    )
    return client


def events(process: Process) -> list[Any]:
    """What a process told of, but for its status and orders."""
    return [entry[:2] for entry in process.log if entry[0] not in ("status_changed", "obeyed", "listening", "reply")]


# --- ends of the line


def hear(line: lines.Line, *, most: int = MAX_SIZE) -> Frame | None:
    """The next frame; None at the end."""
    reader, frame = FrameReader(most), None
    while frame is None:
        try:
            data = line.receive(reader.missing, 16)
        except ConnectionResetError:
            data = b""
        if not data:
            return None
        frame = reader.feed(data)
    return frame


def letter_of(frame: Frame | None) -> str:
    return "" if frame is None else frame.letter


@contextlib.contextmanager
def calling(path: str) -> Iterator[lines.Line]:
    line = lines.call(path, time.monotonic() + PATIENCE)
    assert line is not None
    yield line
    line.close()


def state_of(line: lines.Line) -> State:
    """Ask for all, hear it, and hang up."""
    line.send(pack(ASK))
    frame = hear(line)
    line.close()
    assert frame is not None
    return unpack_state(frame)


@contextlib.contextmanager
def played(path: str, *play: Callable[[lines.Line], None]) -> Iterator[list[socket.socket]]:
    """Somebody listens at `path`, and treats each who connects as told; the sockets that it has."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door, socket.create_server(("127.0.0.1", 0)) as tcp:
        door.bind(path)
        door.listen()

        def serve() -> None:
            for each in play:
                connected, _ = door.accept()
                each(lines.Line(connected, time.monotonic() + PATIENCE))

        thread = threading.Thread(target=serve)
        thread.start()
        yield [tcp, door]
        thread.join()
