"""Tests of ws_python.features.requests: over real connections with sessions."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from ws_python import Error, WebSocketClient, WebSocketPeer, WebSocketReply, WebSocketServer
from ws_python.loop.hub import hub

from tests.ws_python.driving import listening, named, poll_until, record

Pair = tuple[WebSocketServer, WebSocketClient, int]


@pytest.fixture
def pair() -> Pair:
    return connected(listening(session_timeout=30.0))


def connected(server: WebSocketServer, **settings: object) -> Pair:
    client = WebSocketClient()
    client.session = True
    client.reconnect_delay = 0.05
    client.reconnect_delay_max = 0.05
    for name, value in settings.items():
        setattr(client, name, value)
    assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/") == 0
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE and server.get_peer_count() == 1, server, client)
    return server, client, server.get_peer_ids()[0]


def outcome(reply: WebSocketReply, *nodes: Any) -> tuple[Error, str, Any]:
    poll_until(lambda: reply.is_completed, *nodes)
    return reply.error, reply.message, reply.data


def cut(client: WebSocketClient) -> None:
    """The connection breaks, as by a network that is gone."""
    assert client._connection is not None
    client._connection.drop("cut")


@pytest.fixture
def forever(pair: Pair) -> list[Any]:
    """What the server's handler "forever" has returned: it answers when a test sets the result."""
    futures: list[Any] = []

    def handler(_peer_id: int, _data: object) -> concurrent.futures.Future[Any]:
        futures.append(concurrent.futures.Future())
        return futures[-1]  # type: ignore[no-any-return]

    pair[0].handle("forever", handler)
    return futures


# --- asking and answering


@pytest.mark.parametrize("value", [None, True, 5, 2.5, "ä\0", [1, [2]], {"a": {"b": None}}, b"\0\xff", b"", "\x10"])
def test_values_go_and_come(pair: Pair, value: object) -> None:
    server, client, peer_id = pair
    asked: list[Any] = []

    def echo(*arguments: Any) -> Any:
        asked.append(arguments)
        return arguments[-1]

    server.handle("echo", echo)
    client.handle("echo", echo)
    assert outcome(client.request("echo", value), server, client) == (Error.OK, "", value)
    assert outcome(server.request(peer_id, "echo", value), server, client) == (Error.OK, "", value)
    peer = server.get_peer(peer_id)
    assert isinstance(peer, WebSocketPeer)
    assert outcome(peer.start_request("echo", value), server, client) == (Error.OK, "", value)
    assert asked == [(peer_id, value), (value,), (value,)]


def test_in_order_with_messages(pair: Pair) -> None:
    server, client, _ = pair
    log: list[Any] = []
    server.message_received.connect(lambda _peer_id, message: log.append(message))
    server.handle("note", lambda _peer_id, data: log.append(data))
    for number in range(20):
        client.send(f"m{number}")
        client.request("note", f"r{number}")
    poll_until(lambda: len(log) == 40, server, client)
    assert log == [f"{kind}{number}" for number in range(20) for kind in "mr"]


def test_before_the_session_is_there() -> None:
    """The client has not yet heard that the server knows the layer: what it asks waits for that."""
    server = listening(session_timeout=30.0)
    server.handle("echo", lambda _peer_id, data: data)
    client = WebSocketClient()
    client.session = True
    replies: list[WebSocketReply] = []
    client.connected_to_server.connect(lambda: replies.append(client.request("echo", 1)))
    log = record(server)
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
    poll_until(lambda: bool(replies), server, client)
    client.send("after")
    assert outcome(replies[0], server, client) == (Error.OK, "", 1)
    poll_until(lambda: len(named(log, "message_received")) == 1, server, client)


def test_handlers_that_answer_later(pair: Pair) -> None:
    server, client, _ = pair
    thread_of: list[int] = []

    async def slow(_peer_id: int, data: Any) -> Any:
        await asyncio.sleep(0.02)
        thread_of.append(threading.get_ident())
        return data

    pool = concurrent.futures.ThreadPoolExecutor(1)
    server.handle("slow", slow)
    server.handle("thread", lambda _peer_id, data: pool.submit(lambda: data))
    server.handle("fast", lambda _peer_id, data: data)
    slow_one, thread, fast = (client.request(name, name) for name in ("slow", "thread", "fast"))
    assert outcome(fast, server, client)[2] == "fast"
    assert not slow_one.is_completed, "others are answered meanwhile"
    assert outcome(slow_one, server, client)[2] == "slow"
    assert outcome(thread, server, client)[2] == "thread"
    assert thread_of == [threading.get_ident()]
    pool.shutdown()


def test_a_handler_that_asks_the_one_who_asks(pair: Pair) -> None:
    server, client, _ = pair
    client.handle("name", lambda _data: "Ada")
    server.handle("greet", lambda who, _data: server.request(who, "name"))

    async def greet(who: int, _data: object) -> str:
        reply = await server.request(who, "name")
        return f"Hello {reply.data}"

    server.handle("greet2", greet)
    assert outcome(client.request("greet"), server, client) == (Error.OK, "", "Ada"), "it passes on the reply"
    assert outcome(client.request("greet2"), server, client) == (Error.OK, "", "Hello Ada")


def test_awaited_in_asyncio() -> None:
    async def main() -> None:
        server = listening(session_timeout=30.0)
        server.handle("echo", lambda _peer_id, data: data)
        client = WebSocketClient()
        client.session = True
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        await client.connected()
        replies = await asyncio.gather(*(client.request("echo", number) for number in range(100)))
        assert [reply.data for reply in replies] == list(range(100))
        reply = await client.request("echo", "again")
        assert await reply is reply, "at once"
        server.handle("never", lambda _peer_id, _data: asyncio.get_running_loop().create_future())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.request("never"), 0.05)
        assert client._dialogue.waiting == 0, "who does not wait any more has cancelled it"
        client.close()
        await client.closed()
        server.stop()

    asyncio.run(asyncio.wait_for(main(), 10.0))


# --- errors


def test_what_a_handler_answers_as_an_error(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    server, client, _ = pair
    server.handle("fail", lambda _peer_id, data: WebSocketReply.fail(Error(data), "words\nä"))
    server.handle("raise", lambda _peer_id, _data: dict[str, str]()["secret"])
    server.handle("unsendable", lambda _peer_id, _data: object())
    server.handle("surrogate", lambda _peer_id, _data: "\ud800")
    server.handle("nobody", lambda: None)

    async def cancelled(_peer_id: int, _data: object) -> None:
        raise asyncio.CancelledError

    server.handle("cancelled", cancelled)
    assert outcome(client.request("fail", 32), server, client) == (Error.ERR_ALREADY_EXISTS, "words\nä", None)
    assert outcome(client.request("fail", 0), server, client)[0] == Error.FAILED, "OK is no error"
    with caplog.at_level(logging.ERROR):
        for name in ("raise", "unsendable", "surrogate", "nobody", "cancelled"):
            error, message, data = outcome(client.request(name), server, client)
            assert (error, data) == (Error.ERR_SCRIPT_FAILED, None), name
            assert "secret" not in message
    assert len(caplog.records) == 5
    assert not any("\n" in entry.getMessage() for entry in caplog.records)
    assert outcome(client.request("missing"), server, client)[0] == Error.ERR_METHOD_NOT_FOUND
    server.handle("fail", None)
    assert outcome(client.request("fail", 1), server, client)[0] == Error.ERR_METHOD_NOT_FOUND, "taken back"


def test_what_cannot_be_asked(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    server, client, _ = pair
    for method, data, timeout in (
        ("a b", None, 0.0),
        ("", None, 0.0),
        ("m" * 129, None, 0.0),
        ("m", object(), 0.0),
        ("m", "\udc00", 0.0),
        ("m", float("nan"), 0.0),
        ("m", None, -1.0),
        ("m", None, float("nan")),
        ("m", None, float("inf")),
    ):
        reply = client.request(method, data, timeout)
        assert reply.is_completed
        assert reply.error == Error.ERR_INVALID_PARAMETER
        assert reply.message
    assert len(caplog.records) == 9
    assert client._dialogue.waiting == 0
    assert server.handle("a b", lambda: None) == Error.ERR_INVALID_PARAMETER
    assert server.handle("m", 5) == Error.ERR_INVALID_PARAMETER  # type: ignore[arg-type]
    assert server.request(1, "m").error == Error.ERR_DOES_NOT_EXIST
    assert server.request(0, "m").error == Error.ERR_DOES_NOT_EXIST


def test_without_a_connection_or_a_session(caplog: pytest.LogCaptureFixture) -> None:
    assert WebSocketClient().request("m").error == Error.ERR_CONNECTION_ERROR
    assert WebSocketPeer().start_request("m").error == Error.ERR_CONNECTION_ERROR
    server, client, peer_id = connected(listening(), session=False)
    caplog.clear()
    assert client.request("m").error == Error.ERR_UNAVAILABLE
    assert server.request(peer_id, "m").error == Error.ERR_UNAVAILABLE
    assert ["session_timeout" in entry.getMessage() for entry in caplog.records] == [True, True]
    client.close()
    poll_until(lambda: client.status == client.Status.STATUS_IDLE, server, client)
    assert client.request("m").error == Error.ERR_CONNECTION_ERROR


def test_a_server_that_does_not_know_the_layer() -> None:
    server = listening()
    client = WebSocketClient()
    client.session = True
    replies: list[WebSocketReply] = []
    client.connected_to_server.connect(lambda: replies.append(client.request("m")))
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
    poll_until(lambda: bool(replies), server, client)
    assert outcome(replies[0], server, client)[0] == Error.ERR_UNAVAILABLE


def test_a_timeout(pair: Pair, forever: list[Any]) -> None:
    server, client, _ = pair
    assert outcome(client.request("forever", None, 0.05), server, client)[0] == Error.ERR_TIMEOUT
    client.request_timeout = 0.1
    assert outcome(client.request("forever"), server, client)[0] == Error.ERR_TIMEOUT
    dialogue = server.get_peer(server.get_peer_ids()[0])._dialogue  # type: ignore[union-attr]
    poll_until(lambda: not dialogue.is_awaited(1) and not dialogue.is_awaited(2), server, client)
    sent = server._meter.messages_sent
    for future in forever:
        future.set_result("late")
    poll_until(lambda: dialogue.handled == 0, server, client)
    assert server._meter.messages_sent == sent, "what nobody waits for is not answered"


def test_cancelled_twice_late_and_in_its_own_handler(pair: Pair, forever: list[Any]) -> None:
    server, client, _ = pair
    reply = client.request("forever")
    told: list[Any] = []

    def tell(given: WebSocketReply) -> None:
        told.append(given)
        given.cancel()

    reply.completed.connect(tell)
    assert reply.error == Error.ERR_BUSY
    poll_until(lambda: len(forever) == 1, server, client)
    reply.cancel()
    reply.cancel()
    assert told == [reply]
    assert reply.error == Error.ERR_SKIP
    forever[0].set_result(1)
    server.handle("echo", lambda _peer_id, data: data)
    done = client.request("echo", 5)
    outcome(done, server, client)
    done.cancel()
    assert (done.error, done.data) == (Error.OK, 5)
    assert reply.error == Error.ERR_SKIP


# --- bounds


def test_a_stranger_asks_too_much(pair: Pair, forever: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    server, client, _ = pair
    server.max_requests = 3
    replies = [client.request("forever") for _ in range(10)]
    poll_until(lambda: sum(reply.is_completed for reply in replies) == 7, server, client)
    assert {reply.error for reply in replies[3:]} == {Error.ERR_BUSY}
    assert len(forever) == 3
    assert server.get_statistics()["counts"]["requests_refused_busy"] == 7
    assert sum("max_requests" in entry.getMessage() for entry in caplog.records) == 1
    replies[0].cancel()
    poll_until(lambda: not server.get_peer(server.get_peer_ids()[0])._dialogue.is_awaited(1), server, client)  # type: ignore[union-attr]
    assert outcome(client.request("forever"), server, client)[0] == Error.ERR_BUSY, "its handler still runs"
    forever[0].set_result(None)
    forever[1].set_result("x")
    assert outcome(replies[1], server, client)[2] == "x"
    again = client.request("forever")
    poll_until(lambda: len(forever) == 4, server, client)
    forever[3].set_result("y")
    assert outcome(again, server, client)[2] == "y"


def test_answers_that_find_no_room_come_later() -> None:
    server, client, _ = connected(listening(session_timeout=30.0, session_buffer_size=64 * 1024))
    server.handle("big", lambda _peer_id, data: "x" * 20_000 + str(data))
    server.handle("huge", lambda _peer_id, _data: "x" * 100_000)
    replies = [client.request("big", number) for number in range(30)]
    poll_until(lambda: all(reply.is_completed for reply in replies), server, client)
    assert {reply.error for reply in replies} == {Error.OK}
    assert [reply.data[20_000:] for reply in replies] == [str(number) for number in range(30)]
    assert outcome(client.request("huge"), server, client)[0] == Error.ERR_OUT_OF_MEMORY


def test_no_room_to_ask() -> None:
    server, client, _ = connected(listening(session_timeout=30.0), session_buffer_size=1024)
    replies = [client.request("m", "x" * 400) for _ in range(3)]
    assert [reply.error for reply in replies if reply.is_completed] == [Error.ERR_BUSY]
    assert client.request("m", "x" * 2000).error == Error.ERR_OUT_OF_MEMORY
    for reply in replies[:2]:
        assert outcome(reply, server, client)[0] == Error.ERR_METHOD_NOT_FOUND


@pytest.mark.parametrize("text", ["\x10q0 m\n", "\x10q1\n", "\x10r1\n", "\x10k9\n", "\x10xa b\n"])
def test_who_breaks_the_rules_is_closed(pair: Pair, text: str) -> None:
    server, client, _ = pair
    assert client._connection is not None
    client.send("first")
    client._connection.outbox.put_messages([text])
    log = record(server)
    poll_until(lambda: server.get_statistics()["counts"].get("closed_bad_request", 0) == 1, server, client)
    assert ("message_received", *named(log, "message_received")[0]) in log, "what came before is delivered"


@pytest.mark.parametrize("payload", ["{", "[1,]", "NaN", '"\\ud800"', "[" * 100_000])
def test_data_that_cannot_be_read(pair: Pair, payload: str) -> None:
    server, client, _ = pair
    asked: list[Any] = []
    server.handle("m", lambda _peer_id, data: asked.append(data))
    reply = client.request("m")
    assert client._connection is not None
    outcome(reply, server, client)
    client._send_layer("q", "2 m", payload)
    poll_until(lambda: server.get_statistics()["counts"].get("requests_unreadable", 0) == 1, server)
    assert asked == [None]


# --- cuts and ends


def test_a_request_survives_a_cut(pair: Pair, forever: list[Any]) -> None:
    server, client, peer_id = pair
    client.handle("echo", lambda data: data)
    log = record(client)
    before = client.request("forever", "before")
    poll_until(lambda: len(forever) == 1, server, client)
    cut(client)
    meanwhile = client.request("forever", "meanwhile")
    back = server.request(peer_id, "echo", 5)
    forever[0].set_result("first")
    assert outcome(before, server, client) == (Error.OK, "", "first")
    poll_until(lambda: len(forever) == 2, server, client)
    forever[1].set_result("second")
    assert outcome(meanwhile, server, client) == (Error.OK, "", "second")
    assert outcome(back, server, client) == (Error.OK, "", 5)
    assert named(log, "connection_resumed") == [()]
    assert len(forever) == 2, "each was handled once"


def test_many_cuts_and_many_requests(pair: Pair) -> None:
    server, client, _ = pair
    handled: list[int] = []

    def note(_peer_id: int, data: int) -> int:
        handled.append(data)
        return data

    server.handle("note", note)
    replies: list[WebSocketReply] = []
    for round_number in range(10):
        replies += [client.request("note", 20 * round_number + number) for number in range(20)]
        if round_number % 3:
            for _ in range(round_number):
                server.poll()
                client.poll()
        if client._connection is not None:
            cut(client)
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)
    poll_until(lambda: all(reply.is_completed for reply in replies), server, client)
    assert handled == list(range(200)), "once each, in order"
    assert [reply.data for reply in replies] == handled


def test_the_timeout_counts_while_the_connection_is_cut(pair: Pair, forever: list[Any]) -> None:
    server, client, _ = pair
    server.stop()
    reply = client.request("forever", None, 0.2)
    assert outcome(reply, client)[0] == Error.ERR_TIMEOUT
    assert client.status == client.Status.STATUS_RECONNECTING


def test_the_session_ends(pair: Pair, forever: list[Any]) -> None:
    server, client, peer_id = pair
    client.handle("never", lambda _data: concurrent.futures.Future())
    mine, theirs = client.request("forever"), server.request(peer_id, "never")
    poll_until(lambda: len(forever) == 1, server, client)
    log = record(client)
    mine.completed.connect(lambda _reply: log.append("completed"))  # type: ignore[arg-type]
    client.close()
    assert outcome(mine, server, client)[0] == Error.ERR_CONNECTION_ERROR
    assert outcome(theirs, server, client)[0] == Error.ERR_CONNECTION_ERROR
    forever[0].set_result("too late")
    poll_until(lambda: ("connection_closed",) in log, server, client)
    assert log.index("completed") < log.index(("connection_closed",))  # type: ignore[arg-type]


def test_a_server_that_was_killed() -> None:
    """The client comes back to another server: its session is gone, and so is what it has asked in it."""
    server, client, _ = connected(listening(session_timeout=30.0))
    reply = client.request("m")
    port = server.get_local_port()
    server._shut_down()
    other = WebSocketServer()
    other.bind_address = "localhost"
    other.session_timeout = 30.0
    other.handle("m", lambda _peer_id, _data: "new")
    assert other.listen(port) == 0
    assert outcome(reply, other, client)[0] == Error.ERR_CONNECTION_ERROR
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, other, client)
    assert outcome(client.request("m"), other, client) == (Error.OK, "", "new")


def test_the_nodes_end(pair: Pair, forever: list[Any]) -> None:
    server, client, peer_id = pair
    theirs = server.request(peer_id, "m")
    server.stop()
    assert theirs.error == Error.ERR_CONNECTION_ERROR
    reply = client.request("forever")
    client._shut_down()
    assert reply.error == Error.ERR_CONNECTION_ERROR
    assert client.request("m").error == Error.ERR_CONNECTION_ERROR


def test_the_hub_ends(pair: Pair, forever: list[Any]) -> None:
    _, client, _ = pair
    reply = client.request("forever")
    hub.close(0.0)
    assert reply.error == Error.ERR_CONNECTION_ERROR


@pytest.mark.parametrize("end", ["stop", "close", "shut down", "take back"])
def test_ends_in_a_handler(pair: Pair, end: str) -> None:
    server, client, peer_id = pair

    def handler(_peer_id: int, _data: object) -> str:
        if end == "stop":
            server.stop()
        elif end == "close":
            server.disconnect_peer(peer_id)
        elif end == "shut down":
            server._shut_down()
        else:
            server.handle("m", None)
        return "done"

    server.handle("m", handler)
    reply = client.request("m", None, 0.3)
    error = outcome(reply, server, client)[0]
    assert error == (Error.OK if end == "take back" else error)
    assert reply.is_completed


def test_a_reply_whose_handler_polls_and_asks_again(pair: Pair) -> None:
    server, client, _ = pair
    server.handle("echo", lambda _peer_id, data: data)
    log: list[Any] = []

    def next_one(reply: WebSocketReply) -> None:
        log.append(reply.data)
        if reply.data < 20:
            client.request("echo", reply.data + 1).completed.connect(next_one)
        for _ in range(3):
            server.poll()
            client.poll()

    client.request("echo", 0).completed.connect(next_one)
    poll_until(lambda: len(log) == 21, server, client)
    assert log == list(range(21))


def test_on_another_thread(pair: Pair, forever: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    server, client, _ = pair
    reply = client.request("forever")
    poll_until(lambda: len(forever) == 1, server, client)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        refused = pool.submit(client.request, "m").result()
        pool.submit(reply.cancel).result()
    assert refused.error == Error.ERR_UNAVAILABLE
    assert len(caplog.records) == 1
    assert outcome(reply, server, client)[0] == Error.ERR_SKIP


def test_nothing_is_kept(pair: Pair) -> None:
    server, client, _ = pair
    server.handle("echo", lambda _peer_id, data: data)
    replies = [client.request("echo"), client.request("echo", None, 0.01), client.request("missing")]
    for reply in replies:
        outcome(reply, server, client)
    kept: list[Callable[[], Any]] = [weakref.ref(reply) for reply in replies]
    del replies, reply
    gc.collect()
    assert [one() for one in kept] == [None] * 3
