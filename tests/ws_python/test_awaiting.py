"""Tests of ws_python.awaiting: connected() and closed() of a client, awaited in asyncio's running loop."""

from __future__ import annotations

import asyncio
import socket

import pytest
from ws_python import Error, WebSocketClient

from tests.ws_python.asyncio_programs import Run, connected_to, url_of
from tests.ws_python.driving import listening

pytestmark = pytest.mark.usefixtures("quiet_asyncio")


def test_at_once(run_once: Run) -> None:
    async def main() -> None:
        client, _ = await connected_to(listening())
        await client.connected()
        client.close()
        await client.closed()
        await client.closed()
        with pytest.raises(ConnectionError, match="call connect_to_url"):
            await client.connected()

    run_once(main())


def test_refused(run_once: Run) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        client = WebSocketClient()
        client.connect_to_url(f"ws://127.0.0.1:{port}/")
        with pytest.raises(ConnectionError, match="refuses connections"):
            await client.connected()
        await client.closed()

    run_once(main())


def test_closed_meanwhile(run_once: Run) -> None:
    async def main() -> None:
        server = listening(authorizer=lambda request: asyncio.get_running_loop().create_future())
        client = WebSocketClient()
        client.connect_to_url(url_of(server))
        asyncio.get_running_loop().call_later(0.05, client.close)
        with pytest.raises(ConnectionError, match="was closed"):
            await client.connected()

    run_once(main())


def test_cancelled(run_once: Run) -> None:
    async def main() -> None:
        client, _ = await connected_to(listening())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.closed(), 0.05)
        assert client.status_changed._callbacks == client.connection_failed._callbacks == ()
        assert client.send("still open") == Error.OK

    run_once(main())


def test_an_engine_sees_neither() -> None:
    """The bridge makes methods of the engine of what has code, see pythonscript/describe/declare.py."""
    for name in ("connected", "closed"):
        found = next(vars(base)[name] for base in WebSocketClient.__mro__ if name in vars(base))
        assert not hasattr(found, "__code__")
