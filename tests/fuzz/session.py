"""Fuzz target: the session layer, in pairs that are cut anywhere, and against an other end that says anything.

What holds: nothing raises. Between two ends that keep to the rules, what arrives is what was sent, each message once
and in order, and all of it once there is a connection that lasts. Whatever one says that does not keep to them, it ends
in an error or is heard.
"""

from __future__ import annotations

from ws_python.protocol.codec import Closed
from ws_python.protocol.session import Hello, Layer, LayerMessage, NotLayered, Session, Welcome, escaped, new_token

from tests.fuzz.given import Given
from tests.ws_python.protocol.session_pair import Pair

BUFFERS = (1024, 4096, 64 * 1024)


def message(given: Given) -> str | bytes:
    """Text or binary; often one that looks like the layer's own."""
    kind, data = given.byte(), given.block()
    if kind & 2:
        data = b"\x10" + data
    return data.decode("utf-8", "replace") if kind & 1 else data


def together(given: Given) -> None:
    """Two ends of ours."""
    pair = Pair(buffer=BUFFERS[given.below(len(BUFFERS))])
    ends = (pair.client, pair.server)
    while given:
        action, end = given.byte(), ends[given.below(2) if pair.has_begun else 0]
        if action < 128:
            data = message(given)
            if end.session.has_room(len(data) * 4):
                end.send(data)
        elif action < 160:
            payload = message(given)
            if end.session.has_room(len(payload) * 4 + 64):
                end.request("1 x", payload)
        elif action < 208:
            pair.pass_on(given.byte() * 2)
        elif action < 232:
            pair.connect()
        else:
            end.tell_received()
        for each in ends:
            assert each.error == ""
            assert each.session.kept_size <= each.session.buffer_size
    pair.pass_on()
    pair.connect()
    pair.pass_on()
    assert pair.server.received == pair.client.sent
    assert pair.client.received == pair.server.sent
    assert pair.client.sessions <= 2  # The hello of the first one may have been lost.


def against_anything(given: Given) -> None:
    """One end of ours, and messages of any kind."""
    session = Session(BUFFERS[given.below(len(BUFFERS))])
    is_server, is_back = given.flag(), given.flag()
    layer = Layer() if is_server else Layer(session, Hello(new_token(), is_back, session.received, session.buffer_size))
    heard = 0
    while given:
        action = given.byte()
        if action < 64 and session.has_room(1000):
            data = message(given)
            session.send(escaped(data), len(data))
            continue
        said = message(given)
        if action >= 192:
            letter = "hwaqrxktm"[given.below(9)]
            said = f"\x10{letter}" + given.block().decode("utf-8", "replace") + "\n" * given.below(2)
        for event in layer.receive([said, *([Closed(1000, "")] if action & 1 else [])]):
            heard += 1
            assert isinstance(event, str | bytes | LayerMessage | Hello | Welcome | NotLayered | Closed)
            if isinstance(event, Hello):
                welcome = Welcome("token", 2, session.received, False, 1.0, session.buffer_size)
                layer.welcome(session, welcome, event.buffer)
        assert layer.error.isprintable()
        assert 0 <= session.acknowledged <= session.written <= session.sent
        layer.outgoing = []
        if layer.error:
            return


def run(data: bytes) -> None:
    """One of both."""
    given = Given(data)
    (together if given.flag() else against_anything)(given)
