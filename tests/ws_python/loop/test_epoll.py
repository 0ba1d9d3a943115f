"""Tests of ws_python.loop.epoll, driven by the hub: what is ready acts, in order, within its time."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from ws_python.loop.epoll import IS_AVAILABLE, READING, WRITING, Watched
from ws_python.loop.hub import hub

pytestmark = pytest.mark.skipif(not IS_AVAILABLE, reason="only Linux has epoll")


class Ear(Watched):
    """One end of a pair of sockets."""

    def __init__(self, mask: int, work: int = 1) -> None:
        self.here, self.there = socket.socketpair()
        self.heard: list[bytes] = []
        self.wrote = 0
        self.failures: list[Exception] = []
        self.breaks: Exception | None = None
        self.work = work
        hub.loop()
        assert hub.epoll is not None
        self.watch_file(hub.epoll, self.here.fileno(), mask)

    def readable(self) -> int:
        if self.breaks is not None:
            raise self.breaks
        self.heard.append(self.here.recv(1))
        return self.work

    def writable(self) -> int:
        self.wrote += 1
        return self.work

    def failed(self, error: Exception) -> None:
        self.failures.append(error)
        self.unwatch()

    def close(self) -> None:
        self.unwatch()
        self.here.close()
        self.there.close()


@pytest.fixture
def ears() -> Iterator[list[Ear]]:
    ears: list[Ear] = []
    yield ears
    for ear in ears:
        ear.close()


def test_what_is_ready_is_told(ears: list[Ear]) -> None:
    ears += [Ear(READING), Ear(WRITING), Ear(READING | WRITING)]
    for ear in ears:
        ear.there.send(b"xy")
    hub.turn(0.0, 1.0)
    assert [ear.heard for ear in ears] == [[b"x"], [], [b"x"]]
    assert [ear.wrote for ear in ears] == [0, 1, 1]
    assert hub.turn(0.0, 1.0) & 1
    assert ears[0].heard == [b"x", b"y"]


def test_who_is_not_watched_any_more_is_told_nothing(ears: list[Ear]) -> None:
    ears.append(Ear(READING))
    ears[0].there.send(b"x")
    ears[0].unwatch()
    ears[0].unwatch()
    assert hub.turn(0.0, 1.0) == 0
    assert (ears[0].heard, ears[0].fd) == ([], -1)


def test_one_that_ends_another_in_the_same_turn(ears: list[Ear]) -> None:
    """It may even close its descriptor, and the system gives that to the next who opens one."""
    first, second = Ear(READING), Ear(READING)
    ears += [first, second]
    replaced: list[Ear] = []

    class Ending(Ear):
        def readable(self) -> int:
            for ear in (first, second):
                if ear.fd >= 0:
                    ear.close()
            replaced.append(Ear(READING))
            return super().readable()

    ears.append(Ending(READING))
    for ear in ears:
        ear.there.send(b"x")
    hub.turn(0.0, 1.0)
    assert len(replaced) == 1
    assert replaced[0].heard == []
    ears += replaced


def test_those_that_take_long_leave_the_others_for_the_next_turn(ears: list[Ear]) -> None:
    ears += [Ear(READING, work=1000) for _ in range(5)]
    for ear in ears:
        ear.there.send(b"xy")
    assert hub.epoll is not None
    for count in range(1, 5):
        hub.turn(0.0, 0.0)
        assert sum(len(ear.heard) for ear in ears) == count
        assert hub.epoll.has_rest()
    hub.turn(0.0, 0.0)
    assert [len(ear.heard) for ear in ears] == [1] * 5, "each before any comes again"


def test_one_that_fails_is_told_so_and_stops_no_other(ears: list[Ear], caplog: pytest.LogCaptureFixture) -> None:
    ears += [Ear(READING), Ear(READING)]
    ears[0].breaks = LookupError()
    for ear in ears:
        ear.there.send(b"x")
    hub.turn(0.0, 1.0)
    assert (ears[0].failures, ears[1].heard) == ([ears[0].breaks], [b"x"])
    assert caplog.messages == ["a connection could not be read or written, and is dropped"]
    hub.turn(0.0, 1.0)
    assert len(ears[0].failures) == 1


def test_a_wait_ends_with_the_first_that_is_ready(ears: list[Ear]) -> None:
    ears.append(Ear(READING))
    ears[0].there.send(b"x")
    hub.turn(3600.0, 1.0)
    assert ears[0].heard == [b"x"]
