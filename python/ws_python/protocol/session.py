"""The session layer, sans-I/O: messages that survive a cut of the connection, each exactly once and in order.

docs/sessions.md has what is on the wire. Each end keeps a `Session`: what it has sent and the other end has not yet
acknowledged, and how much it has received. The n-th counted message is number n: TCP keeps the order, so that no
message carries its number, and a message of the user's is on the wire as it would be without the layer. Each connection
has a `Layer`, which says hello, and tells what comes of the layer from what comes of the user. Messages go in and come
out; there is no socket here and no clock, and of time only the owner knows.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from .prepared import PreparedMessage

#: How the layer is negotiated: alone, or as "P+session1.ws-python" with a subprotocol P of the user's.
SUBPROTOCOL: Final = "session1.ws-python"
#: ASCII's "data link escape": what begins with it is the layer's own.
DLE: Final = 0x10
_DLE: Final = "\x10"
_DLE_BYTES: Final = b"\x10"

HELLO: Final = "h"
WELCOME: Final = "w"
ACKNOWLEDGEMENT: Final = "a"
CLOCK: Final = "t"
MOVE: Final = "m"
#: A value that a host packs as it likes.
VALUE: Final = "v"
#: What concerns one connection only: it has no number, and is not sent again on another one.
_UNCOUNTED: Final = frozenset((HELLO, WELCOME, ACKNOWLEDGEMENT, CLOCK, MOVE))
#: Of a message of the layer, how long the line before its payload may be, in characters.
MAX_HEAD: Final = 1024
#: By how much a message of the layer is longer than what is in it, at the most.
MAX_OVERHEAD: Final = MAX_HEAD + 3
#: What a kept message is counted with beside its own bytes: about what Python takes for it.
KEPT_OVERHEAD: Final = 64
_OVERHEAD = KEPT_OVERHEAD  # For C: see session.pxd.
_MOST = 2**53 - 1
# Random bytes of a token: 128 bits, and so many characters of base64url.
_TOKEN_SIZE = 16
_TOKEN = re.compile("[A-Za-z0-9_-]{22}")

Wire = str | bytes | PreparedMessage


class LayerError(ValueError):
    """The other side breaks the rules of the layer. The text says how, in one line."""


# --- what the layer says


class LayerMessage(NamedTuple):
    """A message of the layer: a letter, a line of ASCII, and a payload, text or binary."""

    letter: str
    head: str
    payload: str | bytes

    @property
    def is_counted(self) -> bool:
        """Whether it has a number, and survives a cut as messages of the user's do."""
        return self.letter not in _UNCOUNTED

    def tell(self, listener: Any, connection: object) -> None:
        """Tell it."""
        listener._layer_message(connection, self)

    def pack(self) -> str | bytes:
        """As it is on the wire."""
        if isinstance(self.payload, str):
            return f"\x10{self.letter}{self.head}\n{self.payload}"
        return f"\x10{self.letter}{self.head}\n".encode("ascii") + self.payload

    @classmethod
    def unpack(cls, message: str | bytes) -> LayerMessage:
        """Of a message that begins with DLE and is no message of the user's. Raises LayerError."""
        end = message.find("\n", 0, MAX_OVERHEAD) if isinstance(message, str) else message.find(b"\n", 0, MAX_OVERHEAD)
        line = message[: max(end, 0)]
        line = line if isinstance(line, str) else line.decode("latin-1")
        if len(line) < 2 or not line.isascii():
            raise LayerError("a message of the session layer has no line of ASCII before its payload")
        return cls(line[1], line[2:], message[end + 1 :])


class NotLayered(NamedTuple):
    """The server has agreed to the layer's subprotocol, as some do with whatever comes first, and does not speak it."""

    def tell(self, listener: Any, connection: object) -> None:
        """Tell it."""
        listener._not_layered(connection)


class Hello(NamedTuple):
    """What a client says first."""

    #: Of the session that it wants back, or one that it has drawn for the session which it begins.
    token: str
    #: Whether it wants one back.
    resumes: bool
    #: How many counted messages of that session it has received.
    received: int
    #: How much it keeps, in bytes, until it is acknowledged.
    buffer: int

    def tell(self, listener: Any, connection: object) -> None:
        """Tell it."""
        listener._greeted(connection, self)

    def pack(self) -> str:
        """As it is on the wire."""
        fields: dict[str, object] = {"v": 1, "buffer": self.buffer}
        fields |= {"resume": self.token, "received": self.received} if self.resumes else {"token": self.token}
        return LayerMessage(HELLO, _json(fields), "").pack()  # type: ignore[return-value]  # Text is packed as text.

    @classmethod
    def unpack(cls, head: str) -> Hello:
        """Raises LayerError."""
        fields = _fields(head)
        resumes = "resume" in fields
        token = fields.get("resume" if resumes else "token", "")
        if not isinstance(token, str) or fields.get("v") != 1:
            raise LayerError("a hello of another version of the session layer")
        return cls(token, resumes, _number(fields, "received"), _number(fields, "buffer"))


class Welcome(NamedTuple):
    """What a server answers."""

    token: str
    #: What the server knows the client by.
    peer_id: int
    #: How many counted messages of the session it has received.
    received: int
    #: Whether it is the session that was asked for; if not, it is a new one.
    resumed: bool
    #: How long the session outlives its connection, in seconds.
    timeout: float
    #: How much it keeps, in bytes, until it is acknowledged.
    buffer: int

    def tell(self, listener: Any, connection: object) -> None:
        """Tell it."""
        listener._welcomed(connection, self)

    def pack(self) -> str:
        """As it is on the wire."""
        fields = {
            "session": self.token,
            "id": self.peer_id,
            "received": self.received,
            "resumed": self.resumed,
            "ttl": self.timeout,
            "buffer": self.buffer,
        }
        return LayerMessage(WELCOME, _json(fields), "").pack()  # type: ignore[return-value]  # Text is packed as text.

    @classmethod
    def unpack(cls, head: str) -> Welcome:
        """Raises LayerError."""
        fields = _fields(head)
        token, timeout = fields.get("session"), fields.get("ttl", 0)
        if (
            not isinstance(token, str)
            or not token
            or isinstance(timeout, bool)
            or not isinstance(timeout, (int, float))
        ):
            raise LayerError("a welcome of the session layer without its session")
        return cls(
            token,
            _number(fields, "id"),
            _number(fields, "received"),
            fields.get("resumed") is True,
            float(timeout),
            _number(fields, "buffer"),
        )


def _json(fields: dict[str, object]) -> str:
    return json.dumps(fields, separators=(",", ":"))


def _fields(head: str) -> dict[str, object]:
    try:
        fields = json.loads(head)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise LayerError("a greeting of the session layer that is no JSON object")
    return fields


def _number(fields: dict[str, object], name: str) -> int:
    number = fields.get(name, 0)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= _MOST:
        raise LayerError(f'a greeting of the session layer whose "{name}" is no whole number')
    return number


def new_token() -> str:
    """What a session is known by and nobody can guess: 128 random bits in base64url."""
    return secrets.token_urlsafe(_TOKEN_SIZE)


def is_token(text: str) -> bool:
    """Whether it looks like a token."""
    return _TOKEN.fullmatch(text) is not None


def layered(subprotocols: Iterable[str]) -> list[str]:
    """How a client that speaks these subprotocols offers the layer, and that it can do without it."""
    plain = list(subprotocols)
    return [f"{name}+{SUBPROTOCOL}" for name in plain] + plain if plain else [SUBPROTOCOL]


def without_layer(subprotocol: str) -> tuple[str, bool]:
    """The user's part of a subprotocol, and whether the layer is in it."""
    if subprotocol == SUBPROTOCOL:
        return "", True
    name = subprotocol.removesuffix("+" + SUBPROTOCOL)
    return name, name != subprotocol


# --- what outlives a connection


class Session:
    """One end of a session: what is kept for the other end, and what came from it."""

    def __init__(self, buffer_size: int) -> None:
        self.buffer_size = buffer_size
        #: Numbers: of the last message that was sent, given to a connection, acknowledged by the other end.
        self.sent = self.written = self.acknowledged = 0
        #: Numbers: of the last message that came, and of the last one of which the other end was told so.
        self.received = self.told = 0
        #: What is kept takes so many bytes.
        self.kept_size = 0
        #: How many messages were given to a further connection.
        self.replayed = 0
        #: Whether there is a connection that takes messages now.
        self.is_attached = False
        #: Whether the other end may turn out not to speak the layer.
        self.is_tentative = False
        # Of what is kept: the messages, and how much each takes.
        self._kept: list[Wire] = []
        self._sizes: list[int] = []
        # Bytes that came since the other end was told.
        self._untold = 0
        self._others_buffer = buffer_size

    # --- out

    def has_room(self, size: int) -> bool:
        """Whether a message of so many bytes can be kept."""
        return self.kept_size + size + _OVERHEAD <= self.buffer_size

    def send(self, message: Wire, size: int) -> Wire | None:
        """Number a message and keep it: what to put on the wire now, None while there is no connection for it."""
        if self.is_tentative and not isinstance(message, PreparedMessage) and message[:1] in (_DLE, _DLE_BYTES):
            self.is_attached = False  # It means something else where there is no layer: it waits, and what follows.
        size += _OVERHEAD
        self.sent += 1
        self.kept_size += size
        self._kept.append(message)
        self._sizes.append(size)
        if not self.is_attached:
            return None
        self.written = self.sent
        return message

    def unwritten(self) -> list[Wire]:
        """What waits for a connection: call it when there is one."""
        waiting = self.sent - self.written
        self.written = self.sent
        return self._kept[len(self._kept) - waiting :]

    def acknowledge(self, number: int) -> None:
        """The other end has all up to this number. Raises LayerError where that cannot be."""
        self.check_number(number)
        count = number - self.acknowledged
        for size in self._sizes[:count]:
            self.kept_size -= size
        del self._kept[:count], self._sizes[:count]
        self.acknowledged = number

    def check_number(self, number: int) -> None:
        """Whether the other end can have received so many. Raises LayerError."""
        if not self.acknowledged <= number <= self.written:
            raise LayerError(f"message {number} is acknowledged, of {self.acknowledged} to {self.written}")

    def resumes_at(self, number: int) -> None:
        """A new connection: the other end has received all up to this number. What came later is `unwritten` again."""
        self.acknowledge(number)
        self.replayed += self.written - number
        self.written = number

    def attach(self) -> None:
        """There is a connection, and the greetings have told both ends what the other one has received."""
        self.is_attached = True
        self.is_tentative = False
        self.told = self.received
        self._untold = 0

    # --- in another process

    def kept(self) -> list[str | bytes]:
        """What the other end has not acknowledged, as it is on the wire."""
        return [message.wire if isinstance(message, PreparedMessage) else message for message in self._kept]

    def go_on(self, written: int, acknowledged: int, kept: Iterable[tuple[Wire, int]], received: int) -> None:
        """A new one goes on where another one was: with its numbers, and what it has kept with the size of each."""
        for message, size in kept:
            self._kept.append(message)
            self._sizes.append(size + _OVERHEAD)
            self.kept_size += size + _OVERHEAD
        self.written, self.acknowledged = written, acknowledged
        self.sent = acknowledged + len(self._kept)
        self.received = self.told = received

    # --- in

    def count(self, size: int) -> None:
        """A counted message came."""
        self.received += 1
        self._untold += size + _OVERHEAD

    def count_plain(self, messages: Sequence[Any], begin: int) -> int:
        """Count what came, from `begin` on, up to a message that is the layer's, or escaped: where that is."""
        received, untold = 0, 0
        for place in range(begin, len(messages)):
            message = messages[place]
            if isinstance(message, bytes):
                data = message
                if data and data[0] == 0x10:
                    break
                untold += len(data)
            elif isinstance(message, str):
                text = message
                if text and text[0] == "\x10":
                    break
                untold += len(text)
            else:
                continue
            received += 1
        else:
            place = len(messages)
        self.received += received
        self._untold += untold + received * _OVERHEAD
        return place

    def use_buffer_of_other(self, size: int) -> None:
        """So much the other end keeps, and waits when it is full."""
        self._others_buffer = size

    def must_tell(self) -> bool:
        """Whether so much came that the other end should be told at once, lest it has to wait."""
        return self._untold * 4 >= self._others_buffer

    def acknowledgement(self) -> str | None:
        """What to send for that; None where there is nothing new. Once a second will do, but for `must_tell()`."""
        if self.told == self.received:
            return None
        self.told = self.received
        self._untold = 0
        return _acknowledging(self.received)


def _acknowledging(number: int) -> str:
    return LayerMessage(ACKNOWLEDGEMENT, str(number), "").pack()  # type: ignore[return-value]  # Text is packed as text.


# --- one connection


class Layer:
    """What one connection says and hears of the layer.

    `receive` gives what is to be delivered: messages of the user's (str, bytes), `LayerMessage`, `Hello`, `Welcome`,
    and once `NotLayered` where the other end turned out not to speak the layer. `outgoing` is what is to be put on the
    wire. Nothing raises: where the other side breaks the rules, `error` says how, and what came before is delivered.
    """

    def __init__(self, session: Session | None = None, hello: Hello | None = None) -> None:
        """Of a client: its session, and what it says first. Of a server: nothing."""
        self.session = session
        self.outgoing: list[Wire] = []
        self.error = ""
        #: Told of clock samples when they arrive; without one they are delivered as other messages of the layer.
        self.sampler: Callable[[LayerMessage], None] | None = None
        self._is_server = session is None
        #: Whether both ends speak it.
        self.is_on = False
        #: The other end has acknowledged something on this connection: so it has heard the greeting.
        self.is_confirmed = False
        self._is_off = False
        self._has_left = False
        self._hello = "" if hello is None else hello.pack()
        #: A server has been greeted and has not answered: what comes meanwhile waits.
        self.is_greeted = False
        self._waiting: list[str | bytes] = []
        self._is_resuming = hello is not None and hello.resumes
        if session is not None and hello is not None:
            self.outgoing.append(self._hello)
            # A session that is new begins at once: where the other side does not know the layer, nothing is different.
            session.is_attached = session.is_tentative = not self._is_resuming

    # --- in

    def receive(self, messages: Sequence[Any]) -> list[object]:
        """What to deliver of what came. What is neither str nor bytes is delivered as it is."""
        events: list[object] = []
        try:
            self._receive(messages, events)
        except LayerError as error:
            self.error = str(error)
        return events

    def _receive(self, messages: Sequence[Any], events: list[object]) -> None:
        session = self.session
        if self._is_off:
            events += messages
            return
        if not self.is_on or session is None:
            self._receive_first(messages, events)
            return
        begin = 0
        while (place := session.count_plain(messages, begin)) < len(messages):
            events += messages[begin:place]
            self._receive_escaped(session, messages[place], events)
            begin = place + 1
        events += messages[begin:]
        if session.must_tell():
            self.tell_received()

    def _receive_escaped(self, session: Session, message: str | bytes, events: list[object]) -> None:
        """Of a message that begins with DLE."""
        if message[1:2] in (_DLE, _DLE_BYTES):
            session.count(len(message))
            events.append(message[1:])
            return
        said = LayerMessage.unpack(message)
        if said.letter == ACKNOWLEDGEMENT:
            if not said.head.isascii() or not said.head.isdigit() or len(said.head) > len(str(_MOST)):
                raise LayerError("an acknowledgement without a number")
            session.acknowledge(int(said.head))
            self.is_confirmed = True
        elif said.letter in (HELLO, WELCOME):
            raise LayerError("a second greeting on one connection")
        elif said.letter == CLOCK and self.sampler is not None:
            self.sampler(said)
        else:
            if said.is_counted:
                session.count(len(message))
            events.append(said)

    def _receive_first(self, messages: Sequence[Any], events: list[object]) -> None:
        """Until it is known whether the other end speaks the layer; on a server, until the hello is answered."""
        for place, message in enumerate(messages):
            if not isinstance(message, (str, bytes)):
                events.append(message)
            elif self.is_greeted:
                self._waiting.append(message)
            elif self._is_server:
                first = self._greeting(message)
                if first is None:
                    raise LayerError("no hello, which a client of the session layer says first")
                self.is_greeted = True
                events.append(first)
            else:
                self._decide(self._greeting(message), messages[place:], events)
                return

    def _decide(self, welcome: Hello | Welcome | None, messages: Sequence[Any], events: list[object]) -> None:
        """A client has the server's first message."""
        if not isinstance(welcome, Welcome):
            self._turn_off()
            events.append(NotLayered())
            events += messages[messages[0] == self._hello :]  # One that sends back what it gets.
            return
        session = self.session
        assert session is not None
        if self._is_resuming and welcome.resumed:
            session.resumes_at(welcome.received)
        elif self._is_resuming:
            session = self.session = Session(session.buffer_size)
        session.use_buffer_of_other(welcome.buffer)
        events.append(welcome)
        self._go_on(session)
        self.outgoing.append(_acknowledging(session.received))  # It shows that the new token came.
        self._receive(messages[1:], events)

    def _greeting(self, message: str | bytes) -> Hello | Welcome | None:
        """None where it is none: the other end does not speak the layer."""
        letter = HELLO if self._is_server else WELCOME
        if not isinstance(message, str) or not message.startswith(_DLE + letter):
            return None
        head = LayerMessage.unpack(message).head
        return Hello.unpack(head) if self._is_server else Welcome.unpack(head)

    def _turn_off(self) -> None:
        session, self.session = self.session, None
        self._is_off = True
        assert session is not None
        if not self._is_resuming:
            self.outgoing += [plain for message in session.unwritten() if (plain := _unescaped(message)) is not None]

    # --- a server's answer

    def welcome(self, session: Session, welcome: Welcome, buffer: int) -> list[object]:
        """Answer a hello that came with this buffer size: from now on this connection carries the session.

        What to deliver that waited for it. Of a session that is resumed, `resumes_at` was called before.
        """
        session.use_buffer_of_other(buffer)
        self.session = session
        self.is_greeted = False
        self.outgoing.append(welcome.pack())
        self._go_on(session)
        waiting, self._waiting = self._waiting, []
        return self.receive(waiting)

    def _go_on(self, session: Session) -> None:
        self.is_on = True
        session.attach()
        self.outgoing += session.unwritten()

    def leave(self) -> None:
        """The connection takes no messages any more: what is sent from now on is kept for the next one."""
        if self.session is not None and not self._has_left:
            self._has_left = True
            self.session.is_attached = False  # Once: by now another connection may have it.

    # --- out

    def tell_received(self) -> None:
        """Acknowledge what came."""
        if self.is_on and self.session is not None and (told := self.session.acknowledgement()) is not None:
            self.outgoing.append(told)


def escaped(message: str | bytes) -> str | bytes:
    """A message of the user's, as it is on the wire: it is changed only where it would be taken for the layer's."""
    if isinstance(message, str):
        return _DLE + message if message.startswith(_DLE) else message
    return _DLE_BYTES + message if message.startswith(_DLE_BYTES) else message


def _unescaped(message: Wire) -> Wire | None:
    """As it is to be sent where there is no layer; None for what is the layer's own."""
    if isinstance(message, PreparedMessage) or message[:1] not in (_DLE, _DLE_BYTES):
        return message
    return message[1:] if message[1:2] in (_DLE, _DLE_BYTES) else None
