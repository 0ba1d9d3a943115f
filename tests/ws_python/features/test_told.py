"""Tests of ws_python.features.told."""

from __future__ import annotations

import pytest
from ws_python import WebSocketServer
from ws_python.features import told
from ws_python.features.told import Told
from ws_python.loop.hub import hub

from tests.ws_python.driving import poll_until


def test_each_cause_once_and_few_in_all() -> None:
    lines = Told()
    assert [lines.is_new(cause) for cause in ("a", "a", "b", "a", "b")] == [True, False, True, False, False]
    assert sum(lines.is_new(str(number)) for number in range(1000)) == 6


def test_again_after_a_while(server: WebSocketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "_PERIOD", 0.2)
    lines = Told()
    assert lines.is_new("a")
    assert not lines.is_new("a")
    end = hub.deadlines.now + 0.2
    poll_until(lambda: hub.deadlines.now >= end, server)
    assert lines.is_new("a")
    assert not lines.is_new("a")
