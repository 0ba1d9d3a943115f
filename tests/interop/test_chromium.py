"""Origins with a real browser: what Chromium's pages send, and which of them may connect to a server of this machine.

Runs with the Chromium that $CHROMIUM names, or one that is on PATH; it talks to this machine only.
"""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from ws_python import Error, WebSocketServer

from tests import chromium as browser
from tests.ws_python.driving import poll_until

# Each reports what became of it by asking for a picture: that may be done from everywhere.
PAGE = """<!doctype html><meta charset="utf-8"><script>
const report = (name, what) => new Image().src = `%(pages)s/told?${name}=${what}`;
const attempt = (name, url) => {
  const socket = new WebSocket(url);
  socket.onopen = () => socket.send(name);
  socket.onmessage = event => report(name, event.data === name ? "talked" : "garbled");
  socket.onerror = () => report(name, "refused");
};
attempt("page", "%(server)s");
</script>
<iframe sandbox="allow-scripts" srcdoc='<script>
const socket = new WebSocket("%(server)s");
const report = what => new Image().src = `%(pages)s/told?frame=${what}`;
socket.onopen = () => report("talked");
socket.onerror = () => report("refused");
</script>'></iframe>
"""


class Pages(http.server.ThreadingHTTPServer):
    """Serves the page under whatever name, and collects what it reports."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.page = b""
        self.told: dict[str, str] = {}


class Handler(http.server.BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == "/told":
            self.server.told.update((name, values[0]) for name, values in query.items())
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.server.page if path == "/" else b"")

    def log_message(self, format: str, *arguments: object) -> None:
        """Not into the log of the tests."""


@pytest.fixture(scope="module")
def chromium() -> str:
    return browser.find()


@pytest.fixture
def pages() -> Iterator[Pages]:
    with Pages() as pages:
        thread = threading.Thread(target=pages.serve_forever, daemon=True)
        thread.start()
        yield pages
        pages.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[WebSocketServer]:
    server = WebSocketServer()
    server.bind_address = "localhost"
    assert server.listen(0) == Error.OK
    server.message_received.connect(server.send)
    yield server
    server.stop()


def visit(
    chromium: str, url: str, pages: Pages, server: WebSocketServer, folder: Path, host: str = "127.0.0.1"
) -> None:
    """Open a page of that URL in a browser of its own, until it has told what became of both of its attempts."""
    names = {"server": f"ws://{host}:{server.get_local_port()}/", "pages": f"http://127.0.0.1:{pages.server_port}"}
    pages.page = (PAGE % names).encode()
    (folder / "page.html").write_bytes(pages.page)
    command = [
        chromium,
        "--headless",
        *browser.ARGUMENTS,
        "--disable-gpu",
        f"--user-data-dir={folder / 'profile'}",
        f"--host-resolver-rules=MAP *.example 127.0.0.1, {browser.ONLY_HERE}",
        url,
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            poll_until(lambda: pages.told.keys() >= {"page", "frame"}, server, deadline=browser.DEADLINE)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # Its own session: it and its children.
            process.wait()


def test_a_page_of_this_machine_may_connect(
    chromium: str, pages: Pages, server: WebSocketServer, tmp_path: Path
) -> None:
    visit(chromium, f"http://localhost:{pages.server_port}/", pages, server, tmp_path)
    assert pages.told["page"] == "talked"


def test_a_strangers_page_may_not(chromium: str, pages: Pages, server: WebSocketServer, tmp_path: Path) -> None:
    reasons: list[str] = []
    server.handshake_failed.connect(reasons.append)
    visit(chromium, f"http://evil.example:{pages.server_port}/", pages, server, tmp_path)
    assert pages.told == {"page": "refused", "frame": "refused"}, "nor from a frame without an origin"
    poll_until(lambda: len(reasons) == 2, server)
    assert all("allowed_origins" in reason for reason in reasons)
    assert server.get_peer_count() == 0


def test_nor_by_a_name_of_its_own_for_this_machine(
    chromium: str, pages: Pages, server: WebSocketServer, tmp_path: Path
) -> None:
    url = f"http://evil.example:{pages.server_port}/"
    visit(chromium, url, pages, server, tmp_path, host="rebound.evil.example")
    assert pages.told == {"page": "refused", "frame": "refused"}


def test_nor_does_a_page_of_this_machine_reach_it_by_a_strangers_name(
    chromium: str, pages: Pages, server: WebSocketServer, tmp_path: Path
) -> None:
    url = f"http://localhost:{pages.server_port}/"
    visit(chromium, url, pages, server, tmp_path, host="rebound.evil.example")
    assert pages.told["page"] == "refused"


def test_a_page_from_a_file_only_where_null_is_listed(
    chromium: str, pages: Pages, server: WebSocketServer, tmp_path: Path
) -> None:
    url = (tmp_path / "page.html").as_uri()
    visit(chromium, url, pages, server, tmp_path)
    assert pages.told == {"page": "refused", "frame": "refused"}, "what any site can send lets nobody in"
    pages.told.clear()
    server.allowed_origins = ["null"]
    visit(chromium, url, pages, server, tmp_path)
    assert pages.told == {"page": "talked", "frame": "talked"}


def test_a_site_that_is_listed_may_connect(
    chromium: str, pages: Pages, server: WebSocketServer, tmp_path: Path
) -> None:
    server.allowed_origins = [f"http://*.game.example:{pages.server_port}"]
    url = f"http://play.game.example:{pages.server_port}/"
    visit(chromium, url, pages, server, tmp_path)
    assert pages.told == {"page": "talked", "frame": "refused"}
    pages.told.clear()
    visit(chromium, url.replace("play.game", "evil"), pages, server, tmp_path)
    assert pages.told == {"page": "refused", "frame": "refused"}


def test_an_internationalised_site(chromium: str, pages: Pages, server: WebSocketServer, tmp_path: Path) -> None:
    server.allowed_origins = [f"http://bücher.example:{pages.server_port}"]
    visit(chromium, f"http://bücher.example:{pages.server_port}/", pages, server, tmp_path)
    assert pages.told["page"] == "talked"
