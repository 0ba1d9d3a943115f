"""Tests of ws_python.features.teller: however much happens, the log grows slowly, and what was left out is told."""

from __future__ import annotations

import pytest
from ws_python import WebSocketServer
from ws_python.features import teller as teller_module
from ws_python.features.teller import Teller, Told
from ws_python.loop.hub import hub

from tests.ws_python.driving import Polled, poll_until


class Turning(Polled):
    """Has the clock of deadlines go on."""

    def poll(self) -> None:
        hub.loop()
        hub.deadlines.polls  # noqa: B018
        hub.turn(0.0, 0.001)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_one_line_about_each_in_a_second(caplog: pytest.LogCaptureFixture) -> None:
    hub.loop()
    teller = Teller()
    begin = hub.deadlines.now
    for _ in range(1000):
        teller.tell("a", "%d of %s", 5, "them")
        teller.tell("b", "more")
    assert lines(caplog) == ["a: 5 of them", "b: more"]
    poll_until(lambda: hub.deadlines.now - begin >= 1.0, Turning())
    teller.tell("a", "again")
    assert lines(caplog)[2:] == ["a: again"]


def test_few_lines_about_all(caplog: pytest.LogCaptureFixture) -> None:
    hub.loop()
    teller = Teller()
    for number in range(100_000):
        teller.tell(str(number), "too much")
    assert len(lines(caplog)) == 10
    assert len(teller._told) == 10
    begin = hub.deadlines.now
    poll_until(lambda: len(lines(caplog)) == 11, Turning(), deadline=60)
    assert hub.deadlines.now - begin >= 9.0
    assert "99990 further ones were not told" in lines(caplog)[-1]
    teller.tell("somebody", "later")
    assert lines(caplog)[-1] == "somebody: later"


def test_a_percent_sign_in_a_name_is_one(caplog: pytest.LogCaptureFixture) -> None:
    hub.loop()
    Teller().tell("100%s", "more")
    assert lines(caplog) == ["100%s: more"]


def test_each_cause_once_and_few_in_all() -> None:
    causes = Told()
    assert [causes.is_new(cause) for cause in ("a", "a", "b", "a", "b")] == [True, False, True, False, False]
    assert sum(causes.is_new(str(number)) for number in range(1000)) == 6


def test_again_after_a_while(server: WebSocketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teller_module, "_PERIOD_OF_CAUSES", 0.2)
    causes = Told()
    assert causes.is_new("a")
    assert not causes.is_new("a")
    end = hub.deadlines.now + 0.2
    poll_until(lambda: hub.deadlines.now >= end, server)
    assert causes.is_new("a")
    assert not causes.is_new("a")
