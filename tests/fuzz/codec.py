"""Fuzz target: the codec of either side. Frames cut anywhere come in while messages, pings and closes go out.

What holds, whatever comes: nothing that came in raises. Events are the same however the bytes were cut and parsed. What
is kept is within its bounds. What goes out, the other side's codec understands, message for message. `Closed` is the
last event, and there is nothing after it.
"""

from __future__ import annotations

from collections.abc import Callable

from ws_python.protocol.codec import Closed, Codec, Event, Pong, State
from ws_python.protocol.deflate import Deflate
from ws_python.protocol.prepared import PreparedMessage

from tests.fuzz import wire
from tests.fuzz.given import Given, pieces

MAX_SIZES = (0, 5, 125, 1000, 20_000, 100_000, 200_000, 16 * 1024 * 1024)
STEPS = (1, 400, 3000, 100_000, 384 * 1024, 1 << 30)
DEFLATES = (
    Deflate(min_size=0, server_max_window_bits=9, client_max_window_bits=9),
    Deflate(min_size=10, server_no_context_takeover=True),
    Deflate(min_size=0, client_no_context_takeover=True, client_max_window_bits=8, binary=False),
)
CODES = (1000, 1001, 1002, 1005, 1008, 1011, 3000, 4999, 0, 999, 1004, 1006, 1015, 2999, 5000, 65535)
TEXTS = ("", "a", "é€𐀀", "x" * 130, "€" * 300)
# Beside what an unfinished message carries: an event's overhead, zlib's state and its window.
OVERHEAD = 64 + 8 * 1024 + (1 << 15)
# Of pongs that nobody takes so much is kept, and the newest, and a close frame.
MOST_ANSWERED = 4 * 1024 + 2 * 131
# The most bytes of memory of one character of text.
WIDEST = 4


class Conversation:
    """The codec under test, `ours`; `theirs`, which gets what it sends; and what both should have told."""

    def __init__(self, given: Given) -> None:
        self.given = given
        setup = given.byte()
        self.server = setup & 1 == 1
        self.deflate = DEFLATES[setup // 2 % 3] if setup & 128 else None
        self.max_size = MAX_SIZES[given.below(len(MAX_SIZES))]
        self.step = STEPS[given.below(len(STEPS))]
        if self.deflate and self.step < 100_000:
            self.max_size = min(self.max_size, 1000)  # Byte by byte, more takes seconds.
        self.ours = self.codec(self.step)
        self.theirs = Codec(server=not self.server, deflate=self.deflate, max_message_size=1 << 24, step_size=1 << 30)
        self.came = bytearray()
        self.events: list[Event] = []
        self.told: list[Event] = []
        self.sent: list[Event] = []
        self.fragments = b""
        self.fragments_are_text = False
        self.sending_fragments = False
        self.sent_code: int | None = None
        self.is_at_end = False
        self.was_ended_by_us = False
        self.was_discarded = False
        self.has_queued = False

    def codec(self, step: int) -> Codec:
        return Codec(server=self.server, deflate=self.deflate, max_message_size=self.max_size, step_size=step)

    # --- in

    def receive(self, data: bytes) -> None:
        """Bytes arrive, by one of the two ways in."""
        if self.is_at_end:
            return
        if self.ours.close_code == -1:
            self.came += data
        before = self.ours.events_size
        if self.given.flag():
            self.ours.receive_data(data)
        else:
            while data:
                view = self.ours.get_buffer(-1)
                assert len(view)
                size = min(len(view), len(data))
                view[:size] = data[:size]
                del view  # It is not to be used after that.
                before = self.ours.events_size
                self.ours.buffer_updated(size)
                data = data[size:]
        # A step ends behind the frame with which its work is done.
        assert self.ours.events_size - before <= self.step + WIDEST * self.max_size + 1000

    def receive_frame(self) -> None:
        frame = wire.frame(self.given, masked=self.server)
        for piece in pieces(frame, self.given.sizes()):
            self.receive(piece)

    def receive_bytes(self) -> None:
        self.receive(self.given.block())

    def resume(self) -> None:
        before, held = self.ours.events_size, self.ours.held
        self.ours.resume()
        assert self.ours.held <= held
        assert self.ours.events_size - before <= self.step + WIDEST * self.max_size + 1000

    def take_events(self) -> None:
        events = self.ours.events_received()
        assert self.ours.events_size == 0
        assert not (events and self.events and isinstance(self.events[-1], Closed))
        self.events += events

    def end(self) -> None:
        self.is_at_end = True
        self.ours.receive_eof()

    def fail(self) -> None:
        if self.ours.close_code == -1:
            self.was_ended_by_us = True
        self.ours.fail(1008, "flood")

    def discard(self) -> None:
        self.was_ended_by_us = self.was_discarded = True
        self.ours.discard()

    # --- out

    def send(self, send: Callable[[], object], message: Event, *, allowed: bool) -> None:
        """Send a message, which raises unless it is allowed."""
        try:
            send()
        except RuntimeError:
            assert not allowed
        else:
            assert allowed
            self.sent.append(message)

    @property
    def may_send(self) -> bool:
        return self.ours.state is State.OPEN and not self.sending_fragments

    def send_text(self) -> None:
        text = TEXTS[self.given.below(len(TEXTS))]
        self.send(lambda: self.ours.send_text(text), text, allowed=self.may_send)

    def send_binary(self) -> None:
        data = self.given.payload()
        self.send(lambda: self.ours.send_binary(data), data, allowed=self.may_send)

    def send_prepared(self) -> None:
        data = self.given.payload()
        message = PreparedMessage(data)
        self.send(lambda: self.ours.send_prepared(message), data, allowed=self.may_send and self.server)

    def send_binary_head(self) -> None:
        data = self.given.payload()
        try:
            goes = self.ours.send_binary_head(len(data))
        except RuntimeError:
            assert not self.may_send
            return
        assert self.may_send
        if goes:
            self.sent.append(data)
            self.deliver(self.ours.data_to_send() + data)

    def send_fragment(self) -> None:
        how, data = self.given.byte(), self.given.payload()
        first, fin, text = how & 1 == 1, how & 2 == 2, how & 4 == 4
        allowed = self.ours.state is State.OPEN and first != self.sending_fragments
        is_text = text if first else self.fragments_are_text
        try:
            self.ours.send_fragment(data, first=first, fin=fin, text=text)
        except RuntimeError:
            assert not allowed
            return
        except ValueError:
            assert allowed
            assert is_text
            return
        assert allowed
        self.fragments = data if first else self.fragments + data
        self.fragments_are_text, self.sending_fragments = is_text, not fin
        if fin:
            self.sent.append(self.fragments.decode() if is_text else self.fragments)

    def send_control(self) -> None:
        send = self.ours.send_ping if self.given.flag() else self.ours.send_pong
        payload = self.given.block()
        try:
            send(payload)
        except RuntimeError:
            assert self.ours.state is State.CLOSED
        except ValueError:
            assert len(payload) > 125

    def send_close(self) -> None:
        code, reason = CODES[self.given.below(len(CODES))], self.given.block().decode("utf-8", "ignore")
        state = self.ours.state
        try:
            self.ours.send_close(code, reason)
        except ValueError:
            assert code not in (1000, 1001, 1002, 1008, 1011, 3000, 4999) or len(reason.encode()) > 123
            assert self.ours.state is state
            return
        assert self.ours.state is not State.OPEN
        if state is State.OPEN and self.sent_code is None and self.ours.close_code == -1:
            self.sent_code = code

    def take_output(self) -> None:
        data = self.ours.data_to_send()
        assert self.ours.buffered_amount == 0
        self.deliver(data)

    def deliver(self, data: bytes) -> None:
        self.theirs.receive_data(data)
        self.told += self.theirs.events_received()
        self.theirs.data_to_send()

    # --- what holds always

    ACTIONS = (
        receive_frame,
        receive_bytes,
        resume,
        take_events,
        send_text,
        send_binary,
        send_prepared,
        send_binary_head,
        send_fragment,
        send_control,
        send_close,
        take_output,
        end,
        fail,
        discard,
    )
    SENDS = (send_text, send_binary, send_prepared, send_binary_head, send_fragment, send_control, send_close)

    def run(self) -> None:
        while self.given:
            # Of two actions one is that a frame arrives.
            number = self.given.byte()
            action = self.ACTIONS[number % len(self.ACTIONS) if number < 128 else 0]
            action(self)
            self.has_queued = action is not Conversation.take_output and (self.has_queued or action in self.SENDS)
            self.check()
        self.take_events()
        self.end()
        while self.ours.held:
            self.resume()
        self.take_events()
        self.take_output()
        self.check()
        self.compare()

    def check(self) -> None:
        ours = self.ours
        assert ours.held <= len(self.came)
        assert ours.unfinished <= ours.held + self.max_size + OVERHEAD
        assert ours.unfinished or not (ours.has_unfinished or ours.held)
        if ours.close_code != -1:
            assert not (ours.held or ours.unfinished or ours.has_unfinished)
        assert self.has_queued or ours.buffered_amount <= MOST_ANSWERED
        assert (ours.state is State.OPEN) == ours.is_open()
        # What the other side gives as its reason is its own affair.
        assert ours.close_reason.isprintable() or ours.close_received or ours.close_code not in (1002, 1007, 1009)

    def compare(self) -> None:
        ours, whole = self.ours, self.codec(1 << 30)
        assert ours.state is State.CLOSED
        whole.receive_data(bytes(self.came))
        whole.receive_eof()
        assert not whole.held
        expected = whole.events_received()
        events = [event for event in self.events if not isinstance(event, Closed)]
        assert events == expected[: len(events)]
        if not self.was_discarded:
            assert self.events == [*events, Closed(ours.close_code, ours.close_reason)]
        # Of several faults in compressed data another one may be met first.
        if not (self.was_ended_by_us or (self.deflate and {ours.close_code, whole.close_code} & {1002, 1007, 1009})):
            assert self.events == expected
        told = [event for event in self.told if not isinstance(event, Pong | Closed)]
        assert told == self.sent[: len(told)]
        if not self.was_discarded:
            assert told == self.sent
            assert self.theirs.close_code in (self.sent_code, ours.close_code) or (
                # Nothing is sent for an end without a closing handshake but the code that says so.
                ours.close_code == 1006 and self.theirs.close_code == -1
            )


def run(data: bytes) -> None:
    """One conversation."""
    Conversation(Given(data)).run()
