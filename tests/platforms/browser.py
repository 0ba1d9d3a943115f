"""Chromium, driven by its DevTools protocol: tabs, what their consoles say, and pictures of them."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests import chromium

_SOFTWARE_DRAWING = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--mute-audio")


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves the files of a folder."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Not into the log of the tests."""


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """The URL under which a folder is served."""
    handler = functools.partial(Files, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Tab:
    """A tab of the browser, with its console as it comes."""

    def __init__(self, socket: ClientConnection, url: str) -> None:
        self._lines: list[str] = []
        self._answers: dict[int, dict[str, Any]] = {}
        self._news = threading.Condition()
        self._number = 0
        self._socket = socket
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        for domain in ("Runtime", "Log", "Page"):
            self.command(f"{domain}.enable")
        self.command("Page.navigate", url=url)

    @property
    def log(self) -> str:
        """Everything that its console said so far, errors of the page included."""
        with self._news:
            return "\n".join(self._lines)

    def wait_for(self, pattern: str, timeout: float = chromium.DEADLINE) -> re.Match[str]:
        """Wait until a line of the console matches; fail after timeout seconds."""
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                for line in self._lines:
                    if found := re.search(pattern, line):
                        return found
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"nothing matched {pattern!r} in the console:\n" + "\n".join(self._lines))
                self._news.wait(min(left, 1))

    def command(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send a command of the DevTools protocol, and return its result."""
        with self._news:
            self._number += 1
            number = self._number
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        with self._news:
            assert self._news.wait_for(lambda: number in self._answers, chromium.DEADLINE), f"no answer to {method}"
            answer = self._answers.pop(number)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def take_picture(self, path: Path) -> None:
        """Save what the tab shows as a PNG file."""
        path.write_bytes(base64.b64decode(self.command("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """Close the tab, as a player does."""
        self._socket.send(json.dumps({"id": 0, "method": "Page.close"}))
        self._reader.join(chromium.DEADLINE)

    def _read(self) -> None:
        try:
            for message in self._socket:
                self._take(json.loads(message))
        except ConnectionClosed:
            pass

    def _take(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        with self._news:
            if "id" in message:
                self._answers[message["id"]] = message
            elif message["method"] == "Runtime.consoleAPICalled":
                said = (str(each.get("value", each.get("description", ""))) for each in parameters["args"])
                self._lines += " ".join(said).splitlines()
            elif message["method"] == "Runtime.exceptionThrown":
                self._lines.append(f"EXCEPTION: {parameters['exceptionDetails']}")
            elif message["method"] == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                self._lines.append(f"LOG: {parameters['entry']['text']} {parameters['entry'].get('url', '')}")
            self._news.notify_all()


class Browser:
    """A Chromium without a window, with a profile of its own. A context manager: leaving it ends the browser."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        command = [
            program,
            "--headless=new",
            *chromium.ARGUMENTS,
            *_SOFTWARE_DRAWING,
            "--disable-dev-shm-usage",
            "--window-size=1152,720",
            f"--user-data-dir={self._profile.name}",
            f"--host-resolver-rules={chromium.ONLY_HERE}",
            "about:blank",
        ]
        self._log = Path(self._profile.name, "stderr")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self._sockets = ExitStack()
        self._port = self._find_port()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)  # Its own session: it and its children.
        self._process.wait()
        self._sockets.close()
        self._profile.cleanup()

    def open(self, url: str) -> Tab:
        """A tab that goes to a URL, in a window of its own: where another tab is in front, a page gets no frames."""
        address = f"127.0.0.1:{self._port}"
        with urllib.request.urlopen(f"http://{address}/json/version", timeout=chromium.DEADLINE) as answer:
            debugger = json.load(answer)["webSocketDebuggerUrl"]
        with connect(debugger, proxy=None) as socket:
            command = {"url": "about:blank", "newWindow": True}
            socket.send(json.dumps({"id": 1, "method": "Target.createTarget", "params": command}))
            target = json.loads(socket.recv(chromium.DEADLINE))["result"]["targetId"]
        debugger = f"ws://{address}/devtools/page/{target}"
        return Tab(self._sockets.enter_context(connect(debugger, max_size=None, proxy=None, close_timeout=1)), url)

    def _find_port(self) -> int:
        deadline = time.monotonic() + chromium.DEADLINE
        while time.monotonic() < deadline and self._process.poll() is None:
            if found := re.search(r"DevTools listening on ws://127\.0\.0\.1:(\d+)/", self._log.read_text("latin-1")):
                return int(found[1])
            time.sleep(0.05)
        said = self._log.read_text("latin-1")
        self.__exit__()
        raise AssertionError(f"Chromium does not start:\n{said}")
