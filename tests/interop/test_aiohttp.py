"""Interoperability with aiohttp."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from tests.interop import scenario


async def talk(url: str, compress: int) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, protocols=scenario.SUBPROTOCOLS, max_msg_size=0, compress=compress) as connection,
    ):
        assert connection.protocol == scenario.SUBPROTOCOLS[0]
        for message in scenario.MESSAGES:
            if isinstance(message, str):
                await connection.send_str(message)
                assert await connection.receive_str() == message
            else:
                await connection.send_bytes(message)
                assert await connection.receive_bytes() == message
        await connection.close(code=scenario.CLOSE_CODE, message=scenario.CLOSE_REASON.encode())
        assert connection.close_code == scenario.CLOSE_CODE


async def echo(request: web.Request) -> web.WebSocketResponse:
    connection = web.WebSocketResponse(protocols=scenario.SUBPROTOCOLS, max_msg_size=0)
    connection.headers["X-Greeting"] = "hi"
    await connection.prepare(request)
    async for message in connection:
        if message.data == scenario.GOODBYE:
            await connection.close(code=scenario.CLOSE_CODE, message=scenario.CLOSE_REASON.encode())
        elif message.type == WSMsgType.TEXT:
            await connection.send_str(message.data)
        else:
            await connection.send_bytes(message.data)
    return connection


@pytest.fixture
def port() -> Iterator[int]:
    """Where aiohttp echoes, on an event loop of its own in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> tuple[web.AppRunner, int]:
        application = web.Application()
        application.router.add_get("/room", echo)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, runner.addresses[0][1]

    runner, port = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    yield port
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.parametrize("compress", [0, 9, 15])
def test_our_server_with_their_client(settings: str, compress: int) -> None:
    scenario.serve_their_client(lambda url: asyncio.run(talk(url, compress)), settings)


def test_our_client_with_their_server(port: int, settings: str) -> None:
    scenario.talk_to_their_server(port, settings)
