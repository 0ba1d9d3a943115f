"""Echo servers outside the engine, on uvloop: `python -m tests.bench.rivals picows|websockets back|all`.

Each sends a message back, or to everybody, and prints where it listens.
"""

from __future__ import annotations

import asyncio
import logging
import sys

import picows
import uvloop
import websockets
import websockets.asyncio.server

_HOST = "127.0.0.1"
_MAX_MESSAGE_SIZE = 16 * 1024 * 1024


class _Listener(picows.WSListener):
    """One connection of the picows server."""

    transports: dict[picows.WSTransport, None] = {}  # noqa: RUF012 - of all connections
    to_all = False

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self.transports[transport] = None

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self.transports.pop(transport, None)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type not in (picows.WSMsgType.TEXT, picows.WSMsgType.BINARY):
            return
        payload = frame.get_payload_as_bytes()
        for receiver in self.transports if self.to_all else (transport,):
            receiver.send(frame.msg_type, payload)


async def _serve_picows(to_all: bool) -> None:
    _Listener.to_all = to_all
    server = await picows.ws_create_server(lambda _request: _Listener(), _HOST, 0, max_frame_size=_MAX_MESSAGE_SIZE)
    _report(server)
    await server.serve_forever()


async def _serve_websockets(to_all: bool) -> None:
    connections: set[websockets.asyncio.server.ServerConnection] = set()

    async def handle(connection: websockets.asyncio.server.ServerConnection) -> None:
        connections.add(connection)
        try:
            async for message in connection:
                if to_all:
                    websockets.asyncio.server.broadcast(connections, message)
                else:
                    await connection.send(message)
        finally:
            connections.discard(connection)

    async with websockets.asyncio.server.serve(
        handle, _HOST, 0, compression=None, max_size=_MAX_MESSAGE_SIZE, ping_interval=None
    ) as server:
        _report(server.server)
        await server.serve_forever()


def _report(server: asyncio.Server | asyncio.base_events.Server) -> None:
    print("listening", server.sockets[0].getsockname()[1], flush=True)


if __name__ == "__main__":
    logging.disable()  # A load generator that ends while a broadcast goes out is no news.
    _serve = {"picows": _serve_picows, "websockets": _serve_websockets}[sys.argv[1]]
    uvloop.run(_serve(sys.argv[2] == "all"))
