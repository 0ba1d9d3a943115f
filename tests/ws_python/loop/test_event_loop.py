"""Tests of ws_python.loop.event_loop: asyncio's loop in bounded turns."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ws_python.loop.event_loop import EventLoop

FOREVER = float("inf")


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    loop = EventLoop()
    yield loop
    loop.close()


def test_a_turn_calls_what_is_ready_and_not_what_that_makes_ready(loop: EventLoop) -> None:
    calls: list[int] = []
    loop.call_soon(lambda: (calls.append(1), loop.call_soon(calls.append, 2)))  # type: ignore[func-returns-value]
    loop.turn(FOREVER)
    assert calls == [1] and loop.has_ready()
    loop.turn(FOREVER)
    assert calls == [1, 2] and not loop.has_ready()


def test_without_time_it_calls_one(loop: EventLoop) -> None:
    calls: list[int] = []
    for number in range(3):
        loop.call_soon(calls.append, number)
    for count in (1, 2, 3):
        loop.turn(0.0)
        assert calls == list(range(count))


def test_a_file_is_handled_once_for_each_time_that_it_was_ready(loop: EventLoop) -> None:
    """Also where a turn had no time for it: the next one does not ask the selector before."""
    here, there = socket.socketpair()
    reads: list[bytes] = []
    loop.add_reader(there, lambda: reads.append(there.recv(10)))
    here.send(b"x")
    loop.call_soon(lambda: None)
    loop.call_soon(lambda: None)
    for _ in range(5):
        loop.turn(0.0)
    assert reads == [b"x"]
    loop.remove_reader(there)
    here.close()
    there.close()


def test_timers(loop: EventLoop) -> None:
    calls: list[int] = []
    loop.call_later(0.0, calls.append, 1)
    cancelled = loop.call_later(0.0, calls.append, 2)
    cancelled.cancel()
    later = loop.call_later(3600.0, calls.append, 3)
    loop.turn(FOREVER)
    assert calls == [1]
    assert loop.next_timer() == later.when()
    later.cancel()


def test_tasks_and_futures(loop: EventLoop) -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 5

    task = loop.create_task(work())
    while not task.done():
        loop.turn(FOREVER)
    assert task.result() == 5


@pytest.mark.parametrize("outcome", [[("answer",)], OSError("unknown")])
def test_names_are_resolved_on_a_daemon_thread(loop: EventLoop, outcome: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def resolve(host: str, port: int, *hints: object) -> object:
        threads.append(threading.current_thread())
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    task = loop.create_task(loop.getaddrinfo("example.com", 80))
    end = time.monotonic() + 10
    while not task.done():
        assert time.monotonic() < end
        loop.turn(FOREVER)
    assert (task.exception() or task.result()) == outcome
    assert threads[0].daemon and threads[0] is not threading.current_thread()


def test_what_is_wrong_in_a_callback_is_logged(loop: EventLoop, caplog: pytest.LogCaptureFixture) -> None:
    loop.call_soon(lambda: 1 // 0)
    loop.turn(FOREVER)
    assert "Exception in callback" in caplog.text and "ZeroDivisionError" in caplog.text


def test_a_turn_within_a_turn_does_nothing(loop: EventLoop) -> None:
    called: list[int] = []

    def outer() -> None:
        loop.call_soon(called.append, 2)
        loop.turn(FOREVER)
        called.append(1)

    loop.call_soon(outer)
    loop.turn(FOREVER)
    loop.turn(FOREVER)
    assert called == [1, 2]
