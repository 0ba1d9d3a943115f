"""Tests of ws_python.events."""

from __future__ import annotations

import logging

import pytest
from ws_python.declare.events import event, events_of, silence


class Base:
    started = event(doc="It started.")


class Sample(Base):
    moved = event(x=int, y=float, doc="It moved.")


def test_events_of_lists_bases_first_with_their_arguments() -> None:
    events = events_of(Sample)
    assert list(events) == ["started", "moved"]
    assert events["moved"].arguments == {"x": int, "y": float}
    assert events["moved"].doc == "It moved."


def test_callbacks_get_the_arguments_in_order_of_connection_and_per_instance() -> None:
    sample, calls = Sample(), list[object]()
    sample.moved.connect(lambda x, y: calls.append(("first", x, y)))
    sample.moved.connect(lambda x, y: calls.append(("second", x, y)))
    Sample().moved.emit(0, 0.0)
    sample.moved.emit(1, 2.0)
    assert calls == [("first", 1, 2.0), ("second", 1, 2.0)]


def test_connecting_twice_calls_once_and_disconnecting_ends_it() -> None:
    sample, calls = Sample(), list[int]()

    def callback() -> None:
        calls.append(1)

    sample.started.connect(callback)
    sample.started.connect(callback)
    sample.started.emit()
    sample.started.disconnect(callback)
    sample.started.disconnect(callback)
    sample.started.emit()
    assert calls == [1]


def test_a_callback_that_raises_is_logged_and_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    sample, calls = Sample(), list[int]()

    def bad() -> None:
        raise KeyError("oops")

    sample.started.connect(bad)
    sample.started.connect(lambda: calls.append(1))
    with caplog.at_level(logging.ERROR, "ws_python"):
        sample.started.emit()
    assert calls == [1]
    assert "a callback of started raised" in caplog.text
    assert "KeyError: 'oops'" in caplog.text


def test_a_callback_may_disconnect_itself() -> None:
    sample, calls = Sample(), list[int]()

    def once() -> None:
        calls.append(1)
        sample.started.disconnect(once)

    sample.started.connect(once)
    sample.started.emit()
    sample.started.emit()
    assert calls == [1]


def test_what_is_silenced_is_heard_by_nobody() -> None:
    quiet, loud, calls = Sample(), Sample(), list[tuple[int, float]]()
    for sample in (quiet, loud):
        sample.moved.connect(lambda x, y: calls.append((x, y)))
    silence(quiet)
    quiet.moved.emit(1, 1.0)
    quiet.started.emit()
    loud.moved.emit(2, 2.0)
    assert calls == [(2, 2.0)]
