"""The codec against `websockets`' own frame code: the same bytes, cut anywhere, give the same messages and close code.

Where the codec differs from the oracle on purpose, `assert_same` says so.
"""

import codecs
import random
from collections.abc import Iterator, Sequence
from itertools import cycle, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side
from ws_python.protocol.codec import Closed, Codec, Event, Pong, State
from ws_python.protocol.deflate import Deflate

MAX_SIZE = 3000
# Small windows, so that messages reach beyond them.
SERVER_BITS, CLIENT_BITS = 9, 10
DEFLATE = Deflate(server_max_window_bits=SERVER_BITS, client_max_window_bits=CLIENT_BITS, min_size=0)

# What the codec refuses and the oracle does not.
STRICTER = {
    # RFC 6455 §5.2: "the minimal number of bytes MUST be used"
    "payload length not in its shortest form",
    "payload length not in its shortest form, or its top bit set",
    # The oracle drops it.
    "invalid compressed data: data after the final block",
}
# What the codec refuses when it sees the header, and the oracle after the length (1009) or after the payload.
EARLIER = {
    "reserved bits must be 0",
    "fragmented control frame",
    "control frame too long",
    "unexpected continuation frame",
    "expected a continuation frame",
}


def protocol(*, server: bool, deflate: bool) -> Protocol:
    result = Protocol(Side.SERVER if server else Side.CLIENT, state=OPEN, max_size=MAX_SIZE)
    if deflate:
        bits = (CLIENT_BITS, SERVER_BITS) if server else (SERVER_BITS, CLIENT_BITS)
        result.extensions = [PerMessageDeflate(False, False, *bits)]
    return result


class Oracle:
    """Joins the frames of a `websockets` protocol to messages; text is checked frame by frame."""

    def __init__(self, *, server: bool, deflate: bool) -> None:
        self.protocol = protocol(server=server, deflate=deflate)
        self.events: list[Event] = []
        self.frames = 0
        self.close_code: int | None = None
        self.error: Exception | None = None  # why the protocol failed, unless a text before was invalid
        self._message = b""
        self._is_text = False
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def receive(self, data: bytes) -> None:
        if self.close_code is not None:
            return
        self.protocol.receive_data(data)
        try:
            for frame in self.protocol.events_received():
                assert isinstance(frame, Frame)
                self.frames += 1
                self._receive_frame(frame.opcode, bytes(frame.data), frame.fin)
        except UnicodeDecodeError:
            self.close_code = CloseCode.INVALID_DATA
            return
        self.error = self.protocol.parser_exc
        if self.protocol.close_sent is not None:
            self.close_code = self.protocol.close_sent.code

    def finish_frame(self) -> None:
        """Feed zeros until the frame that is arriving is complete, or found wrong."""
        frames = self.frames
        for _ in range(MAX_SIZE + 14):
            if self.close_code is not None or self.frames > frames:
                return
            self.receive(b"\0")

    def _receive_frame(self, opcode: Opcode, data: bytes, fin: bool) -> None:
        if opcode is Opcode.PONG:
            self.events.append(Pong(data))
        elif opcode not in (Opcode.PING, Opcode.CLOSE):
            if opcode is not Opcode.CONT:
                self._message = b""
                self._is_text = opcode is Opcode.TEXT
                self._decoder.reset()
            self._message += data
            if self._is_text:
                self._decoder.decode(data, fin)
            if fin:
                self.events.append(self._message.decode() if self._is_text else self._message)


def run(codec: Codec, wire: bytes, sizes: Sequence[int], *, eof: bool = False) -> list[Event]:
    """Feed the codec pieces of these sizes, over and over; after each it parses up to three further steps."""
    events: list[Event] = []
    position = 0
    for size in cycle(sizes):
        if position >= len(wire):
            if eof:
                codec.receive_eof()
            while codec.held:
                codec.resume()
            return events + codec.events_received()
        view = codec.get_buffer(-1)
        piece = wire[position : position + min(size, len(view))]
        view[: len(piece)] = piece
        codec.buffer_updated(len(piece))
        for _ in range(size % 4):
            codec.resume()
        events += codec.events_received()
        position += len(piece)
    raise AssertionError


def assert_same(wire: bytes, sizes: Sequence[int], step_size: int, *, server: bool, deflate: bool) -> None:
    codec = Codec(server=server, max_message_size=MAX_SIZE, deflate=DEFLATE if deflate else None, step_size=step_size)
    whole = Codec(server=server, max_message_size=MAX_SIZE, deflate=DEFLATE if deflate else None, step_size=1 << 30)
    oracle = Oracle(server=server, deflate=deflate)
    events = run(codec, wire, sizes)
    whole.receive_data(wire)
    sent, sent_by_whole = codec.data_to_send(), whole.data_to_send()
    oracle.receive(wire)
    if codec.state == State.CLOSED:
        assert events[-1] == Closed(codec.close_code, codec.close_reason)
        oracle.finish_frame()  # the codec may have seen early what is wrong with it
    failed = codec.close_code in (1002, 1007, 1009)
    if not (deflate and failed):
        assert events == whole.events_received()
        assert len(sent) == len(sent_by_whole)
    messages = [event for event in events if not isinstance(event, Closed)]
    assert all(ours == theirs for ours, theirs in zip(messages, oracle.events, strict=False))

    if codec.close_reason in STRICTER:
        assert failed
    elif isinstance(oracle.error, PayloadTooBig) and codec.close_code != CloseCode.MESSAGE_TOO_BIG:
        # The oracle counts control frames, and compressed bytes, against the size of a message.
        assert codec.close_reason in EARLIER or deflate or oracle.protocol.current_size
    elif deflate and failed:
        # Of several faults in one compressed frame, a cut may show another one first than the whole frame does.
        assert oracle.close_code in (1002, 1007, 1009)
    elif isinstance(oracle.error, ProtocolError) and str(oracle.error) == "incomplete fragmented message":
        # The oracle forbids a close frame inside a fragmented message; RFC 6455 §5.4 lets control frames in.
        assert oracle.protocol.close_rcvd is not None
        assert (messages, codec.close_code) == (oracle.events, oracle.protocol.close_rcvd.code)
    else:
        assert messages == oracle.events
        assert codec.close_code == (-1 if oracle.close_code is None else oracle.close_code)
        if server and not failed:
            assert sent == b"".join(oracle.protocol.data_to_send())


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
