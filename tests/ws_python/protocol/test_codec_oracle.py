"""The codec against `websockets`' own frame code: the same bytes, cut anywhere, give the same messages and close code.

Where the codec differs from the oracle on purpose, `assert_same` says so.
"""

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ws_python.protocol.codec import Closed, Codec, Event, Pong, State

from .oracle import DEFLATE, MAX_SIZE, Oracle, assert_same, protocol, run

# Some of them too long to stay in one read, all of them short enough for MAX_SIZE when they do not compress.
texts = st.one_of(st.text(max_size=100), st.integers(0, 900).map(lambda size: "aé€"[: size % 4] * size)).filter(
    lambda text: len(text.encode()) <= MAX_SIZE - 100
)
binaries = st.one_of(
    st.binary(max_size=100),
    st.integers(0, MAX_SIZE - 100).map(bytes),
    st.integers(0, MAX_SIZE - 100).map(lambda size: random.Random(size).randbytes(size)),
)
piece_sizes = st.lists(st.one_of(st.integers(1, 20), st.integers(1, 5000)), min_size=1, max_size=8)
# From a byte or a frame at a time to all that was read.
step_sizes = st.one_of(st.integers(1, 20_000), st.just(1 << 30))


@st.composite
def conversations(draw: st.DrawFn, *, server: bool, deflate: bool) -> tuple[bytes, list[Event]]:
    """What the oracle sends to this side, and what it means."""
    sender = protocol(server=not server, deflate=deflate)
    events: list[Event] = []

    def control_frames() -> None:
        for payload in draw(st.lists(st.binary(max_size=125), max_size=1)):
            if draw(st.booleans()):
                sender.send_ping(payload)
            else:
                sender.send_pong(payload)
                events.append(Pong(payload))

    for message in draw(st.lists(st.one_of(texts, binaries), max_size=5)):
        data = message.encode() if isinstance(message, str) else message
        if deflate and not data:
            continue  # the oracle cannot compress nothing after something
        cuts = sorted(draw(st.sets(st.integers(1, len(data) - 1), max_size=3))) if len(data) > 1 else []
        fragments = [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]
        for i, fragment in enumerate(fragments):
            fin = i == len(fragments) - 1
            if i:
                sender.send_continuation(fragment, fin)
            elif isinstance(message, str):
                sender.send_text(fragment, fin)
            else:
                sender.send_binary(fragment, fin)
            if not fin:
                control_frames()
        events.append(message)
        control_frames()
    if draw(st.booleans()):
        code = draw(st.sampled_from([1000, 1001, 3000, 4999]))
        reason = draw(st.text(max_size=30))
        sender.send_close(code, reason)
        events.append(Closed(code, reason))
    return b"".join(sender.data_to_send()), events


@st.composite
def damaged(draw: st.DrawFn, wires: st.SearchStrategy[bytes]) -> bytes:
    """A wire with a few bytes changed, inserted or removed."""
    wire = bytearray(draw(wires))
    for _ in range(draw(st.integers(0, 3))):
        position = draw(st.integers(0, len(wire)))
        removed = draw(st.integers(0, 3))
        wire[position : position + removed] = draw(st.binary(max_size=3))
    return bytes(wire)


@st.composite
def frames(draw: st.DrawFn, *, server: bool) -> bytes:
    """Frames that need not make sense one after the other; most of them are well-formed."""
    wire = b""
    for _ in range(draw(st.integers(1, 6))):
        opcode = draw(st.sampled_from([0, 0, 1, 1, 2, 2, 8, 9, 10, 3, 11]))
        first = opcode | draw(st.sampled_from([0x80, 0x80, 0x80, 0x00, 0x00, 0xC0, 0x40, 0x90, 0xA0]))
        payload = draw(st.one_of(st.binary(max_size=130), texts.map(str.encode), binaries))
        size = len(payload)
        if draw(st.integers(0, 9)) == 0:
            size = draw(st.sampled_from([126, 65536, MAX_SIZE + 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]))
        mask = server != (draw(st.integers(0, 19)) == 0)
        if size < 126:
            wire += bytes([first, mask << 7 | size])
        elif size < 65536:
            wire += bytes([first, mask << 7 | 126]) + size.to_bytes(2)
        else:
            wire += bytes([first, mask << 7 | 127]) + size.to_bytes(8)
        if mask:
            key = draw(st.binary(min_size=4, max_size=4))
            wire += key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
        else:
            wire += payload
    return wire


@pytest.fixture(autouse=True, scope="module")
def same_masks_in_each_run() -> Iterator[None]:
    """Hypothesis repeats what failed: the oracle must not mask it with another key then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("websockets.frames.secrets.token_bytes", lambda size: bytes(range(251, 251 + size)))
        yield


sides = st.fixed_dictionaries({"server": st.booleans(), "deflate": st.booleans()})
examples = settings(max_examples=250, deadline=None)


@examples
@given(st.data(), sides, piece_sizes, step_sizes)
def test_what_the_oracle_sends(data: st.DataObject, side: dict[str, bool], sizes: list[int], step_size: int) -> None:
    wire, events = data.draw(conversations(**side))
    deflate = DEFLATE if side["deflate"] else None
    codec = Codec(server=side["server"], max_message_size=MAX_SIZE, deflate=deflate, step_size=step_size)
    end = [] if events and isinstance(events[-1], Closed) else [Closed(1006, "")]
    assert run(codec, wire, sizes, eof=True) == events + end
    assert (codec.held, codec.unfinished, codec.state) == (0, 0, State.CLOSED)
    assert_same(wire, sizes, step_size, **side)


@examples
@given(st.data(), sides, piece_sizes, step_sizes)
def test_damaged(data: st.DataObject, side: dict[str, bool], sizes: list[int], step_size: int) -> None:
    conversation = conversations(**side).map(lambda wire_and_events: wire_and_events[0])
    assert_same(data.draw(damaged(conversation)), sizes, step_size, **side)


@examples
@given(st.data(), sides, piece_sizes, step_sizes)
def test_any_frames(data: st.DataObject, side: dict[str, bool], sizes: list[int], step_size: int) -> None:
    assert_same(data.draw(frames(server=side["server"])), sizes, step_size, **side)


@examples
@given(st.binary(max_size=300), sides, piece_sizes, step_sizes)
def test_any_bytes(wire: bytes, side: dict[str, bool], sizes: list[int], step_size: int) -> None:
    assert_same(wire, sizes, step_size, **side)


@examples
@given(st.data(), sides, piece_sizes, step_sizes)
def test_what_the_oracle_understands(
    data: st.DataObject, side: dict[str, bool], sizes: list[int], step_size: int
) -> None:
    """What the codec sends, the oracle reads, and so does a codec: two of them back to back."""
    deflate = DEFLATE if side["deflate"] else None
    sender = Codec(server=not side["server"], deflate=deflate)
    receiver = Codec(server=side["server"], deflate=deflate, step_size=step_size)
    oracle = Oracle(**side)
    sent: list[Event] = []
    for message in data.draw(st.lists(st.one_of(texts, binaries), max_size=6)):
        cut = data.draw(st.integers(-len(message), len(message)))
        if cut > 0:
            sender.send_fragment(message[:cut], first=True, fin=False, text=isinstance(message, str))
            sender.send_fragment(message[cut:], first=False, fin=True, text=isinstance(message, str))
        elif isinstance(message, str):
            sender.send_text(message)
        else:
            sender.send_binary(message)
        sent.append(message)
    sender.send_ping(b"p")
    sender.send_close(4000, "bye")
    wire = sender.data_to_send()
    oracle.receive(wire)
    assert oracle.error is None
    assert (oracle.events, oracle.close_code) == (sent, 4000)
    assert run(receiver, wire, sizes) == [*sent, Closed(4000, "bye")]
    assert run(sender, receiver.data_to_send(), sizes) == [Pong(b"p"), Closed(4000, "bye")]
    assert sender.data_to_send() == b""
