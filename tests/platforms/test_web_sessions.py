"""Sessions of games in a browser: the network is cut and given back, and the game does not notice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import chromium
from tests.chaos.proxy import DOWN, UP, Proxy, Stall
from tests.godot_process import GodotProcess
from tests.platforms.browser import Browser, Tab
from tests.platforms.pages import Page, web_page

pytestmark = [pytest.mark.platforms, pytest.mark.timeout(600)]
Serve = Callable[..., tuple[GodotProcess, int]]
# Longer than the page and the server take to see that the other one is not there.
SILENT = 12.0


@pytest.fixture(scope="module")
def page(player: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with web_page(player, tmp_path_factory.mktemp("web"), browser) as page:
        yield page


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        proxy.set_doors(1)
        yield proxy


def start(page: Page, serve: Serve, proxy: Proxy, what: str, *arguments: str) -> tuple[GodotProcess, Tab]:
    """A server, and a page that comes to it through the proxy."""
    server, proxy.target = serve(0, *arguments)
    return server, page.open(f"--url=ws://127.0.0.1:{proxy.doors[0].port}", f"--do={what}")


def assert_unnoticed(server: GodotProcess, tab: Tab) -> None:
    """The game ends as it would have without a cut; each side was told of it, and nobody of an end."""
    tab.wait_for("^done$", chromium.DEADLINE)
    lines = tab.log.splitlines()
    assert not [line for line in lines if re.match("EXCEPTION|USER ERROR|SCRIPT ERROR|ERROR|not sent", line)], tab.log
    assert [line for line in lines if re.match("reply|value|echoed|time|closed", line)] == [
        "reply: OK 42",
        "value: (1.0, 2.0)",
        "echoed: same",
        "time: true",
        "closed: 1000 ",
    ], tab.log
    assert lines.count("interrupted") == lines.count("resumed") > 0, tab.log
    server.wait_for("^disconnected: 1000 ")
    assert server.log.count("disconnected:") == 1
    assert server.log.count("connected, now 1") == 1


def test_cut_and_given_back(page: Page, serve: Serve, proxy: Proxy) -> None:
    server, tab = start(page, serve, proxy, "keep_on", "--session")
    door = proxy.doors[0]
    for number, how in ((100, "reset"), (300, "close"), (500, "reset")):
        tab.wait_for(f"^sent {number}$")

        def cut(how: str = how) -> None:
            door.refuses_until = proxy.now() + 1.0
            door.cut(how)

        proxy.call(cut)
    assert_unnoticed(server, tab)
    assert tab.log.splitlines().count("resumed") == 3


def test_silent_and_given_back(page: Page, serve: Serve, proxy: Proxy) -> None:
    """What the browser says on the connection that it gives up comes before it says anything on the next one."""
    server, tab = start(page, serve, proxy, "keep_on", "--session")
    door = proxy.doors[0]
    tab.wait_for("^sent 100$")

    def fall_silent() -> None:
        for way in (UP, DOWN):
            door.arm(way, Stall(SILENT), 0)
        door.mute_until = proxy.now() + SILENT + 0.5

    proxy.call(fall_silent)
    assert_unnoticed(server, tab)


def test_a_server_without_sessions(page: Page, serve: Serve, proxy: Proxy) -> None:
    _, tab = start(page, serve, proxy, "ask_for_a_session")
    tab.wait_for("^done$")
    assert [line for line in tab.log.splitlines() if re.match("came|reply", line)] == [
        "came: hello",
        "reply: Unavailable",
    ], tab.log
