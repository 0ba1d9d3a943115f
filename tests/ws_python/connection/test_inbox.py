"""Tests of ws_python.connection.inbox: what arrived is handed out in turn, also by nested deliveries, and in time."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakMethod, ref

import pytest
from ws_python.connection.inbox import Inbox, PeerSink, Sink
from ws_python.connection.intake import Intake
from ws_python.connection.meter import Meter
from ws_python.connection.outbox import Outbox
from ws_python.loop.hub import hub

FOREVER = float("inf")
# Of connection/inbox.pyx, intake.pyx: events of one connection before others have their turn, those of all before the
# clock is asked, and those of one in a round, after which it waits behind others that say less.
TURN, EVENTS_PER_CLOCK, SHARE = 16, 32, 64


class Note:
    """An event that is no message."""

    def __init__(self, name: str) -> None:
        self.name = name

    def tell(self, listener: Handler, connection: object) -> None:
        listener.note(connection, self.name)


class Handler(Sink):
    """Notes what it is told, and then calls `inner`. Has the inbox, and is its listener."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, Any]] = []
        self.inner: Callable[[Any], object] = lambda event: None
        self.settled = 0
        self.inbox = Inbox(self, ref(self))  # type: ignore[arg-type]

    def message(self, source: Intake, message: str | bytes) -> None:
        self.note(source.owner, message)

    def settle(self) -> None:
        self.settled += 1

    def note(self, owner: object, event: object) -> None:
        self.seen.append((owner, event))
        self.inner(event)

    def events(self) -> list[Any]:
        return [event for _, event in self.seen]


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def inbox(handler: Handler) -> Inbox:
    return handler.inbox


def intake(inbox: Inbox, owner: object = None) -> Intake:
    meter = Meter()
    return Intake(owner, inbox.waiting, Outbox(owner, meter, 1000), meter, 1000)


class TestOrder:
    def test_within_a_connection_everything_comes_in_order(self, handler: Handler, inbox: Inbox) -> None:
        one, other = intake(inbox, 1), intake(inbox, 2)
        one.put(["1", b"2"], 2)
        other.put([Note("3")], 1)
        one.put(["4"], 1)
        assert not inbox.is_empty()
        inbox.deliver(FOREVER)
        assert handler.seen == [(1, "1"), (1, b"2"), (1, "4"), (2, "3")]
        assert inbox.is_empty()

    def test_connections_take_turns(self, handler: Handler, inbox: Inbox) -> None:
        busy, other = intake(inbox, "busy"), intake(inbox, "other")
        busy.put(["x"] * 100, 100)
        other.put(["y"], 1)
        inbox.deliver(FOREVER)
        assert handler.seen.index(("other", "y")) == TURN
        assert len(handler.seen) == 101

    def test_what_comes_meanwhile_waits_behind(self, handler: Handler, inbox: Inbox) -> None:
        one = intake(inbox)
        one.put(["1", "2"], 2)
        handler.inner = lambda event: one.put(["3"], 1) if event == "1" else None
        inbox.deliver(FOREVER)
        assert handler.events() == ["1", "2", "3"]

    def test_the_sink_settles_before_anything_but_a_message(self, handler: Handler, inbox: Inbox) -> None:
        intake(inbox).put(["1", Note("2"), "3"], 3)
        inbox.deliver(FOREVER)
        assert handler.settled == 1

    def test_nothing_is_put_for_nobody(self, inbox: Inbox) -> None:
        one = intake(inbox)
        one.put(["0"], 1)
        one.ignore()
        one.put(["1"], 1)
        inbox.deliver(FOREVER)
        assert inbox.is_empty()

    def test_what_a_handler_ignores_is_not_handed_out(self, handler: Handler, inbox: Inbox) -> None:
        one, other = intake(inbox), intake(inbox)
        one.put(["1", "2"], 2)
        other.put(["3"], 1)
        handler.inner = lambda event: one.ignore()
        inbox.deliver(FOREVER)
        assert handler.events() == ["1", "3"]

    def test_what_was_handed_out_is_not_kept(self, handler: Handler, inbox: Inbox) -> None:
        message = bytes(1000)
        before = sys.getrefcount(message)
        references = list[int]()

        def count(_event: object) -> None:
            handler.seen.clear()
            references.append(sys.getrefcount(message))

        handler.inner = count
        intake(inbox).put([message, "another"], 2000)
        inbox.deliver(FOREVER)
        assert references[1] == sys.getrefcount(message) == before, "while the next one is handed out, and after it"

    def test_what_is_left_when_its_owner_is_gone_is_told_to_nobody(self) -> None:
        handler = Handler()
        inbox = Inbox(Sink(), WeakMethod(handler.events))  # type: ignore[arg-type]
        del handler
        gc.collect()
        intake(inbox).put([Note("1")], 1)
        inbox.deliver(FOREVER)
        assert inbox.is_empty()


class TestNesting:
    def test_an_inner_delivery_goes_on_where_the_outer_one_is(self, handler: Handler, inbox: Inbox) -> None:
        one, other = intake(inbox, 1), intake(inbox, 2)
        one.put(["1", "2", "3"], 3)
        other.put([Note("4"), "5"], 2)
        handler.inner = lambda event: inbox.deliver(FOREVER) if event in ("2", "4") else None
        inbox.deliver(FOREVER)
        assert handler.seen == [(1, "1"), (1, "2"), (1, "3"), (2, "4"), (2, "5")]

    def test_deliveries_do_not_nest_without_end(self, handler: Handler, inbox: Inbox) -> None:
        intake(inbox).put(["x"] * 100, 100)
        depth = deepest = 0

        def nest(_event: object) -> None:
            nonlocal depth, deepest
            depth += 1
            deepest = max(deepest, depth)
            inbox.deliver(FOREVER)
            depth -= 1

        handler.inner = nest
        inbox.deliver(FOREVER)
        assert (len(handler.seen), deepest) == (100, 16)

    def test_after_a_handler_that_raised_the_next_delivery_goes_on(self, handler: Handler, inbox: Inbox) -> None:
        def broken(event: object) -> None:
            if event == "1":
                raise LookupError

        intake(inbox).put(["1", "2"], 2)
        handler.inner = broken
        with pytest.raises(LookupError):
            inbox.deliver(FOREVER)
        inbox.deliver(FOREVER)
        assert handler.events() == ["1", "2"]


class TestTime:
    def test_when_it_is_up_the_rest_waits_in_order(self, handler: Handler, inbox: Inbox) -> None:
        one, other = intake(inbox, 1), intake(inbox, 2)
        one.put([str(number) for number in range(1000)], 1000)
        other.put(["x"] * 1000, 1000)
        deliveries = 0
        while not inbox.is_empty():
            before = len(handler.seen)
            inbox.deliver(0.0)
            deliveries += 1
            assert 0 < len(handler.seen) - before <= EVENTS_PER_CLOCK
            assert hub.is_behind is not inbox.is_empty()
            hub.is_behind = False
        assert deliveries > 10
        assert [event for owner, event in handler.seen if owner == 1] == [str(number) for number in range(1000)]
        assert len(handler.seen) == 2000

    def test_slow_handlers_end_it_soon_after_its_time(self, handler: Handler, inbox: Inbox) -> None:
        intake(inbox).put(["x"] * 1000, 1000)
        handler.inner = lambda event: time.sleep(0.001)
        inbox.deliver(time.monotonic() + 0.01)
        assert len(handler.seen) <= 10 + EVENTS_PER_CLOCK

    def test_whoever_floods_keeps_nobody_waiting(self, handler: Handler, inbox: Inbox) -> None:
        """Each delivery has the time for two connections; the one behind fifty comes in the 26th at the latest."""
        flooding = [intake(inbox, "flooding") for _ in range(50)]
        for each in flooding:
            each.put(["x"] * 100_000, 100_000)
        intake(inbox, "well-behaved").put(["y"], 1)
        deliveries = 0
        while ("well-behaved", "y") not in handler.seen:
            inbox.deliver(0.0)
            deliveries += 1
        assert deliveries <= 26

    def test_who_says_little_is_heard_before_all_who_flood(self, handler: Handler, inbox: Inbox) -> None:
        for _ in range(50):
            intake(inbox, "flooding").put(["x"] * 100_000, 100_000)
        for _ in range(50 * SHARE // EVENTS_PER_CLOCK):
            inbox.deliver(0.0)  # Each has had its share.
        handler.seen.clear()
        talker = intake(inbox, "well-behaved")
        for number in range(500):
            talker.put([str(number)], 1)
            inbox.deliver(0.0)
            assert handler.seen.count(("well-behaved", str(number))) == 1
        assert handler.seen.count(("flooding", "x")) >= 499 * TURN, "they go on, too"

    def test_who_says_much_is_not_kept_waiting_for_ever(self, handler: Handler, inbox: Inbox) -> None:
        """Those who say little take all the time that there is: only their share goes before the others."""
        flooding = intake(inbox, "flooding")
        flooding.put(["x"] * 100_000, 100_000)
        talkers = [intake(inbox, "talking") for _ in range(EVENTS_PER_CLOCK)]
        for _ in range(SHARE // EVENTS_PER_CLOCK):
            inbox.deliver(0.0)
        handler.seen.clear()
        for _ in range(10 * SHARE):
            for each in talkers:
                each.put(["y"], 1)
            inbox.deliver(0.0)
        assert handler.seen.count(("flooding", "x")) >= 5 * TURN
        assert handler.seen.count(("talking", "y")) >= 5 * SHARE * EVENTS_PER_CLOCK

    def test_all_who_flood_have_as_much(self, handler: Handler, inbox: Inbox) -> None:
        flooding = [intake(inbox, number) for number in range(5)]
        for each in flooding:
            each.put(["x"] * 10_000, 10_000)
        while len(handler.seen) < 5_000:
            inbox.deliver(0.0)
        heard = [sum(owner == number for owner, _ in handler.seen) for number in range(5)]
        assert max(heard) - min(heard) <= SHARE


class TestPeerSink:
    class Sink(PeerSink):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[tuple[str, object]] = []
            self.inner: Callable[[], object] = lambda: None

        def tell_server(self, source: Intake, message: str | bytes) -> None:
            self.seen.append(("server", message))
            self.inner()

        def tell_peer(self, source: Intake, message: str | bytes) -> None:
            self.seen.append(("peer", message))

    def test_a_peer_is_told_of_a_message_before_the_server_of_the_next_one(self) -> None:
        sink = self.Sink()
        inbox = Inbox(sink, lambda: None)
        one = intake(inbox)
        one.peer = object()
        one.put(["1", "2"], 2)
        sink.inner = lambda: inbox.deliver(FOREVER)
        inbox.deliver(FOREVER)
        assert sink.seen == [("server", "1"), ("peer", "1"), ("server", "2"), ("peer", "2")]

    def test_a_peer_that_the_handler_has_taken_away_is_told_nothing(self) -> None:
        sink = self.Sink()
        inbox = Inbox(sink, lambda: None)
        one = intake(inbox)
        one.peer = object()
        one.put(["1"], 1)
        sink.inner = lambda: setattr(one, "peer", None)
        inbox.deliver(FOREVER)
        assert sink.seen == [("server", "1")]

    def test_a_peer_is_announced_before_its_first_message(self) -> None:
        sink = self.Sink()
        inbox = Inbox(sink, lambda: None)
        intake(inbox).put(["1"], 1)
        sink.announce = lambda: sink.seen.append(("announced", None))
        inbox.deliver(FOREVER)
        sink.settle()
        assert sink.seen == [("announced", None), ("server", "1")]
