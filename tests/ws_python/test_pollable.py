"""Tests of ws_python.pollable: one poll is bounded, fair between connections, and loses nothing."""

from __future__ import annotations

import sys
import threading
import time

import pytest
from websockets.frames import Frame, Opcode
from ws_python import Error, WebSocketClient, WebSocketServer

from tests.ws_python.driving import RawClient, named, poll_until, record

# A poll may end so much later: one turn of each connection, and a machine that is busy with something else.
SLACK = 0.25


def longest_poll(server: WebSocketServer) -> float:
    begin = time.perf_counter()
    server.poll()
    return time.perf_counter() - begin


def test_a_flood_of_small_messages_is_handled_in_parts(server: WebSocketServer) -> None:
    log = record(server)
    raws = [RawClient(server.get_local_port()) for _ in range(10)]
    for raw in raws:
        raw.shake_hands(server)
    message = Frame(Opcode.BINARY, b"x").serialize(mask=True)
    count = 20_000
    threads = [threading.Thread(target=lambda raw=raw: flood(raw, message * count)) for raw in raws]
    for thread in threads:
        thread.start()
    times: list[float] = []
    end = time.monotonic() + 60
    while len(log) < count * len(raws) + 10:
        assert time.monotonic() < end
        times.append(longest_poll(server))
    for thread in threads:
        thread.join()
    assert sorted(times)[len(times) // 2] < server.max_poll_time + SLACK
    assert len(named(log, "message_received")) == count * len(raws)
    for raw in raws:
        raw.close()


def flood(raw: RawClient, data: bytes) -> None:
    raw.socket.setblocking(True)
    raw.send_raw(data)


def test_slow_handlers_are_not_called_for_ever(server: WebSocketServer, raw: RawClient) -> None:
    raw.send_raw(Frame(Opcode.TEXT, b"x").serialize(mask=True) * 1000)
    calls: list[int] = []

    def work(_peer_id: int, _message: object) -> None:
        time.sleep(0.001)
        calls.append(1)

    server.message_received.connect(work)
    server.poll()
    poll_until(lambda: bool(calls), server)
    before = len(calls)
    server.poll()
    assert len(calls) - before < 200
    poll_until(lambda: len(calls) == 1000, server, deadline=30)


def test_while_others_flood_one_message_comes_within_three_polls(server: WebSocketServer) -> None:
    log = record(server)
    message = Frame(Opcode.BINARY, b"x").serialize(mask=True)
    raws = [RawClient(server.get_local_port()) for _ in range(50)]
    for raw in raws:
        raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 50, server)
    good = RawClient(server.get_local_port())
    good.shake_hands(server)
    for raw in raws:
        raw.send_raw(message * 10_000)
    for _ in range(3):
        server.poll()
    polls: list[int] = []
    for number in range(5):
        good.send(Opcode.TEXT, str(number).encode())
        count = 0
        while not any(entry[2:] == (str(number),) for entry in log[-20_000:]):
            server.poll()
            count += 1
            assert count < 1000
        polls.append(count)
    assert sorted(polls)[2] <= 3, polls
    for raw in [*raws, good]:
        raw.close()


@pytest.mark.parametrize("node", [WebSocketServer(), WebSocketClient()])
def test_max_poll_time_is_5_milliseconds(node: WebSocketServer | WebSocketClient) -> None:
    assert node.max_poll_time == 0.005


def test_max_poll_time_counts_from_the_next_poll_on(server: WebSocketServer, raw: RawClient) -> None:
    log = record(server)
    server.max_poll_time = 0.0001
    raw.send_raw(Frame(Opcode.TEXT, b"x").serialize(mask=True) * 2000)
    # Windows sleeps longer than asked for.
    server.message_received.connect(lambda *_: time.sleep(0.0001 if server.max_poll_time < 1.0 else 0.0))
    poll_until(lambda: bool(named(log, "message_received")), server)
    assert len(named(log, "message_received")) < 2000
    server.max_poll_time = 1.0
    server.poll()
    assert len(named(log, "message_received")) == 2000


def test_a_poll_that_brings_nothing_calls_no_python(server: WebSocketServer, client: WebSocketClient) -> None:
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}")
    poll_until(
        lambda: server.get_peer_count() == 1 and client.get_ready_state() == client.State.STATE_OPEN, server, client
    )
    called: list[str] = []
    quiet = 0
    end = time.monotonic() + 30
    while quiet < 10:  # What follows the opening handshake, and what is done once a second, calls some.
        called.clear()
        sys.setprofile(lambda frame, event, _argument: called.append(f"{event} {frame.f_code.co_name}"))
        server.poll()
        client.poll()
        sys.setprofile(None)
        quiet = 0 if any(each.startswith("call ") for each in called) else quiet + 1
        assert time.monotonic() < end, called


@pytest.mark.parametrize("name", ["server", "client"])
def test_nothing_can_be_started_on_one_that_is_going(name: str, caplog: pytest.LogCaptureFixture) -> None:
    server, client = WebSocketServer(), WebSocketClient()
    (server if name == "server" else client)._shut_down()
    answer = server.listen(0) if name == "server" else client.connect_to_url("ws://localhost:1/")
    assert answer == Error.ERR_UNAVAILABLE
    assert "this node is being freed; use another one" in caplog.text


def test_shut_down_on_another_thread_ends_on_the_one_that_polls(server: WebSocketServer, raw: RawClient) -> None:
    log = record(server)
    thread = threading.Thread(target=server._shut_down)
    thread.start()
    thread.join()
    poll_until(lambda: raw.receive().eof, WebSocketClient())
    assert (server.is_listening(), log) == (False, [])
    assert raw.protocol.close_rcvd is not None and raw.protocol.close_rcvd.code == 1001
