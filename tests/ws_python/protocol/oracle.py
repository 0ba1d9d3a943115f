"""`websockets`' own frame code as what the codec is compared with, and where the codec differs from it on purpose."""

import codecs
import re
from collections.abc import Sequence
from itertools import cycle

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side
from ws_python.protocol.codec import Closed, Codec, Event, Pong, State
from ws_python.protocol.deflate import Deflate

MAX_SIZE = 3000
# How a surrogate begins, in UTF-8.
SURROGATE = re.compile(rb"\xed[\xa0-\xbf]")
# Small windows, so that messages reach beyond them.
SERVER_BITS, CLIENT_BITS = 9, 10
DEFLATE = Deflate(server_max_window_bits=SERVER_BITS, client_max_window_bits=CLIENT_BITS, min_size=0)

# What the codec refuses and the oracle does not.
STRICTER = {
    # RFC 6455 §5.2: "the minimal number of bytes MUST be used"
    "payload length not in its shortest form",
    "payload length not in its shortest form, or its top bit set",
    # Also of a length that is short, but written as a long one.
    "control frame too long",
    # The oracle drops it.
    "invalid compressed data: data after the final block",
}
# What the codec refuses when it sees the header, and the oracle after the length (1009) or after the payload.
EARLIER = {
    "reserved bits must be 0",
    "fragmented control frame",
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
        self.payloads: list[bytes] = []
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
            self.payloads.append(data)
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
    for extension in oracle.protocol.extensions:
        assert isinstance(extension, PerMessageDeflate)
        if extension.decoder.eof:
            return  # RFC 7692 §7.2.3.4: after a block marked as the last one, the oracle unpacks nothing any more.
    messages = [event for event in events if not isinstance(event, Closed)]
    assert all(ours == theirs for ours, theirs in zip(messages, oracle.events, strict=False))

    if codec.close_reason in STRICTER:
        assert failed
    elif isinstance(oracle.error, PayloadTooBig) and codec.close_code != CloseCode.MESSAGE_TOO_BIG:
        # The oracle counts control frames, and compressed bytes, against the size of a message.
        assert codec.close_reason in EARLIER or deflate or oracle.protocol.current_size
    elif codec.close_code == CloseCode.INVALID_DATA and SURROGATE.search(b"".join(oracle.payloads)):
        # Python's decoder waits for the third byte of a surrogate, though none makes it valid: the oracle reads on.
        assert isinstance(oracle.error, ProtocolError) or oracle.close_code in (None, CloseCode.INVALID_DATA)
    elif deflate and failed:
        # Of several faults in one compressed frame, a cut may show another one first than the whole frame does. What
        # refers to more than the window, zlib lets pass where it unpacks in one go, as the oracle has it do.
        assert oracle.close_code in (1002, 1007, 1009) or "too far back" in codec.close_reason
    elif isinstance(oracle.error, ProtocolError) and str(oracle.error) == "incomplete fragmented message":
        # The oracle forbids a close frame inside a fragmented message; RFC 6455 §5.4 lets control frames in.
        assert oracle.protocol.close_rcvd is not None
        assert (messages, codec.close_code) == (oracle.events, oracle.protocol.close_rcvd.code)
    else:
        assert messages == oracle.events
        assert codec.close_code == (-1 if oracle.close_code is None else oracle.close_code)
        if server and not failed:
            assert sent == b"".join(oracle.protocol.data_to_send())
