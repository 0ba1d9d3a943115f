"""The demo of `make demo`: a server and a client in two Godot processes, and a client from outside the engine.

Both clients and the server send each other the list in demo/exchange/messages.json, and compare each message that
arrives with it: type, content and order. What the three print is shown as it comes, and counted.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

ROOT = Path(__file__).resolve().parent.parent
EXCHANGE = "res://demo/exchange"
CLIENTS = 2
SECONDS_FOR_ALL = 120
SECONDS_TO_END = 5
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
UNCLEAN = re.compile(r"ERROR: |leaked at exit")
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def expected_messages() -> list[str | bytes]:
    """The list that every end sends and expects."""
    entries = json.loads((ROOT / "demo/exchange/messages.json").read_text(encoding="utf-8"))
    return [
        (entry["text"] if "text" in entry else bytes.fromhex(entry["binary"])) * entry.get("repeat", 1)
        for entry in entries
    ]


class Tally:
    """Shows what each side says, and counts the messages that it sent and received."""

    def __init__(self) -> None:
        self.sent = self.received = self.corrupted = 0
        self.errors: list[str] = []
        self._start = time.monotonic()

    def say(self, who: str, line: str) -> None:
        """Show and count one line of one side."""
        print(f"{time.monotonic() - self._start:6.2f} s  {who:8} {line}", flush=True)
        self.sent += line.startswith("sent ")
        self.received += line.startswith("received ")
        self.corrupted += "CORRUPTED" in line
        if UNCLEAN.search(line):
            self.errors.append(f"{who}: {line}")

    def is_complete(self, expected: int) -> bool:
        """Whether every message was sent and arrived as it was, and nothing else went wrong."""
        return self.sent == self.received == expected and not self.corrupted and not self.errors

    def __str__(self) -> str:
        lost = max(0, self.sent - self.received)
        return f"{self.sent} messages sent, {self.received} received, {lost} lost, {self.corrupted} corrupted"


class Engine:
    """A headless Godot process that runs one scene."""

    def __init__(self, process: asyncio.subprocess.Process, say: Callable[[str], None]) -> None:
        self._process = process
        self._say = say
        self._port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for data in self._process.stdout:
            line = ESCAPES.sub("", data.decode(errors="replace").rstrip())
            if line:
                self._say(line)
            found = re.fullmatch(r"listening on port (\d+)", line)
            if found and not self._port.done():
                self._port.set_result(int(found[1]))
        if not self._port.done():
            self._port.set_exception(RuntimeError("the engine ended without listening"))
            self._port.exception()  # It is asked for only where it is missed.

    async def port(self) -> int:
        """The port that its server listens on, once it does."""
        return await self._port

    async def finish(self) -> None:
        """Wait until it ended by itself, and everything it printed was read."""
        code = await self._process.wait()
        await self._reading
        if code != 0:
            self._say(f"ERROR: the engine ended with exit code {code}")

    async def stop(self) -> None:
        """End it now, if it still runs."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), SECONDS_TO_END)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        await self._reading


@asynccontextmanager
async def engine(who: str, tally: Tally, scene: str, argument: str) -> AsyncIterator[Engine]:
    """Run a scene in headless Godot; it has ended when the block is left."""
    process = await asyncio.create_subprocess_exec(
        *(ROOT / "tools/godot", "--headless", "--path", ROOT, f"{EXCHANGE}/{scene}", "--", argument),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Engine(process, lambda line: tally.say(who, line))
    try:
        yield running
    finally:
        await running.stop()


def describe(message: str | bytes) -> str:
    """A message in the words of messages.gd."""
    return f"text, {len(message)} characters" if isinstance(message, str) else f"binary, {len(message)} bytes"


async def talk_from_outside(url: str, messages: list[str | bytes], say: Callable[[str], None]) -> None:
    """A client of the `websockets` package: it knows nothing of Godot, nor of this project's code."""
    async with connect(url, max_size=MAX_MESSAGE_BYTES) as websocket:
        say(f"connected to {url}")
        await asyncio.gather(send_all(websocket, messages, say), receive_all(websocket, messages, say))
        await websocket.close(1000, "done")
    say(f"closed: {websocket.close_code} {websocket.close_reason}")


async def send_all(websocket: ClientConnection, messages: list[str | bytes], say: Callable[[str], None]) -> None:
    """Send every message, without waiting for answers."""
    for number, message in enumerate(messages, 1):
        await websocket.send(message)
        say(f"sent {number}: {describe(message)}")


async def receive_all(websocket: ClientConnection, expected: list[str | bytes], say: Callable[[str], None]) -> None:
    """Receive as many messages as are expected, and compare each."""
    for number, wanted in enumerate(expected, 1):
        message = await websocket.recv()
        same = type(message) is type(wanted) and message == wanted
        verdict = "as expected" if same else f"CORRUPTED: expected {describe(wanted)}"
        say(f"received {number}: {describe(message)}, {verdict}")


async def run(tally: Tally, messages: list[str | bytes]) -> None:
    """The whole exchange; returns when all have ended by themselves, and ends those that have not."""
    async with (
        asyncio.timeout(SECONDS_FOR_ALL),
        engine("server", tally, "server.tscn", f"--clients={CLIENTS}") as server,
    ):
        url = f"ws://localhost:{await server.port()}"
        async with engine("client", tally, "client.tscn", f"--url={url}") as client:
            await talk_from_outside(url, messages, lambda line: tally.say("outside", line))
            await client.finish()
            await server.finish()


async def main() -> int:
    """Run the exchange, and say how it went in the last line."""
    # As with Ctrl-C: what was started is ended before this ends.
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    messages = expected_messages()
    tally = Tally()
    try:
        await run(tally, messages)
    except TimeoutError:
        tally.errors.append(f"not done after {SECONDS_FOR_ALL} s")
    except (OSError, RuntimeError, WebSocketException) as error:
        tally.errors.append(str(error))
    for line in tally.errors:
        print(f"demo: error: {line}", file=sys.stderr)
    print(f"demo: {tally}", flush=True)
    return 0 if tally.is_complete(2 * CLIENTS * len(messages)) else 1


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(asyncio.run(main()))
    sys.exit("demo: interrupted")
