"""Tests of ws_python.inbox."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any
from weakref import WeakMethod

import pytest
from ws_python.inbox import Inbox, Intake, Sink

Seen = list[tuple[Intake, Any]]


class Source(Intake):
    """The receiving half of a connection, without the other one."""

    def __init__(self, inbox: Inbox, max_queued_bytes: int = 1000) -> None:
        super().__init__(inbox, max_queued_bytes, 1000)

    def _pause_reading(self) -> None:
        self._read_paused = True

    def _resume_reading(self) -> None:
        self._read_paused = False


class Handler(Sink):
    """Notes what it is told, and then calls `inner`. Has the inbox."""

    def __init__(self) -> None:
        self.seen: Seen = []
        self.inner: Callable[[Any], object] = lambda event: None
        self.inbox = Inbox(self, WeakMethod(self.other))

    def message(self, source: Intake, message: str | bytes) -> None:
        self.other(source, message)

    def other(self, source: Intake, event: object) -> None:
        self.seen.append((source, event))
        self.inner(event)


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def inbox(handler: Handler) -> Inbox:
    return handler.inbox


def test_batches_come_in_order_and_are_accounted_for(handler: Handler, inbox: Inbox) -> None:
    one, other = Source(inbox), Source(inbox)
    one._put(["1", b"2"], 2)
    other._put([3], 1)
    one._put(["4"], 1)
    assert (one._queued, other._queued) == (3, 1)
    inbox.deliver()
    assert handler.seen == [(one, "1"), (one, b"2"), (other, 3), (one, "4")]
    assert (one._queued, other._queued) == (0, 0)


def test_an_inner_delivery_goes_on_where_the_outer_one_is(handler: Handler, inbox: Inbox) -> None:
    one, other = Source(inbox), Source(inbox)
    one._put(["1", "2", "3"], 3)
    other._put([4, "5"], 2)
    handler.inner = lambda event: inbox.deliver() if event in ("2", 4) else None
    inbox.deliver()
    assert [event for _, event in handler.seen] == ["1", "2", "3", 4, "5"]
    assert [source for source, _ in handler.seen] == [one, one, one, other, other]


def test_deliveries_do_not_nest_without_end(handler: Handler, inbox: Inbox) -> None:
    one = Source(inbox)
    one._put(["x"] * 100, 100)
    depth = deepest = 0

    def nest(_event: object) -> None:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        inbox.deliver()
        depth -= 1

    handler.inner = nest
    inbox.deliver()
    assert (len(handler.seen), deepest) == (100, 16)


def test_clear_ends_a_delivery_that_is_under_way(handler: Handler, inbox: Inbox) -> None:
    one = Source(inbox)
    one._put(["1", "2"], 2)
    one._put(["3"], 1)
    handler.inner = lambda event: inbox.clear()
    inbox.deliver()
    assert [event for _, event in handler.seen] == ["1"]


def test_reading_pauses_where_too_much_waits_and_goes_on_where_half_of_it_is_left(
    handler: Handler, inbox: Inbox
) -> None:
    one = Source(inbox, max_queued_bytes=10)
    one._put(["1"], 10)
    assert not one._read_paused
    one._put(["2"], 1)
    one._put(["3"], 4)
    assert one._read_paused
    paused = list[bool]()
    handler.inner = lambda event: paused.append(one._read_paused)
    inbox.deliver()
    assert paused == [False, False, False], "the first batch was more than half"


def test_what_was_handed_out_is_not_kept(handler: Handler, inbox: Inbox) -> None:
    message = bytes(1000)
    before = sys.getrefcount(message)
    references = list[int]()

    def count(_event: object) -> None:
        handler.seen.clear()
        references.append(sys.getrefcount(message))

    handler.inner = count
    Source(inbox)._put([message, "another"], 2000)
    inbox.deliver()
    assert references[1] == sys.getrefcount(message) == before, "while the next one is handed out, and after it"


def test_nothing_is_put_for_nobody(inbox: Inbox) -> None:
    one = Source(inbox)
    one._inbox = None
    one._put(["1"], 1)
    assert one._queued == 0


def test_what_is_left_when_its_owner_is_gone_is_told_to_nobody() -> None:
    handler = Handler()
    inbox = Inbox(Sink(), WeakMethod(handler.other))
    del handler
    gc.collect()
    Source(inbox)._put([1], 1)
    inbox.deliver()
