"""Tests of ws_python.inbox."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from ws_python.connection import Connection
from ws_python.inbox import Inbox


class Source(SimpleNamespace):
    """Counts what is taken of it, as a connection does."""

    total = 0

    def taken(self, size: int) -> None:
        self.total += size


def put(inbox: Inbox, source: Source, *events: Any) -> None:
    inbox.put(cast(Connection, source), list(events), len(events))


def take(inbox: Inbox, seen: list[Any], inner: Any = None) -> None:
    """The loop of a server or client, with a handler that calls `inner(event)`."""
    while True:
        source = inbox.connection
        for event in inbox.events:
            seen.append((source, event))
            if inner is not None:
                inner(event)
        if not inbox.next_batch():
            return


def test_batches_come_in_order_and_are_accounted_for() -> None:
    inbox, one, other, seen = Inbox(), Source(), Source(), list[Any]()
    put(inbox, one, 1, 2)
    put(inbox, other, 3)
    put(inbox, one, 4)
    take(inbox, seen)
    assert seen == [(one, 1), (one, 2), (other, 3), (one, 4)]
    assert (one.total, other.total) == (3, 1)


def test_an_inner_delivery_goes_on_where_the_outer_one_is() -> None:
    inbox, one, other, seen = Inbox(), Source(), Source(), list[Any]()
    put(inbox, one, 1, 2, 3)
    put(inbox, other, 4, 5)
    take(inbox, seen, lambda event: take(inbox, seen) if event in (2, 4) else None)
    assert [event for _, event in seen] == [1, 2, 3, 4, 5]
    assert [source for source, _ in seen] == [one, one, one, other, other]


def test_clear_ends_a_delivery_that_is_under_way() -> None:
    inbox, one, seen = Inbox(), Source(), list[Any]()
    put(inbox, one, 1, 2)
    put(inbox, one, 3)
    take(inbox, seen, lambda event: inbox.clear())
    assert [event for _, event in seen] == [1]
