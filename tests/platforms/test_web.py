"""Games in a browser: exported for the web by the plugin, run by the official web build in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import chromium
from tests.godot_process import GodotProcess
from tests.platforms.browser import Browser, Tab
from tests.platforms.pages import Page, web_page

pytestmark = [pytest.mark.platforms, pytest.mark.timeout(600)]
Serve = Callable[..., tuple[GodotProcess, int]]


@pytest.fixture(scope="module")
def page(player: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with web_page(player, tmp_path_factory.mktemp("web"), browser) as page:
        yield page


def lines_of(tab: Tab) -> list[str]:
    """What the game said, when it is done; nothing else went wrong."""
    tab.wait_for("^done$")
    lines = tab.log.splitlines()
    assert not [line for line in lines if re.match("EXCEPTION|USER ERROR|SCRIPT ERROR|ERROR", line)], tab.log
    return lines


def test_echo(page: Page, serve: Serve) -> None:
    _, port = serve()
    tab = page.open(f"--url=ws://127.0.0.1:{port}", "--do=echo")
    lines = lines_of(tab)
    assert "class: portable" in lines
    kinds = [
        "String 5",
        "String 0",
        "String 7",
        "PackedByteArray 0",
        "PackedByteArray 3",
        "PackedByteArray 1048576",
        "String 1085963",
        "PackedByteArray 3145728",
    ]
    assert [line for line in lines if line.endswith(": same")] == [f"{kind}: same" for kind in kinds], tab.log
    tab.close()


def test_the_page_closes(page: Page, serve: Serve) -> None:
    server, port = serve()
    tab = page.open(f"--url=ws://127.0.0.1:{port}", "--do=close_myself")
    assert "closed: 4000 enough" in lines_of(tab)
    server.wait_for("^disconnected: 4000 enough$")
    tab.close()


def test_the_server_closes(page: Page, serve: Serve) -> None:
    _, port = serve()
    tab = page.open(f"--url=ws://127.0.0.1:{port}", "--do=be_closed")
    assert "closed: 4001 bye" in lines_of(tab)
    tab.close()


def test_a_closed_tab_says_goodbye(page: Page, serve: Serve) -> None:
    server, port = serve()
    tab = page.open(f"--url=ws://127.0.0.1:{port}", "--do=tell")
    server.wait_for("^connected, now 1$")
    tab.wait_for("^connected$")
    tab.close()
    server.wait_for("^disconnected: 1001", chromium.DEADLINE)


def test_comes_back_when_the_server_does(page: Page, serve: Serve) -> None:
    server, port = serve()
    tab = page.open(f"--url=ws://127.0.0.1:{port}", "--do=come_back")
    tab.wait_for("^connected$")
    server.stop()
    tab.wait_for("^reconnecting$")
    serve(port)
    assert "came back: again" in tab.wait_for("^came back").string
    tab.close()


def test_nobody_listens_there(page: Page, serve: Serve) -> None:
    server, port = serve()
    server.stop()
    tab = page.open(f"--url=ws://127.0.0.1:{port}", "--do=fail")
    assert f"ws://127.0.0.1:{port}" in tab.wait_for("^failed: ").string
    tab.close()


def test_a_page_cannot_listen(page: Page) -> None:
    tab = page.open("--do=listen")
    assert tab.wait_for("^listen: ").string == "listen: Unavailable"
    assert len([line for line in tab.log.splitlines() if "ERROR: listen: a browser" in line]) == 1, tab.log
    tab.close()


def test_two_tabs_and_a_native_server(page: Page, serve: Serve) -> None:
    server, port = serve()
    tabs = [page.open(f"--url=ws://127.0.0.1:{port}", "--do=tell") for _ in range(2)]
    server.wait_for("^connected, now 2$", chromium.DEADLINE)
    for tab in tabs:
        tab.wait_for(r"^heard tell from \d+$")
        tab.close()
    server.wait_for("^disconnected: 1001")
