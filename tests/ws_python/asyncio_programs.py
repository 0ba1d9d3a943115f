"""Programs of tests that run asyncio's loop, or uvloop's, themselves: nobody calls poll()."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from ws_python import Error, WebSocketClient, WebSocketServer
from ws_python.loop.hub import hub

from tests.ws_python.driving import DEADLINE, listening

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
with contextlib.suppress(ImportError):  # Windows.
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop
Run = Callable[[Coroutine[Any, Any, None]], None]


def run_in(loop: Callable[[], asyncio.AbstractEventLoop], main: Coroutine[Any, Any, None]) -> None:
    """As asyncio.run() in a loop of that kind, with a deadline."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(main, DEADLINE))
    assert hub.drive is None, "the end of the loop ended everything"


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


def url_of(server: WebSocketServer) -> str:
    return f"ws://127.0.0.1:{server.get_local_port()}/"


def echoing(**settings: object) -> WebSocketServer:
    server = listening(**settings)
    server.message_received.connect(server.send)
    return server


async def connected_to(server: WebSocketServer) -> tuple[WebSocketClient, list[Any]]:
    """A client that is connected, and what it receives from now on."""
    client = WebSocketClient()
    received: list[Any] = []
    client.message_received.connect(received.append)
    assert client.connect_to_url(url_of(server)) == Error.OK
    await client.connected()
    return client, received
