"""Tests of ws_python.loop.deadlines: time counts in which somebody polled, and what is due comes in order, once."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest
from websockets.utils import accept_key
from ws_python import WebSocketClient, WebSocketServer
from ws_python.loop.deadlines import UNNOTICED, Deadline, Deadlines
from ws_python.loop.hub import hub

from tests.ws_python.driving import poll_until


def turn_until_passed(passed: list[int], count: int) -> None:
    end = time.monotonic() + 10
    while len(passed) < count:
        assert time.monotonic() < end
        hub.turn(0.01, 1.0)


@pytest.fixture(autouse=True)
def loop() -> None:
    hub.loop()


def test_they_pass_in_order_and_once() -> None:
    passed: list[int] = []
    for number, seconds in ((3, 0.03), (1, 0.01), (2, 0.02), (4, 0.03)):
        hub.deadlines.after(seconds, lambda number=number: passed.append(number))  # type: ignore[misc]
    turn_until_passed(passed, 4)
    for _ in range(5):
        hub.turn(0.0, 1.0)
    assert passed == [1, 2, 3, 4]
    assert hub.deadlines.next_due == float("inf")


def test_time_in_which_nobody_polled_does_not_count() -> None:
    passed: list[int] = []
    for _ in range(30):  # What is usual is short.
        hub.turn(0.0, 1.0)
    hub.deadlines.after(2.0 * UNNOTICED, lambda: passed.append(1))
    time.sleep(5.0 * UNNOTICED)
    before = hub.deadlines.now
    hub.turn(0.0, 1.0)
    assert passed == []
    assert hub.deadlines.now - before == pytest.approx(UNNOTICED, abs=0.05)


def test_polls_that_are_always_far_apart_count() -> None:
    """A game at 2 fps, such as one in the background."""
    hub.turn(0.0, 1.0)
    before, start = hub.deadlines.now, time.monotonic()
    for _ in range(4):
        time.sleep(0.5)
        hub.turn(0.0, 1.0)
    assert hub.deadlines.now - before >= time.monotonic() - start - 0.7, "all but the first, which was unusual"


def test_an_answer_that_lies_in_the_system_counts_before_a_deadline() -> None:
    """The sockets are looked at first: the server's answer came while nobody polled."""
    client = WebSocketClient()
    client.connect_timeout = 0.1
    accepted: list[socket.socket] = []
    asked = b""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)

        def has_asked() -> bool:
            nonlocal asked
            with contextlib.suppress(BlockingIOError):
                accepted.append(listening.accept()[0])
                accepted[-1].setblocking(False)
            if client.status == client.Status.STATUS_IDLE:  # Where the machine is busy, an attempt may take too long.
                asked = b""
                client.connect_to_url(f"ws://127.0.0.1:{listening.getsockname()[1]}/")
            elif accepted and not asked:
                with contextlib.suppress(BlockingIOError):
                    asked = accepted[-1].recv(4096)
            return bool(asked)

        poll_until(has_asked, client)
        key = next(line for line in asked.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        accepted[-1].sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept_key(key.split(b": ")[1].decode()).encode()
            + b"\r\n\r\n"
        )
        time.sleep(0.3)  # Three times connect_timeout, and nobody polls.
        poll_until(lambda: client.status != client.Status.STATUS_CONNECTING, client)
        assert client.status == client.Status.STATUS_ACTIVE
    for connection in accepted:
        connection.close()


def test_a_cancelled_one_does_not_pass() -> None:
    passed: list[int] = []
    kept = hub.deadlines.after(0.01, lambda: passed.append(1))
    cancelled = hub.deadlines.after(0.0, lambda: passed.append(2))
    cancelled.cancel()
    cancelled.cancel()
    turn_until_passed(passed, 1)
    kept.cancel()
    assert passed == [1]


def test_one_may_be_cancelled_by_another_that_is_due_with_it() -> None:
    passed: list[int] = []
    second: list[Deadline] = []
    hub.deadlines.after(0.0, lambda: (passed.append(1), second[0].cancel()))  # type: ignore[func-returns-value]
    second.append(hub.deadlines.after(0.0, lambda: passed.append(2)))
    for _ in range(3):
        hub.turn(0.0, 1.0)
    assert passed == [1]


def test_one_that_raises_does_not_stop_those_behind_it(caplog: pytest.LogCaptureFixture) -> None:
    passed: list[int] = []
    hub.deadlines.after(0.0, lambda: 1 // 0)
    hub.deadlines.after(0.0, lambda: passed.append(1))
    turn_until_passed(passed, 1)
    assert caplog.messages == ["a deadline could not be kept"]


def test_those_that_take_long_leave_the_others_for_the_next_turn() -> None:
    passed: list[int] = []

    def work() -> None:
        time.sleep(0.01)
        passed.append(len(passed))

    for _ in range(3):
        hub.deadlines.after(0.0, work)
    hub.turn(0.0, 0.001)
    assert passed == [0]
    turn_until_passed(passed, 3)
    assert passed == [0, 1, 2]


def test_those_that_are_cancelled_are_not_kept() -> None:
    """10,000 handshakes that succeed leave no 10,000 deadlines."""
    deadlines = Deadlines()
    first = deadlines.after(1.0, lambda: None)
    kept = []
    for _ in range(10_000):
        deadline = deadlines.after(5.0, lambda: None)
        kept.append(deadline)
        deadline.cancel()
    first.cancel()
    assert deadlines.next_due == float("inf")


def test_an_answer_has_some_polls_however_long_the_last_one_was_ago() -> None:
    """A level is loaded in two parts: between them there is time for one poll only."""
    passed: list[int] = []
    server = WebSocketServer()
    server.bind_address = "localhost"
    assert server.listen(0) == 0
    time.sleep(0.3)
    server.poll()
    hub.deadlines.of_answer(0.2, lambda: passed.append(1))
    time.sleep(0.3)
    for _ in range(5):
        server.poll()
        assert passed == []
    server.poll()
    assert passed == [1]
    server.stop()
