"""Tests of ws_python.inbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    """Notes what it is told, and then calls `inner`."""

    def __init__(self, seen: Seen, inner: Callable[[Any], object] = lambda event: None) -> None:
        self.seen, self.inner = seen, inner

    def message(self, source: Intake, message: str | bytes) -> None:
        self.other(source, message)

    def other(self, source: Intake, event: object) -> None:
        self.seen.append((source, event))
        self.inner(event)


def take(inbox: Inbox, seen: Seen, inner: Callable[[Any], object] = lambda event: None) -> None:
    """What a poll does, with a handler that calls `inner(event)`."""
    handler = Handler(seen, inner)
    inbox.deliver(handler, handler.other)


def test_batches_come_in_order_and_are_accounted_for() -> None:
    inbox, seen = Inbox(), list[tuple[Intake, Any]]()
    one, other = Source(inbox), Source(inbox)
    one._put(["1", b"2"], 2)
    other._put([3], 1)
    one._put(["4"], 1)
    assert (one._queued, other._queued) == (3, 1)
    take(inbox, seen)
    assert seen == [(one, "1"), (one, b"2"), (other, 3), (one, "4")]
    assert (one._queued, other._queued) == (0, 0)


def test_an_inner_delivery_goes_on_where_the_outer_one_is() -> None:
    inbox, seen = Inbox(), list[tuple[Intake, Any]]()
    one, other = Source(inbox), Source(inbox)
    one._put(["1", "2", "3"], 3)
    other._put([4, "5"], 2)
    take(inbox, seen, lambda event: take(inbox, seen) if event in ("2", 4) else None)
    assert [event for _, event in seen] == ["1", "2", "3", 4, "5"]
    assert [source for source, _ in seen] == [one, one, one, other, other]


def test_clear_ends_a_delivery_that_is_under_way() -> None:
    inbox, seen = Inbox(), list[tuple[Intake, Any]]()
    one = Source(inbox)
    one._put(["1", "2"], 2)
    one._put(["3"], 1)
    take(inbox, seen, lambda event: inbox.clear())
    assert [event for _, event in seen] == ["1"]


def test_reading_pauses_where_too_much_waits_and_goes_on_where_half_of_it_is_left() -> None:
    inbox = Inbox()
    one = Source(inbox, max_queued_bytes=10)
    one._put(["1"], 10)
    assert not one._read_paused
    one._put(["2"], 1)
    one._put(["3"], 4)
    assert one._read_paused
    paused = list[bool]()
    take(inbox, [], lambda event: paused.append(one._read_paused))
    assert paused == [False, False, False], "the first batch was more than half"


def test_nothing_is_put_for_nobody() -> None:
    inbox = Inbox()
    one = Source(inbox)
    one._inbox = None
    one._put(["1"], 1)
    assert one._queued == 0
