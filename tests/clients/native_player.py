"""The WebSocketClient of plain Python in a play: it does what play.mjs does."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from ws_python import Error, WebSocketClient

from tests.clients.plays import AMPLE, is_request, made, padding, told


class NativePlayer:
    """A context manager, to be polled."""

    def __init__(self, url: str, values: dict[str, Any]) -> None:
        self._length, self._size = values["length"], values["size"]
        self._client = client = WebSocketClient()
        client.session = True
        client.outbound_buffer_size = AMPLE["outbound_buffer_size"]
        client.reconnect_delay, client.reconnect_delay_max = 0.02, 0.2
        client.request_timeout = 100.0
        client.heartbeat_interval, client.heartbeat_timeout = 0.5, 1.0  # For links that are dead.
        client.session_buffer_size = values["options"].get("bufferSize", client.session_buffer_size)
        self._received: list[str] = []
        self._events: list[str] = []
        self._replies: list[tuple[int, Any]] = []
        self._sent = 0
        self._last_time = 0.0
        self._goes_back = False
        self._report: Any = None
        client.message_received.connect(lambda message: self._received.append(told(message, self._size)))
        client.handle("ask", self._asked)
        for signal, name in (
            (client.connected_to_server, "open"),
            (client.connection_interrupted, "interrupted"),
            (client.connection_resumed, "resumed"),
        ):
            signal.connect(lambda *_, name=name: self._events.append(name))
        assert client.connect_to_url(url) == Error.OK

    def poll(self) -> None:
        """Poll the client, and go on sending."""
        self._client.poll()
        if not self._events:
            return
        for _ in range(7):
            if self._sent == self._length or not self._send(self._sent):
                break
            self._sent += 1
        time = self._client.server_time
        self._goes_back |= time < self._last_time
        self._last_time = time
        self._finish()

    def _send(self, n: int) -> bool:
        if not is_request(n):
            error = self._client.send(made(n, self._size))
            assert error in (Error.OK, Error.ERR_BUSY)
            return error == Error.OK
        session = self._client._session._session
        if session is not None and not session.has_room(self._size + 200):
            return False
        data = {"n": n, "pad": padding(n, self._size)}
        self._replies.append((n, self._client.start_request("ask", data)))
        return True

    def _asked(self, data: dict[str, Any]) -> int:
        self._received.append(f"q {data['n']}")
        return int(data["n"]) * 2

    def _finish(self) -> None:
        if self._report is not None:
            if self._report.is_completed:
                self._client.close()
            return
        has_all = self._sent == self._length == len(self._received)
        if has_all and self._last_time > 0.0 and all(reply.is_completed for _, reply in self._replies):
            report = {
                "received": self._received,
                "events": self._events,
                "replies": [f"{n} {reply.data}" for n, reply in self._replies],
                "goesBack": self._goes_back,
                "time": self._client.server_time,
            }
            self._report = self._client.start_request("report", report)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()
