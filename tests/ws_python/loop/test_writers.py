"""Tests of ws_python.loop.writers: each is flushed once, and one that fails stops no other."""

from __future__ import annotations

import pytest
from ws_python.loop.writers import Writer, Writers


class Counter(Writer):
    """A writer that counts its flushes."""

    def __init__(self) -> None:
        super().__init__()
        self.flushes = 0

    def flush(self) -> None:
        self.flushes += 1


def test_a_flush_is_requested_once_for_several_writers_and_not_in_a_poll() -> None:
    asked: list[int] = []
    writers = Writers(lambda: asked.append(1))
    one, other = Counter(), Counter()
    for writer in (one, one, other):
        writers.add(writer)
    assert len(asked) == 1
    writers.flush()
    assert (one.flushes, other.flushes) == (1, 1)
    writers.polls = 1
    writers.add(one)
    assert len(asked) == 1
    writers.polls = 0


def test_those_that_come_in_the_meantime_are_flushed_too() -> None:
    writers = Writers(lambda: None)
    behind = Counter()

    class Adding(Counter):
        def flush(self) -> None:
            super().flush()
            if self.flushes < 3:
                writers.add(self)
            writers.add(behind)

    first = Adding()
    writers.add(first)
    writers.flush()
    assert (first.flushes, behind.flushes) == (3, 2)


def test_one_that_raises_does_not_stop_those_behind_it(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Counter):
        def flush(self) -> None:
            super().flush()
            raise MemoryError

    writers = Writers(lambda: None)
    broken, behind = Broken(), Counter()
    for _ in range(2):
        writers.add(broken)
        writers.add(behind)
        writers.flush()
    assert (broken.flushes, behind.flushes) == (2, 2)
    assert caplog.messages == ["what was sent could not be written"] * 2


def test_who_was_forgotten_can_be_added_again() -> None:
    writers = Writers(lambda: None)
    writer = Counter()
    writers.add(writer)
    writers.clear()
    writers.flush()
    assert writer.flushes == 0
    writers.add(writer)
    writers.flush()
    assert writer.flushes == 1
