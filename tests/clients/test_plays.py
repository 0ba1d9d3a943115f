"""Every client of sessions goes through the same plays: the native one, and session.js in Node and in a browser."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import pytest

from tests import node
from tests.clients.browser_player import BrowserPlayer
from tests.clients.native_player import NativePlayer
from tests.clients.node_player import NodePlayer, has_websocket
from tests.clients.plays import PLAYS, Play, act


def play_in_node(url: str, values: dict[str, Any], *, own: bool) -> NodePlayer:
    return NodePlayer("play", {"url": url, **values}, own=own)


def _own(url: str, values: dict[str, Any]) -> NodePlayer:
    if not has_websocket(node.find(), "--experimental-websocket"):
        pytest.skip("this Node has no WebSocket of its own: use one of version 20.10 or newer")
    return play_in_node(url, values, own=True)


CLIENTS: dict[str, Callable[[str, dict[str, Any]], Any]] = {
    "native": NativePlayer,
    "node-ws": partial(play_in_node, own=False),
    "node": _own,
    "browser": lambda url, values: BrowserPlayer("play", {"url": url, **values}),
}
# What takes longer than it would tell anew.
SLOW = {
    ("node-ws", "no-cut"),
    ("node-ws", "long-messages"),
    ("node-ws", "a-dead-link"),
    *product(("node", "browser"), (play.name for play in PLAYS)),
}


@pytest.mark.parametrize(
    ("client", "play"),
    [
        pytest.param(
            client, play, id=f"{client}-{play.name}", marks=[pytest.mark.platforms] * ((client, play.name) in SLOW)
        )
        for client in CLIENTS
        for play in PLAYS
    ],
)
def test_every_message_once_and_in_order(client: str, play: Play) -> None:
    act(play, CLIENTS[client])
